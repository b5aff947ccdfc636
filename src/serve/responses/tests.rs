//! Which readers are closed, and how long a response holds its memory.

use http_body_util::BodyExt;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::super::limiter::{ConnectionGuard, ConnectionLimiter, Precedence};
use super::super::tracked::ResponseBody;
use super::budget::MIN_RATE;
use super::*;

/// Serves these bytes to the client at the other end of the stream, as often as it requests them.
fn serve(guard: &ConnectionGuard, held: Arc<HeldBytes>) -> DuplexStream {
    let (client, server) = duplex(1024);
    let connection = Arc::clone(guard.connection());
    tokio::spawn(async move {
        let service = service_fn(move |_: Request<hyper::body::Incoming>| {
            let request = connection.begin(Precedence::Scrape);
            request.work();
            let body = held.body(Some(&request));
            let body = ResponseBody::new(body, request, None);
            async move { Ok::<_, std::convert::Infallible>(Response::new(body)) }
        });
        let builder = Builder::new(TokioExecutor::new()).http1_only();
        let served = builder.serve_connection(TokioIo::new(server), service);
        served.await.expect("the client closes the connection");
    });
    client
}

/// Requests a response of `bytes`, and reads it.
async fn scrape(client: &mut DuplexStream, bytes: usize) {
    let request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
    client.write_all(request).await.expect("sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.expect("a head"));
    }
    let mut body = vec![0; bytes];
    client.read_exact(&mut body).await.expect("a body");
}

async fn reader(limiter: &ConnectionLimiter) -> (ConnectionGuard, ActiveRequest) {
    let guard = limiter.admit("no_room").await;
    let request = guard.connection().begin(Precedence::Ordinary);
    (guard, request)
}

fn is_closed(guard: &ConnectionGuard) -> bool {
    guard.connection().reason() == Some(SLOW_READER)
}

#[tokio::test(start_paused = true)]
async fn the_readers_of_the_oldest_response_are_closed_when_they_are_behind() {
    let (limiter, budget) = (
        ConnectionLimiter::new(16),
        ResponseBudget::with_bytes(100_000),
    );
    let page = || Bytes::from(vec![b'x'; 40_000]);
    let (stalled, request) = reader(&limiter).await;
    let body = budget.hold(page()).await.body(Some(&request));
    tokio::time::advance(Duration::from_secs(3)).await;
    let (fresh, fresh_request) = reader(&limiter).await;
    let fresh_body = budget.hold(page()).await.body(Some(&fresh_request));
    let waiting = tokio::spawn({
        let budget = budget.clone();
        async move { budget.hold(page()).await }
    });
    stalled.connection().closed().cancelled().await;
    assert!(is_closed(&stalled) && !is_closed(&fresh));
    assert!(!waiting.is_finished(), "the memory is not free yet");
    drop((body, request, stalled));
    let held = waiting.await.expect("no panic");
    assert_eq!(budget.0.held().bytes, 80_000);
    drop((held, fresh_body));
    assert_eq!(budget.0.held().bytes, 0);
}

#[tokio::test(start_paused = true)]
async fn fast_readers_are_closed_oldest_first_after_a_wait() {
    let (limiter, budget) = (
        ConnectionLimiter::new(16),
        ResponseBudget::with_bytes(100_000),
    );
    let page = || Bytes::from(vec![b'x'; 60_000]);
    let (fast, request) = reader(&limiter).await;
    let _body = budget.hold(page()).await.body(Some(&request));
    let began = Instant::now();
    let connection = Arc::clone(fast.connection());
    tokio::spawn(async move {
        loop {
            connection.count(1 << 20);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let waiting = tokio::spawn({
        let budget = budget.clone();
        async move { budget.hold(page()).await }
    });
    fast.connection().closed().cancelled().await;
    assert!(began.elapsed() >= MAX_WAIT);
    drop((_body, request, fast));
    drop(waiting.await.expect("no panic"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_read_its_response_keeps_its_connection() {
    let (limiter, budget) = (
        ConnectionLimiter::new(16),
        ResponseBudget::with_bytes(100_000),
    );
    let page = || Bytes::from(vec![b'x'; 60_000]);
    let held = budget.hold(page()).await;
    let (stalled, request) = reader(&limiter).await;
    let _body = held.body(Some(&request));
    let scraper = limiter.admit("no_room").await;
    let mut client = serve(&scraper, held);
    scrape(&mut client, 60_000).await;
    tokio::time::advance(Duration::from_secs(3)).await;
    let waiting = tokio::spawn({
        let budget = budget.clone();
        async move { budget.hold(page()).await }
    });
    stalled.connection().closed().cancelled().await;
    // Long enough that readers that are not behind are closed too.
    tokio::time::sleep(MAX_WAIT * 2).await;
    assert!(!is_closed(&scraper) && !waiting.is_finished());
    scrape(&mut client, 60_000).await;
}

#[tokio::test]
async fn a_buffered_frame_counts_against_the_budget() {
    let limiter = ConnectionLimiter::new(16);
    let budget = ResponseBudget::with_bytes(100_000);
    let (_guard, request) = reader(&limiter).await;
    let held = budget.hold(Bytes::from(vec![b'x'; 60_000])).await;
    let mut body = held.body(Some(&request));
    drop(held);
    let mut last = None;
    while let Some(frame) = body.frame().await {
        last = frame.expect("no error").into_data().ok();
    }
    drop(body);
    let readers = || {
        let held = budget.0.held();
        let readers = held.responses.values().map(|it| it.readers.len());
        (held.bytes, readers.collect::<Vec<_>>())
    };
    assert_eq!(readers(), (60_000, vec![1]));
    drop(last);
    assert_eq!(readers(), (0, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_waits_for_a_handler_is_not_behind() {
    let limiter = ConnectionLimiter::new(16);
    let (guard, request) = reader(&limiter).await;
    request.work();
    tokio::time::advance(Duration::from_secs(3)).await;
    let behind = || guard.connection().bytes_behind(MIN_RATE, Instant::now());
    assert_eq!(behind(), 0);
    request.wait();
    tokio::time::advance(Duration::from_secs(3)).await;
    assert!(behind() > MIN_RATE);
}

#[tokio::test]
async fn one_response_may_be_larger_than_the_budget() {
    let budget = ResponseBudget::with_bytes(10);
    let held = budget.hold(Bytes::from(vec![b'x'; 50_000])).await;
    let sent = to_bytes(held.body(None), usize::MAX).await.expect("bytes");
    assert_eq!(sent.len(), 50_000);
}
