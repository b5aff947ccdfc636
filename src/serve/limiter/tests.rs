//! Which connection is closed, and when, on a paused clock.

use super::*;

const REASON: &str = "no_room";

async fn pass(milliseconds: u64) {
    tokio::time::advance(Duration::from_millis(milliseconds)).await;
}

fn is_closed(guard: &ConnectionGuard) -> bool {
    guard.connection().closed().is_cancelled()
}

async fn fill(limiter: &ConnectionLimiter) -> Vec<ConnectionGuard> {
    let mut guards = Vec::new();
    while limiter.free.available_permits() > 0 {
        guards.push(limiter.admit(REASON).await);
    }
    guards
}

/// Admits one more connection, and returns the numbers of the connections that were closed for it.
async fn closed_for_one_more(
    limiter: ConnectionLimiter,
    guards: &mut [Option<ConnectionGuard>],
) -> Vec<usize> {
    let coming = tokio::spawn(async move { limiter.admit(REASON).await });
    loop {
        tokio::task::yield_now().await;
        let closed: Vec<usize> = guards
            .iter()
            .enumerate()
            .filter_map(|(place, guard)| is_closed(guard.as_ref()?).then_some(place))
            .collect();
        if !closed.is_empty() {
            closed.iter().for_each(|place| guards[*place] = None);
            drop(coming.await.expect("no panic"));
            return closed;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_slowest_connection_is_closed() {
    let limiter = ConnectionLimiter::new(4);
    let mut guards: Vec<_> = fill(&limiter).await.into_iter().map(Some).collect();
    let request = |place: usize, precedence| {
        let guard: &ConnectionGuard = guards[place].as_ref().expect("open");
        guard.connection().begin(precedence)
    };
    let (idle, fast, slow) = (0, 1, 2);
    let requests = [
        request(fast, Precedence::Delivery),
        request(slow, Precedence::Delivery),
    ];
    pass(3_000).await;
    requests[0].connection().count(10_000);
    requests[1].connection().count(10);
    // The idle connection began before both, with the same head start, and has moved no bytes.
    let newest = request(3, Precedence::Ordinary);
    assert_eq!(closed_for_one_more(limiter, &mut guards).await, [idle]);
    drop((requests, newest));
}

#[tokio::test(start_paused = true)]
async fn a_dripping_client_ranks_slower_than_a_new_one() {
    let limiter = ConnectionLimiter::new(2);
    let mut guards: Vec<_> = fill(&limiter).await.into_iter().map(Some).collect();
    let dripping = guards[0].as_ref().expect("open").connection().clone();
    let _body = dripping.begin(Precedence::Delivery);
    for _ in 0..20 {
        pass(100).await;
        dripping.count(1);
    }
    let fresh = guards[1].as_ref().expect("open").connection().clone();
    let _request = fresh.begin(Precedence::Delivery);
    assert_eq!(closed_for_one_more(limiter, &mut guards).await, [0]);
}

#[tokio::test(start_paused = true)]
async fn only_signed_bodies_have_a_head_start() {
    let limiter = ConnectionLimiter::new(2);
    let mut guards: Vec<_> = fill(&limiter).await.into_iter().map(Some).collect();
    let begin = |place: usize, precedence| {
        let guard: &ConnectionGuard = guards[place].as_ref().expect("open");
        guard.connection().begin(precedence)
    };
    let _signed = begin(0, Precedence::Delivery);
    pass(400).await;
    let _nameless = begin(1, Precedence::Ordinary);
    assert_eq!(closed_for_one_more(limiter, &mut guards).await, [1]);
}

#[tokio::test(start_paused = true)]
async fn new_connections_wait_while_all_have_their_head_start() {
    let limiter = ConnectionLimiter::new(2);
    let guards = fill(&limiter).await;
    let coming = tokio::spawn(async move { limiter.admit(REASON).await });
    let first = guards[0].connection().clone();
    let _request = first.begin(Precedence::Delivery);
    pass(300).await;
    assert!(!guards.iter().any(is_closed) && !coming.is_finished());
    pass(300).await;
    tokio::select! {
        () = first.closed().cancelled() => {}
        () = guards[1].connection().closed().cancelled() => {}
    }
    drop(guards);
    drop(coming.await.expect("no panic"));
}

#[tokio::test(start_paused = true)]
async fn working_handlers_keep_their_connection_up_to_their_share() {
    let limiter = ConnectionLimiter::new(16);
    let guards = fill(&limiter).await;
    let begin = |guard: &ConnectionGuard, precedence| {
        let request = guard.connection().begin(precedence);
        request.work();
        request
    };
    let ordinary: Vec<_> = guards[..10]
        .iter()
        .map(|guard| begin(guard, Precedence::Ordinary))
        .collect();
    let deliveries: Vec<_> = guards[10..]
        .iter()
        .map(|guard| begin(guard, Precedence::Delivery))
        .collect();
    pass(1_000).await;
    let protected = |guard: &&ConnectionGuard| {
        guard
            .connection()
            .rank(Instant::now(), Duration::ZERO)
            .is_none()
    };
    assert_eq!(guards[..10].iter().filter(protected).count(), 8);
    assert_eq!(guards[10..].iter().filter(protected).count(), 4);
    // A protected request that waits for its turn loses its protection.
    let pause = deliveries[0].pause();
    pass(1_000).await;
    assert_eq!(guards[10..].iter().filter(protected).count(), 3);
    drop(pause);
    assert_eq!(guards[10..].iter().filter(protected).count(), 4);
    drop((ordinary, deliveries));
    pass(1_000).await;
    assert_eq!(guards.iter().filter(protected).count(), 0);
    assert_eq!(limiter.shared.protected.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn time_of_an_unprotected_handler_does_not_count_as_delay() {
    // A limit of one leaves no share for any precedence.
    let limiter = ConnectionLimiter::new(1);
    let guard = limiter.admit(REASON).await;
    let request = guard.connection().begin(Precedence::Scrape);
    request.work();
    pass(3_000).await;
    assert!(
        guard
            .connection()
            .rank(Instant::now(), Duration::ZERO)
            .is_some()
    );
    request.respond();
    let behind = |rate| guard.connection().bytes_behind(rate, Instant::now());
    assert_eq!(behind(1 << 20), 0);
    assert_eq!(
        guard.connection().rank(Instant::now(), Duration::ZERO),
        None
    );
    pass(1_000).await;
    assert!(
        behind(1 << 20) > 0
            && guard
                .connection()
                .rank(Instant::now(), Duration::ZERO)
                .is_some()
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_ends_during_the_response_protects_nothing() {
    let limiter = ConnectionLimiter::new(16);
    let guard = limiter.admit(REASON).await;
    let request = guard.connection().begin(Precedence::Delivery);
    let pause = request.pause();
    request.respond();
    request.work();
    drop(pause);
    request.wait();
    request.work();
    pass(1_000).await;
    assert!(
        guard
            .connection()
            .rank(Instant::now(), Duration::ZERO)
            .is_some()
    );
    assert_eq!(limiter.shared.protected.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn while_all_handlers_work_the_first_to_finish_is_closed() {
    let limiter = ConnectionLimiter::new(1);
    let guard = limiter.admit(REASON).await;
    // A limit of one leaves no share for any precedence, so the test protects the connection itself.
    guard
        .connection()
        .activity
        .lock()
        .expect("unpoisoned")
        .protected = 1;
    let coming = tokio::spawn(async move { limiter.admit(REASON).await });
    pass(200).await;
    assert!(!is_closed(&guard));
    guard
        .connection()
        .activity
        .lock()
        .expect("unpoisoned")
        .protected = 0;
    guard.connection().closed().cancelled().await;
    assert_eq!(guard.connection().reason(), Some(REASON));
    drop(guard);
    drop(coming.await.expect("no panic"));
}

#[tokio::test(start_paused = true)]
async fn lateness_extends_the_head_start() {
    let limiter = ConnectionLimiter::new(1);
    let guard = limiter.admit(REASON).await;
    let late = Duration::from_millis(200);
    limiter.shared.note_lateness(late, Instant::now());
    limiter.shared.note_lateness(Duration::ZERO, Instant::now());
    let rank = |limiter: &ConnectionLimiter| {
        let now = Instant::now();
        guard.connection().rank(now, limiter.shared.lateness(now))
    };
    pass(600).await;
    assert_eq!(rank(&limiter), None, "500 ms and 200 ms");
    pass(101).await;
    assert!(rank(&limiter).is_some());
    limiter.shared.note_lateness(late * 10, Instant::now());
    pass(100).await;
    assert!(rank(&limiter).is_some(), "250 ms at most");
    pass(5_000).await;
    assert_eq!(limiter.shared.lateness(Instant::now()), Duration::ZERO);
}
