//! `relay list`, `retry` and `drop` apply to the deliveries of all replicas, sent to any replica.

use std::net::SocketAddr;
use std::time::Duration;

use super::deliveries::{ACCOUNTS, Fact, accounts, body_of, send, waba_id};
use super::ledger::{Ledger, until_settled};
use super::replicas::{Cluster, DATABASE, NO_META, PATIENCE, variables, watching};
use crate::http::metrics;
use crate::process::{outcome, until};
use crate::relay::upstream::{Manner, Upstream};
use crate::support::postgres::PostgresServer;
use crate::support::scrape::Scrape;

/// A part of the body of refused deliveries.
const POISON: &str = "wamid.666";

const DROPPED: &str = "whatsapp_exporter_relay_dropped_total";

fn refused(account: usize) -> Fact {
    Fact {
        account,
        number: 666_000 + account as u64,
    }
}

/// What the command prints about the upstream, sent to one replica.
fn try_relay(address: SocketAddr, action: &str, account: Option<usize>) -> Result<String, String> {
    let url = format!("--url=http://{address}/webhook");
    let account = account.map(|account| format!("--account={}", waba_id(account)));
    let mut arguments = vec!["relay", action, url.as_str()];
    arguments.extend(account.as_deref());
    let mut variables = variables();
    variables.push(("WHATSAPP_BUSINESS_ACCOUNT_IDS".to_owned(), waba_id(0)));
    let outcome = outcome(&arguments, &variables);
    match outcome.code {
        Some(0) => Ok(outcome.out.trim().to_owned()),
        _ => Err(outcome.log),
    }
}

fn relay(address: SocketAddr, action: &str, account: Option<usize>) -> String {
    try_relay(address, action, account).expect("the exporter executes it")
}

fn until_reported(address: SocketAddr, expected: &str) {
    until(expected, PATIENCE, || {
        match try_relay(address, "list", None)? {
            output if output == expected => Ok(()),
            output => Err(output),
        }
    });
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one course of events, whose steps need each other"
)]
fn a_relay_command_is_about_the_deliveries_of_all_replicas() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let upstream = runtime.block_on(Upstream::new(Manner::Dislikes(POISON, 400)));
    let server = PostgresServer::start(&["fsync=off"]);
    let config = format!(
        "{NO_META}{}relay:\n  park_after: 1\n  upstreams:\n    - {{name: app, url: '{}'}}\n",
        watching(&accounts()),
        upstream.url(),
    );
    let cluster = Cluster::start(2, &server.url(DATABASE), &config);
    let mut ledger = Ledger::default();
    ledger.begin(&cluster);
    until_settled(&cluster, &server);
    let [one, other] = [0, 1].map(|index| cluster.replicas[index].address);
    for account in 0..ACCOUNTS {
        let address = if account % 2 == 0 { one } else { other };
        let answer = send(address, &[refused(account)], PATIENCE).expect("it answers");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    for address in [one, other] {
        until_reported(address, "app: 0 waiting, 12 parked");
    }
    let parked = |address| {
        let page = Scrape(metrics(address).expect("it answers"));
        page.sum("whatsapp_exporter_relay_parked_deliveries", &[])
    };
    assert!(
        parked(one) > 0.0 && parked(other) > 0.0,
        "both have a share"
    );

    let until_shown = |expected: f64| {
        until("the owners to show what is left", PATIENCE, || {
            match parked(one) + parked(other) {
                count if count == expected => Ok(()),
                count => Err(count.to_string()),
            }
        });
    };
    // For each account at both replicas, so also where another replica owns the account.
    for (account, left) in [(0, 11.0), (1, 10.0)] {
        for (address, expected) in [(one, 1), (other, 0)] {
            let output = relay(address, "drop", Some(account));
            let expected = format!("app: {expected} parked deliveries dropped; ");
            assert!(output.starts_with(&expected), "{output}");
            until_shown(left);
        }
    }
    for address in [one, other] {
        until_reported(address, "app: 0 waiting, 10 parked");
    }
    let counts = [one, other].map(|address| {
        let page = Scrape(metrics(address).expect("it answers"));
        page.sum(DROPPED, &[("reason", "operator")])
    });
    assert_eq!(counts.iter().sum::<f64>(), 2.0, "{counts:?}");

    // After a restart of the database, the replicas have no shards for a moment. Nothing is dropped.
    server.restart_immediate();
    for address in [one, other] {
        until_reported(address, "app: 0 waiting, 10 parked");
    }
    until_shown(10.0);
    for address in [one, other] {
        let page = Scrape(metrics(address).expect("it answers"));
        assert_eq!(page.sum(DROPPED, &[("reason", "size")]), 0.0);
    }

    upstream.answer(Manner::Takes(Duration::ZERO));
    until("a retry after the restart", PATIENCE, || {
        try_relay(one, "retry", None)
    });
    for address in [one, other] {
        until_reported(address, "app: 0 waiting, 0 parked");
    }
    let mut taken: Vec<String> = upstream
        .taken()
        .into_iter()
        .map(|one| String::from_utf8(one.body).expect("JSON"))
        .filter(|body| body.contains(POISON))
        .collect();
    taken.sort();
    // Those that were dropped never arrive, and none arrives twice.
    let mut expected: Vec<String> = (2..ACCOUNTS)
        .map(|account| body_of(&[refused(account)]))
        .collect();
    expected.sort();
    assert_eq!(taken, expected);
}
