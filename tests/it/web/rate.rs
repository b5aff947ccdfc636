//! The rate of requests.

use super::authority::Authority;
use super::{exporter_with, status};

#[tokio::test]
async fn more_than_agreed_is_refused_and_probes_are_not_counted() {
    let ca = Authority::new();
    // The next one is due after an hour: the burst is all there is.
    let file = "rate_limit:\n  interval: 1h\n  burst: 10\n";
    let exporter = exporter_with(file, "", &ca.server(), &ca).await;
    let ask = |path: &str| status(&exporter.http, format!("{}{path}", exporter.url));
    let mut answered = 0;
    while ask("/metrics").await == Some(200) {
        answered += 1;
    }
    // The simulated Meta may have taken some of them.
    assert!((1..=10).contains(&answered), "{answered}");
    assert_eq!(ask("/metrics").await, Some(429));
    assert_eq!(
        exporter.post_signed(b"{}".to_vec()).await,
        429,
        "Meta comes again"
    );
    for _ in 0..10 {
        assert_eq!(ask("/-/healthy").await, Some(200));
        assert_eq!(ask("/-/ready").await, Some(200));
    }
}
