//! An alert about an account continues when the owner of the account is killed: it neither resolves nor is sent twice, with
//! our rules, a real Prometheus and a real Alertmanager.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;

use super::replicas::{Cluster, DATABASE, PATIENCE};
use crate::alerts::chain::Chain;
use crate::http::{metrics, post};
use crate::process::{exported_by, quiet_meta, until};
use crate::support::measured;
use crate::support::postgres::PostgresServer;

/// So many times faster, a window of five minutes still covers a takeover, also on a busy machine.
const TIMES: f64 = 10.0;

const ALERT: &str = "WhatsAppNumberQualityLow";

const NUMBER: &str = "900100200300401";

/// Evaluations in which a resolved or repeated alert would be seen: longer than the window of the rule and the wait of
/// Alertmanager between two notifications of a group together.
const QUIET: Duration = Duration::from_secs(70);

/// The replica that exports the number.
fn owner(cluster: &Cluster) -> Result<usize, String> {
    let series = format!("phone_number_id=\"{NUMBER}\"");
    let exports = |address: SocketAddr| {
        metrics(address).is_ok_and(|page| {
            page.lines().any(|line| {
                line.starts_with("whatsapp_phone_number_info{") && line.contains(&series)
            })
        })
    };
    let owner = cluster.replicas.iter().position(|one| exports(one.address));
    owner.ok_or_else(|| "nobody exports the number".to_owned())
}

#[test]
fn a_takeover_neither_resolves_an_alert_nor_sends_it_twice() {
    let server = PostgresServer::start(&["fsync=off"]);
    let (meta, graph) = quiet_meta(&[]);
    let config = format!(
        "graph: {{base_url: 'http://{graph}'}}\n\
         poll: {{numbers_interval: 1s, account_interval: 1s, templates_interval: 1s, calls_per_hour: 20000}}\n"
    );
    let cluster = Cluster::start_with(2, &server.url(DATABASE), &config, &exported_by(&meta));
    until("an owner of the number", PATIENCE, || owner(&cluster));
    let chain = Chain::over_replicas(&cluster.addresses(), TIMES);
    let change = json!({
        "change": "quality_rating_changed", "phone_number_id": NUMBER, "quality_rating": "RED",
    });
    let answer = post(graph, "/simulator/changes", &change).expect("it answers");
    assert_eq!(answer.status, 200, "{answer:?}");
    chain.until_received("pager", "firing", ALERT);

    let before = owner(&cluster).expect("it is exported");
    let killed = Instant::now();
    cluster.replicas[before].kill();
    let after = until("another owner of the number", PATIENCE, || owner(&cluster));
    let taken_over = killed.elapsed();
    assert_ne!(before, after);
    let firing = format!("sum(ALERTS{{alertname=\"{ALERT}\", alertstate=\"firing\"}})");
    while killed.elapsed() < QUIET {
        let firing = chain.prometheus.value(&firing);
        assert_eq!(firing, Ok(1.0), "{:?} after the kill", killed.elapsed());
        std::thread::sleep(Duration::from_millis(200));
    }
    let told = |status| chain.pages.of("pager", status, ALERT).len();
    assert_eq!([told("firing"), told("resolved")], [1, 0]);

    // The new owner polls the number, so the alert ends when the rating recovers.
    let change = json!({
        "change": "quality_rating_changed", "phone_number_id": NUMBER, "quality_rating": "GREEN",
    });
    let answer = post(graph, "/simulator/changes", &change).expect("it answers");
    assert_eq!(answer.status, 200, "{answer:?}");
    chain.until_received("pager", "resolved", ALERT);
    assert_eq!(told("firing"), 1);
    measured(&format!(
        "the number was exported again {taken_over:?} after the kill"
    ));
}
