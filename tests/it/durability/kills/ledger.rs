//! The facts that were sent and acknowledged, compared with those that the exporter shows and relays.

use std::collections::{BTreeMap, BTreeSet};

use super::{CONVERSATIONS, FACTS};
use crate::durability::deliveries::{EVENTS, Fact, NUMBER, WABA, next_of};
use crate::durability::peers::Peers;
use crate::support::scrape::Scrape;

const EVENTS_TOTAL: &str = "whatsapp_message_template_status_events_total";

const MESSAGES_TOTAL: &str = "whatsapp_messages_received_total";

const STATUS: &str = "whatsapp_message_template_status";

const STEPS_TOTAL: &str = "whatsapp_journey_step_entered_total";

const LIMIT_CHANGES_TOTAL: &str = "whatsapp_phone_number_messaging_limit_changes_total";

const LAST_SUCCESS: &str = "whatsapp_exporter_poll_last_success_timestamp_seconds";

/// Facts, messages and events that were sent, and those that were acknowledged.
#[derive(Default)]
pub(super) struct Ledger {
    /// Draws the same stream again after a failure.
    seed: u64,
    next: u64,
    pub(super) sent: BTreeSet<Fact>,
    pub(super) acknowledged: BTreeSet<Fact>,
    /// Numbers of the messages of each conversation.
    pub(super) messages_sent: [BTreeSet<u64>; CONVERSATIONS],
    pub(super) messages_acknowledged: [BTreeSet<u64>; CONVERSATIONS],
    /// Events of the application, by number.
    pub(super) events_sent: BTreeSet<u64>,
    pub(super) events_accepted: BTreeSet<u64>,
    /// Bodies that were acknowledged, which the relay must pass on.
    pub(super) to_relay: BTreeSet<String>,
    /// The last number of changes that a scrape has shown, which is durable.
    pub(super) limit_changes: f64,
    polled_at: f64,
    pub(super) reloads: u64,
}

impl Ledger {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    /// New facts, or some that were sent before, mostly without an acknowledgement.
    pub(super) fn draw(&mut self, dice: &mut fastrand::Rng) -> Vec<Fact> {
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
        let facts: Vec<Fact> = (0..how_many)
            .map(|_| {
                self.next += 1;
                Fact::draw(self.next, dice)
            })
            .collect();
        self.sent.extend(&facts);
        facts
    }

    /// New events, or some that were not acknowledged.
    pub(super) fn draw_events(&mut self, dice: &mut fastrand::Rng) -> Vec<u64> {
        let open: Vec<u64> = self
            .events_sent
            .difference(&self.events_accepted)
            .copied()
            .collect();
        if !open.is_empty() && dice.bool() {
            return open.into_iter().take(FACTS).collect();
        }
        let first = self.events_sent.last().map_or(1, |last| last + 1);
        let events: Vec<u64> = (first..).take(dice.usize(1..=FACTS)).collect();
        self.events_sent.extend(&events);
        events
    }

    /// The first message of a conversation that was not acknowledged: the next is not sent before.
    pub(super) fn draw_next(&mut self, conversation: usize) -> u64 {
        let number = self.messages_acknowledged[conversation]
            .last()
            .map_or(1, |last| last + 1);
        self.messages_sent[conversation].insert(number);
        number
    }

    /// Compares the metrics with the ledger.
    pub(super) fn check(&mut self, scrape: &Scrape, peers: &Peers) {
        for event in EVENTS {
            let of_kind =
                |facts: &BTreeSet<Fact>| facts.iter().filter(|fact| fact.event == event).count();
            let counted = scrape.value(EVENTS_TOTAL, &[("event", event)]);
            self.is_between(
                event,
                of_kind(&self.acknowledged),
                counted,
                of_kind(&self.sent),
            );
        }
        let received = |kind| scrape.value(MESSAGES_TOTAL, &[("kind", kind)]);
        let (least, most) = (self.acknowledged.len(), self.sent.len());
        self.is_between("messages", least, received("text"), most);
        let all = |numbers: &[BTreeSet<u64>]| numbers.iter().map(BTreeSet::len).sum();
        let (least, most) = (all(&self.messages_acknowledged), all(&self.messages_sent));
        self.is_between("conversations", least, received("image"), most);
        let entered = scrape.value(STEPS_TOTAL, &[]);
        self.is_between(
            "events",
            self.events_accepted.len(),
            entered,
            self.events_sent.len(),
        );
        for (template, possible) in self.possible_statuses() {
            let template = template.to_string();
            let shown = |status: &&str| {
                let labels = [("template_id", template.as_str()), ("status", *status)];
                scrape.value(STATUS, &labels) == Some(1.0)
            };
            let status = EVENTS.into_iter().find(|status| shown(status));
            assert!(
                possible.contains(&status),
                "{template}: {status:?}, not one of {possible:?}, seed {}",
                self.seed
            );
        }
        self.check_polls(scrape, peers);
    }

    fn is_between(&self, what: &str, least: usize, counted: Option<f64>, most: usize) {
        let counted = counted.unwrap_or_default() as usize;
        assert!(
            (least..=most).contains(&counted),
            "{what}: {counted} counted, {least} acknowledged, {most} sent, seed {}",
            self.seed
        );
    }

    /// A poll is not acknowledged. Results that a scrape has shown are durable, and no poll counts twice.
    fn check_polls(&mut self, scrape: &Scrape, peers: &Peers) {
        let changes = ["increase", "decrease"].map(|direction| {
            let labels = [("phone_number_id", NUMBER), ("direction", direction)];
            scrape
                .value(LIMIT_CHANGES_TOTAL, &labels)
                .unwrap_or_default()
        });
        let changes = changes.iter().sum::<f64>();
        let possible = peers.limit_changes() as f64;
        assert!(
            self.limit_changes <= changes && changes <= possible,
            "{changes} changes of the limit counted, {} shown before, {possible} possible, seed {}",
            self.limit_changes,
            self.seed
        );
        self.limit_changes = changes;
        let labels = [("waba_id", WABA), ("collector", "numbers")];
        let polled_at = scrape.value(LAST_SUCCESS, &labels).unwrap_or_default();
        assert!(
            polled_at >= self.polled_at,
            "polled at {polled_at}, {} shown before, seed {}",
            self.polled_at,
            self.seed
        );
        self.polled_at = polled_at;
    }

    /// For each template: the status of its newest acknowledged fact, or of any newer one that was sent.
    fn possible_statuses(&self) -> BTreeMap<u64, BTreeSet<Option<&'static str>>> {
        let mut newest = BTreeMap::<u64, Fact>::new();
        for fact in &self.acknowledged {
            // Facts are in order of time, so the last one stays.
            newest.insert(fact.template, *fact);
        }
        let mut possible = BTreeMap::<u64, BTreeSet<_>>::new();
        for fact in &self.sent {
            let known = newest.get(&fact.template);
            let statuses = possible.entry(fact.template).or_default();
            match known {
                None => statuses.extend([None, Some(fact.event)]),
                Some(known) if fact >= known => statuses.extend([Some(fact.event)]),
                Some(_) => {}
            }
        }
        possible
    }

    /// Checks that the relay passed on all acknowledged deliveries, and the messages of each conversation in order.
    pub(super) fn check_relay(&self, peers: &Peers) -> Result<(), String> {
        let relayed = peers.relayed();
        let came: BTreeSet<&str> = relayed.iter().map(String::as_str).collect();
        let missing = self
            .to_relay
            .iter()
            .filter(|body| !came.contains(body.as_str()));
        let missing = missing.count();
        if missing > 0 {
            return Err(format!(
                "{missing} of {} deliveries were not relayed",
                self.to_relay.len()
            ));
        }
        for (conversation, acknowledged) in self.messages_acknowledged.iter().enumerate() {
            let mut bodies = acknowledged
                .iter()
                .map(|number| next_of(conversation, *number))
                .peekable();
            for body in &relayed {
                bodies.next_if_eq(body);
            }
            assert_eq!(bodies.next(), None, "out of order, seed {}", self.seed);
        }
        Ok(())
    }
}
