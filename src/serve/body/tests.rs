//! Limits of size, time, rate and memory, on a paused clock.

use tokio::time::{Instant, sleep};

use super::*;

fn of_length(length: usize) -> Body {
    Body::from(vec![b'x'; length])
}

async fn read(budget: &BodyBudget, body: Body, limit: usize) -> Result<usize, BodyError> {
    let whole = budget.read(&HeaderMap::new(), body, limit).await;
    whole.map(|whole| whole.bytes.len())
}

/// A body of `times` chunks of `bytes`, one after every `pause`.
fn trickle(bytes: usize, pause: Duration, times: usize) -> Body {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        for time in 0..times {
            if time > 0 {
                sleep(pause).await;
            }
            if sender.send(Bytes::from(vec![b'x'; bytes])).await.is_err() {
                return;
            }
        }
    });
    Body::new(Received(receiver))
}

struct Received(tokio::sync::mpsc::Receiver<Bytes>);

impl HttpBody for Received {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        let data = self.0.poll_recv(context);
        data.map(|data| data.map(|data| Ok(hyper::body::Frame::data(data))))
    }
}

#[tokio::test]
async fn bodies_have_a_limit() {
    let budget = BodyBudget::default();
    assert_eq!(read(&budget, of_length(10), 10).await, Ok(10));
    assert_eq!(
        read(&budget, of_length(11), 10).await,
        Err(BodyError::TooLarge)
    );
    assert_eq!(read(&budget, Body::empty(), 0).await, Ok(0));
}

#[tokio::test(start_paused = true)]
async fn a_declared_length_over_the_limit_is_refused_before_reading() {
    let headers = HeaderMap::from_iter([(header::CONTENT_LENGTH, 11.into())]);
    let never = trickle(1, Duration::from_secs(1_000), 11);
    let began = Instant::now();
    let refused = BodyBudget::default().read(&headers, never, 10).await;
    assert_eq!(refused.err(), Some(BodyError::TooLarge));
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn slow_senders_pass_and_stalled_or_dripping_ones_do_not() {
    let budget = BodyBudget::default();
    // A modem of 56 kbit/s, with 7 KB each second; and a client that is silent for 4 s at first.
    for (bytes, pause, times) in [(7_000, 1_000, 20), (500, 4_000, 2), (1_200, 1_000, 50)] {
        let body = trickle(bytes, Duration::from_millis(pause), times);
        assert_eq!(read(&budget, body, 1 << 20).await, Ok(bytes * times));
    }
    for (bytes, pause, most) in [(10, 1_000_000, 6), (1, 100, 6), (900, 1_000, 60)] {
        let began = Instant::now();
        let body = trickle(bytes, Duration::from_millis(pause), 10_000);
        assert_eq!(read(&budget, body, 1 << 20).await, Err(BodyError::TooSlow));
        assert!(began.elapsed() <= Duration::from_secs(most));
    }
}

#[tokio::test(start_paused = true)]
async fn no_body_takes_longer_than_a_minute() {
    let body = trickle(2_000, Duration::from_secs(1), 1_000);
    let began = Instant::now();
    let outcome = read(&BodyBudget::default(), body, 1 << 22).await;
    assert_eq!(outcome, Err(BodyError::TooSlow));
    assert_eq!(began.elapsed(), MAX_TIME);
}

#[tokio::test(start_paused = true)]
async fn stalled_bodies_lose_their_memory_to_others() {
    let budget = BodyBudget::with_bytes(1 << 20);
    let stalled: Vec<_> = (0..100)
        .map(|_| {
            let (budget, body) = (budget.clone(), trickle(70_000, Duration::from_secs(100), 2));
            tokio::spawn(async move { read(&budget, body, 1 << 22).await })
        })
        .collect();
    sleep(Duration::from_secs(3)).await;
    let began = Instant::now();
    let large = trickle(16 * 1024, Duration::from_millis(10), 128);
    assert_eq!(read(&budget, large, 1 << 22).await, Ok(2 << 20));
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    for reader in stalled {
        assert_eq!(reader.await.expect("no panic"), Err(BodyError::TooSlow));
    }
    assert_eq!(budget.0.free.available_permits(), 1 << 20);
}

#[tokio::test(start_paused = true)]
async fn bodies_that_all_make_progress_take_turns_and_all_end() {
    let budget = BodyBudget::with_bytes(1 << 20);
    let readers: Vec<_> = (0..20)
        .map(|_| {
            let body = trickle(64 * 1024, Duration::from_millis(100), 12);
            let budget = budget.clone();
            tokio::spawn(async move { read(&budget, body, 1 << 20).await })
        })
        .collect();
    for reader in readers {
        assert_eq!(reader.await.expect("no panic"), Ok(12 * 64 * 1024));
    }
    assert_eq!(budget.0.free.available_permits(), 1 << 20);
}
