//! The scrape configurations of `docs/metrics.md` that divide the page, used by a real Prometheus; and what is refused.

use std::net::SocketAddr;
use std::time::Duration;

use super::server::Prometheus;
use crate::docs::example;
use crate::http::get;
use crate::process::{demo, until};

const SOON: Duration = Duration::from_secs(120);

/// A Prometheus with this example, against another address and with short intervals.
fn prometheus(example: &str, address: SocketAddr) -> Prometheus {
    let config = example.replace("127.0.0.1:10131", &address.to_string());
    let config = config
        .replace("15s", "1s")
        .replace("30s", "1s")
        .replace("2m", "1s");
    Prometheus::start(tempfile::tempdir().expect("a temporary folder"), &config)
}

/// Asserts that the targets are up, differ in `part`, and together have each series of the page once.
fn assert_divide(prometheus: &Prometheus, parts: &[&str]) {
    for part in parts {
        let up = format!("up{{job=\"whatsapp\", part={part:?}}} == 1");
        until("the part", SOON, || prometheus.value(&up));
    }
    // One expression each, because a scrape between two would change what they count.
    for expression in [
        "count(whatsapp_exporter_build_info) == 1",
        "count(whatsapp_business_account_info) == count(count by (waba_id) (whatsapp_business_account_info))",
        "count(whatsapp_message_template_info) == count(count by (template_id) (whatsapp_message_template_info))",
    ] {
        until("each series once", SOON, || prometheus.value(expression));
    }
}

#[test]
fn a_real_prometheus_scrapes_groups_and_parts() {
    let (_demo, address) = demo("5");
    let groups = prometheus(&example("docs/metrics.md", "yaml", "collect[]"), address);
    let parts = prometheus(&example("docs/metrics.md", "yaml", "__param_part"), address);
    assert_divide(&groups, &["states", "templates"]);
    assert_divide(&parts, &["1", "2", "3", "4"]);
    // Each part of the page is an account less than the page, unless the accounts of the demo are all in one part.
    let busiest = parts.value("max(scrape_samples_scraped)").expect("samples");
    let all = parts.value("sum(scrape_samples_scraped)").expect("samples");
    assert!(busiest < all, "{busiest} of {all}");

    for (path, error) in [
        (
            "/metrics?collect[]=number",
            "collect[]: \"number\" is not known; give any of numbers, ",
        ),
        (
            "/metrics?collect%5B%5D=numbers&part=5/4",
            "part: \"5/4\" is not a part; ",
        ),
    ] {
        let answer = get(address, path, "").expect("an answer");
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.body.starts_with(error), "{}", answer.body);
    }
    // An unrelated parameter selects nothing.
    let answer = get(address, "/metrics?collect%5B%5D=access&debug=1", "").expect("an answer");
    assert!(answer.body.contains("whatsapp_access_token_valid"));
    assert!(!answer.body.contains("whatsapp_exporter_"));
}
