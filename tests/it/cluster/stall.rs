//! Commits wait for a synchronous standby that is gone. Nothing fails, so the replicas must detect it by timeouts.

use std::net::SocketAddr;
use std::time::Duration;

use super::deliveries::{Fact, accounts, send};
use super::ledger::{Ledger, until_settled};
use super::replicas::{Cluster, DATABASE, NO_META, PATIENCE, watching};
use crate::http::{get, metrics};
use crate::process::until;
use crate::support::postgres::PostgresServer;
use crate::support::scrape::Scrape;

/// A replica refuses after 5 s. Meta waits longer.
const SOON: Duration = Duration::from_secs(120);

fn until_ready_is(address: SocketAddr, status: u16) {
    until("another readiness", SOON, || {
        match get(address, "/-/ready", "") {
            Ok(answer) if answer.status == status => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}

fn up(address: SocketAddr) -> f64 {
    let page = Scrape(metrics(address).expect("it answers"));
    page.sum("whatsapp_exporter_store_up", &[])
}

#[test]
fn replicas_notice_that_commits_wait_for_a_standby_that_is_gone() {
    let server = PostgresServer::start(&["fsync=off"]);
    let config = format!("{NO_META}{}", watching(&accounts()));
    let cluster = Cluster::start(2, &server.url(DATABASE), &config);
    let mut ledger = Ledger::default();
    ledger.begin(&cluster);
    until_settled(&cluster, &server);
    let addresses = cluster.addresses();
    let set = |standby: &str| {
        server.execute(
            DATABASE,
            &format!("ALTER SYSTEM SET synchronous_standby_names = '{standby}'"),
        );
        server.execute(DATABASE, "SELECT pg_reload_conf()");
    };
    set("gone");
    // The server applies the setting a moment later.
    let facts = (5_000..).map(|number| Fact { account: 0, number });
    let mut sent = facts.map(|fact| (fact, send(addresses[0], &[fact], SOON)));
    let waits = sent.find_map(|(fact, answer)| {
        ledger.sent.insert(fact);
        let status = answer.expect("it answers").status;
        if status == 200 {
            ledger.acknowledged.insert(fact);
            return None;
        }
        assert_eq!(status, 503);
        Some(fact)
    });
    let waits = waits.expect("there are many");
    // Also the other one, which only sends heartbeats and looks into the inbox until it commits.
    let answer = send(addresses[1], &[waits], SOON).expect("it answers");
    assert_eq!(answer.status, 503, "{answer:?}");
    for address in &addresses {
        until_ready_is(*address, 503);
        assert_eq!(up(*address), 0.0);
    }
    // It is never reported as up in between.
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(addresses.iter().map(|one| up(*one)).sum::<f64>(), 0.0);
    }

    set("");
    for address in &addresses {
        until_ready_is(*address, 200);
        assert_eq!(up(*address), 1.0);
    }
    until("a commit", PATIENCE, || {
        match send(addresses[0], &[waits], SOON) {
            Ok(answer) if answer.status == 200 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    ledger.acknowledged.insert(waits);
    ledger.settle(&cluster, &server, 0);
}
