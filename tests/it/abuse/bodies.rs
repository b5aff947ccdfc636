//! Bodies as large as Meta may make them, many at once; and others that should not be.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{Target, good};

const MIB: usize = 1024 * 1024;

/// A good delivery, made so long by something that nobody reads.
fn of_length(number: u64, length: usize) -> Vec<u8> {
    let body = String::from_utf8(good(number)).expect("JSON");
    let padding = "x".repeat(length - body.len());
    body.replacen("Sample", &format!("Sample{padding}"), 1)
        .into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_deliveries_in_parallel_are_all_acknowledged() {
    let target = Arc::new(Target::start(&[]));
    let mut senders = JoinSet::new();
    for sender in 0..100 {
        let target = Arc::clone(&target);
        senders.spawn(async move { target.deliver(of_length(1_000 + sender, 3 * MIB)).await });
    }
    // In between, what an orchestrator asks and Meta sends.
    for number in 0..20 {
        target.is_well(number).await;
    }
    while let Some(status) = senders.join_next().await {
        assert_eq!(status.expect("no panic"), 200);
    }
    target.is_within_its_memory();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_the_limit_or_unsigned_is_refused_and_leaves_nothing_behind() {
    let target = Target::start(&[]);
    assert_eq!(
        target.deliver(of_length(1, 4 * MIB)).await,
        200,
        "the limit itself"
    );
    for _ in 0..20 {
        assert_eq!(target.deliver(of_length(2, 4 * MIB + 1)).await, 413);
        let unsigned = target.http.post(target.url("/webhook"));
        let unsigned = unsigned.header("X-Hub-Signature-256", format!("sha256={}", "0".repeat(64)));
        let answer = unsigned.body(of_length(3, 3 * MIB)).send().await;
        assert_eq!(answer.expect("an answer").status(), 401);
    }
    target.is_well(4).await;
    target.is_within_its_memory();
}
