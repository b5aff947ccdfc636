//! A real Prometheus that scrapes all replicas, with the relabelings that give a series the same identity whichever
//! replica exports it.

use std::net::SocketAddr;
use std::time::Duration;

use crate::alerts::chain::relabelings;
use crate::process::until;
use crate::prometheus::server::Prometheus;

const PATIENCE: Duration = Duration::from_secs(120);

/// The counters of messages and statuses, over all scrapes of the test.
const COUNTERS: &str = "{__name__=~\"whatsapp_message.*_total\", waba_id!=\"\", instance=\"\"}[1h]";

/// Starts one that scrapes these replicas every second.
pub fn scraping(replicas: &[SocketAddr]) -> Prometheus {
    let targets: Vec<String> = replicas.iter().map(|one| format!("'{one}'")).collect();
    let text = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n  - job_name: whatsapp\n    \
         static_configs: [{{targets: [{}]}}]\n{}",
        targets.join(", "),
        relabelings()
    );
    Prometheus::start(tempfile::tempdir().expect("a temporary folder"), &text)
}

/// Waits until it has counters of so many accounts.
pub fn until_known(prometheus: &Prometheus, accounts: usize) {
    let count = format!("count(count by (waba_id) (last_over_time({COUNTERS})))");
    until("counters of all accounts", PATIENCE, || {
        match prometheus.value(&count)? {
            count if count == accounts as f64 => Ok(()),
            count => Err(format!("{count} of {accounts}")),
        }
    });
}

/// Asserts that no counter has gone down. Returns the number of counters.
pub fn assert_no_resets(prometheus: &Prometheus, seed: u64) -> f64 {
    let value = |expression: String| prometheus.value(&expression).expect("a value");
    let resets = prometheus.query(&format!("resets({COUNTERS}) > 0"));
    let resets = resets.expect("a result");
    let found = resets["result"].as_array().map(Vec::len);
    assert_eq!(found, Some(0), "{resets}, seed {seed}");
    value(format!("count(resets({COUNTERS}))"))
}
