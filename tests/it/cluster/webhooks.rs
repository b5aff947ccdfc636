//! A webhook may reach any replica, not only the owner of the account.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::deliveries::{ACCOUNTS, Fact, accounts, body_of, send, waba_id};
use super::ledger::{Ledger, until_settled};
use super::replicas::{Cluster, DATABASE, NO_META, PATIENCE, watching};
use crate::durability::peers::Peers;
use crate::http::metrics;
use crate::process::until;
use crate::support::measured;
use crate::support::postgres::PostgresServer;
use crate::support::scrape::Scrape;

const MESSAGES: &str = "whatsapp_messages_received_total";

/// Deliveries of the test, each about two accounts.
const DELIVERIES: u64 = 20;

/// Least number of templates' statuses of each account that these change. The first of each template is none.
const CHANGES: usize = 13;

/// Limit of the fastest of the deliveries: on a busy machine, others may take longer. On an idle one, each takes less than
/// 50 ms.
const APPLIED_WITHIN: Duration = Duration::from_secs(10);

/// The replica that exports an account, and its number of messages.
fn exported(cluster: &Cluster, account: usize) -> Result<(usize, f64), String> {
    let waba_id = waba_id(account);
    let labels = [("waba_id", waba_id.as_str())];
    for (index, replica) in cluster.replicas.iter().enumerate() {
        let page = Scrape(metrics(replica.address)?);
        if page.how_many(MESSAGES, &labels) > 0 {
            return Ok((index, page.sum(MESSAGES, &labels)));
        }
    }
    Err(format!("nobody exports {waba_id}"))
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one course of events, whose steps need each other"
)]
fn a_delivery_reaches_the_owners_of_its_accounts_and_the_upstream_once() {
    let server = PostgresServer::start(&["fsync=off"]);
    let peers = Peers::start();
    let config = format!(
        "{NO_META}{1}relay:\n  upstreams:\n    - {{name: application, url: 'http://{0}/whatsapp'}}\n\
         notify:\n  webhooks:\n    - {{name: chat, url: 'http://{0}/whatsapp'}}\n",
        peers.application,
        watching(&accounts()),
    );
    let cluster = Cluster::start(2, &server.url(DATABASE), &config);
    let mut ledger = Ledger::default();
    ledger.begin(&cluster);
    until_settled(&cluster, &server);
    let owners: Vec<usize> = (0..ACCOUNTS)
        .map(|account| exported(&cluster, account).expect("it is exported").0)
        .collect();
    let of = |replica| owners.iter().position(|owner| *owner == replica);
    let accounts = [of(0), of(1)].map(|account| account.expect("both replicas own accounts"));
    let mut sent = Vec::new();
    let mut took = Vec::new();
    for number in 0..DELIVERIES {
        let facts = accounts.map(|account| Fact {
            account,
            number: 1_000 + number,
        });
        let before = accounts.map(|account| exported(&cluster, account).expect("exported").1);
        let receiver = &cluster.replicas[number as usize % 2];
        let answer = send(receiver.address, &facts, PATIENCE).expect("it answers");
        assert_eq!(answer.status, 200, "{answer:?}");
        let began = Instant::now();
        for (account, before) in accounts.into_iter().zip(before) {
            until(
                "the owner to count the message",
                PATIENCE,
                || match exported(&cluster, account)? {
                    (_, count) if count == before + 1.0 => Ok(()),
                    other => Err(format!("{other:?}, {before} before")),
                },
            );
        }
        took.push(began.elapsed());
        sent.push(body_of(&facts));
    }
    took.sort_unstable();
    let (fastest, slowest) = (took[0], took[took.len() - 1]);
    measured(&format!(
        "a message of another's account is counted after {fastest:?} to {slowest:?}"
    ));
    assert!(fastest < APPLIED_WITHIN, "{took:?}");
    until("the upstream to have all deliveries", PATIENCE, || {
        let relayed = peers.relayed();
        let missing = sent.iter().filter(|body| !relayed.contains(body)).count();
        if missing > 0 {
            Err(format!("{missing} are missing"))
        } else {
            Ok(())
        }
    });
    let notified = until("notifications of both accounts", PATIENCE, || {
        let notified = accounts.map(|account| notifications(&peers.relayed(), account));
        match notified.iter().all(|ids| ids.len() >= CHANGES) {
            true => Ok(notified),
            false => Err(format!("{notified:?}")),
        }
    });
    for ids in notified {
        let different: BTreeSet<&String> = ids.iter().collect();
        assert_eq!(different.len(), ids.len(), "{ids:?}");
    }
    let relayed = peers.relayed();
    for body in &sent {
        let times = relayed.iter().filter(|one| *one == body).count();
        assert_eq!(times, 1, "{body}");
    }
}

/// The ids of the notifications about an account, among all that the application received.
fn notifications(received: &[String], account: usize) -> Vec<String> {
    let source = format!("/whatsapp-business-exporter/{}", waba_id(account));
    let parsed = received
        .iter()
        .map(|body| serde_json::from_str::<Value>(body));
    let events = parsed.filter_map(Result::ok);
    let about = events.filter(|event| event["source"] == source.as_str());
    about.map(|event| event["id"].to_string()).collect()
}
