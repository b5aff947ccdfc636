//! The facts that clients sent, and those that were acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::deliveries::{ACCOUNTS, Fact, send, waba_id};
use super::replicas::{Cluster, DATABASE, PATIENCE};
use crate::http::metrics;
use crate::process::until;
use crate::support::postgres::PostgresServer;
use crate::support::scrape::Scrape;

/// Most facts in one delivery.
const FACTS: usize = 3;

const MESSAGES: &str = "whatsapp_messages_received_total";
const EVENTS: &str = "whatsapp_message_template_status_events_total";

/// A delivery to a machine that is busy.
const ANSWERED_WITHIN: Duration = Duration::from_secs(120);

/// Facts and deliveries of the senders.
#[derive(Default)]
pub struct Ledger {
    next: u64,
    pub sent: BTreeSet<Fact>,
    pub acknowledged: BTreeSet<Fact>,
    /// Deliveries that another replica acknowledged than the first.
    pub retried: u64,
    /// The responses to deliveries that no replica acknowledged.
    pub refused: Vec<String>,
}

/// Messages and status events of each account, of all replicas.
pub type Counts = BTreeMap<String, (usize, usize)>;

impl Ledger {
    /// New facts of any accounts, or some that were sent before.
    pub fn draw(&mut self, dice: &mut fastrand::Rng) -> Vec<Fact> {
        let how_many = dice.usize(1..=FACTS);
        let known: Vec<Fact> = match dice.u8(0..10) {
            0 => self.sent.iter().copied().collect(),
            1..=3 => self.sent.difference(&self.acknowledged).copied().collect(),
            _ => Vec::new(),
        };
        if !known.is_empty() {
            return (0..how_many)
                .map(|_| known[dice.usize(0..known.len())])
                .collect();
        }
        let facts = (0..how_many).map(|_| {
            self.next += 1;
            Fact {
                account: dice.usize(0..ACCOUNTS),
                number: self.next,
            }
        });
        let facts: Vec<Fact> = facts.collect();
        self.sent.extend(&facts);
        facts
    }

    /// Sends a first fact of each account, so that each has counters.
    pub fn begin(&mut self, cluster: &Cluster) {
        for account in 0..ACCOUNTS {
            self.next += 1;
            let number = self.next;
            self.sent.insert(Fact { account, number });
        }
        resend(cluster, &self.sent);
        self.acknowledged.clone_from(&self.sent);
    }

    /// Compares the counts of the replicas with the ledger, and sends everything again: acknowledged facts must change
    /// nothing, and in the end each fact counts once.
    pub fn settle(&self, cluster: &Cluster, server: &PostgresServer, seed: u64) {
        let before = until_settled(cluster, server);
        resend(cluster, &self.acknowledged);
        let repeated = until_settled(cluster, server);
        assert_eq!(
            before, repeated,
            "what was acknowledged was not counted, or repeats were, seed {seed}"
        );
        resend(cluster, &self.sent);
        let last = until_settled(cluster, server);
        assert_eq!(last, counts_of(&self.sent), "seed {seed}");
    }
}

fn resend(cluster: &Cluster, facts: &BTreeSet<Fact>) {
    let facts: Vec<Fact> = facts.iter().copied().collect();
    for (index, facts) in facts.chunks(100).enumerate() {
        let replica = &cluster.replicas[index % cluster.replicas.len()];
        until("an acknowledgement", PATIENCE, || {
            match send(replica.address, facts, ANSWERED_WITHIN) {
                Ok(answer) if answer.status == 200 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
    }
}

/// The counts if each fact counts once.
fn counts_of(facts: &BTreeSet<Fact>) -> Counts {
    let mut counts: Counts = (0..ACCOUNTS).map(|it| (waba_id(it), (0, 0))).collect();
    for fact in facts {
        let (messages, events) = counts.entry(waba_id(fact.account)).or_default();
        *messages += 1;
        *events += 1;
    }
    counts
}

/// Number of rows that wait in the inbox.
pub fn inbox_rows(server: &PostgresServer) -> String {
    server.execute(DATABASE, "SELECT count(*) FROM whatsapp_exporter.inbox")
}

/// Waits until nothing waits in the inbox, and each account is exported by exactly one replica. Returns the counts.
pub fn until_settled(cluster: &Cluster, server: &PostgresServer) -> Counts {
    until("all accounts, each by one replica", PATIENCE, || {
        let pending = inbox_rows(server);
        if pending != "0" {
            return Err(format!("{pending} rows in the inbox"));
        }
        let pages = cluster.replicas.iter().map(|one| metrics(one.address));
        let pages = pages.collect::<Result<Vec<String>, String>>()?;
        let pages: Vec<Scrape> = pages.into_iter().map(Scrape).collect();
        let mut counts = Counts::new();
        for account in (0..ACCOUNTS).map(waba_id) {
            let labels = [("waba_id", account.as_str())];
            let exports = |page: &&Scrape| page.how_many(MESSAGES, &labels) > 0;
            let exporters: Vec<&Scrape> = pages.iter().filter(exports).collect();
            let [exporter] = exporters[..] else {
                return Err(format!(
                    "{account} is exported by {} replicas",
                    exporters.len()
                ));
            };
            let sum = |name| exporter.sum(name, &labels) as usize;
            let count = (sum(MESSAGES), sum(EVENTS));
            counts.insert(account, count);
        }
        Ok(counts)
    })
}
