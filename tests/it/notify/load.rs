//! How fast changes arrive, while one receiver is down.

use std::time::{Duration, Instant};

use super::*;
use crate::durability::deliveries::{Fact, body_of};
use crate::support::measured;

/// Number of changes, and their number in one delivery.
const CHANGES: u64 = 2_000;
const PER_DELIVERY: u64 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures; run it alone"]
async fn changes_per_second_and_their_delay() {
    let (upstream, down) = (
        Upstream::new(at_once()).await,
        Upstream::new(Manner::Answers(503)).await,
    );
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = format!("sqlite:{}", folder.path().join("state.db").display());
    let file = notifying(
        &upstream.url(),
        &format!("    - name: down\n      url: {}\n", down.url()),
    );
    let exporter = Exporter::stored(small_world(), &file, &store).await;
    exporter.until_polled(WABA, "templates").await;
    let fact = |number: u64| Fact {
        time: 1_775_000_000 + number,
        template: 7_001_002_003_000 + number % 40,
        event: ["PAUSED", "APPROVED"][usize::try_from(number / 40 % 2).expect("0 or 1")],
    };
    let began = Instant::now();
    for first in (0..CHANGES).step_by(PER_DELIVERY as usize) {
        let facts: Vec<Fact> = (first..first + PER_DELIVERY).map(fact).collect();
        assert_eq!(
            exporter.post_signed(body_of(&facts).into_bytes()).await,
            200
        );
    }
    let acknowledged = began.elapsed();
    exporter.until(SENT, CHANGES as f64).await;
    let all = began.elapsed();
    let sent = upstream.asked();
    let one = Instant::now();
    let body = body_of(&[fact(CHANGES)]);
    assert_eq!(exporter.post_signed(body.into_bytes()).await, 200);
    let posted = loop {
        if let Some(at) = upstream.asked_at().get(sent) {
            break *at;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    measured(&format!(
        "{CHANGES} changes acknowledged in {acknowledged:?}, posted one by one in {all:?}; one change posted {:?} after its \
         webhook was sent",
        posted - one
    ));
}
