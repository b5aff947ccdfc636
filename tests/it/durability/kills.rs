//! SIGKILL at random moments, under a stream of signed webhooks with repeats and disorder.
//!
//! The test keeps its own books, as Meta would: what it has sent, and what was acknowledged. After each
//! restart the exporter must know all of the second and nothing beyond the first.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::deliveries::{EVENTS, Fact};
use super::service::{PATIENCE, Service, send};
use crate::support::scrape::Scrape;

/// Senders at the same time, so that deliveries share commits.
const SENDERS: u64 = 4;

/// Most facts in one delivery.
const FACTS: usize = 3;

/// The longest stream before a kill.
const LONGEST_MS: u64 = 60;

const EVENTS_TOTAL: &str = "whatsapp_message_template_status_events_total";
const MESSAGES_TOTAL: &str = "whatsapp_messages_received_total";
const STATUS: &str = "whatsapp_message_template_status";

/// What Meta would know.
#[derive(Default)]
struct Books {
    /// What to draw the same stream by, should a check fail.
    seed: u64,
    next: u64,
    sent: BTreeSet<Fact>,
    acknowledged: BTreeSet<Fact>,
}

impl Books {
    /// New facts, or some that were sent before: unanswered ones are repeated, and others at times too.
    fn draw(&mut self, dice: &mut fastrand::Rng) -> Vec<Fact> {
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

    /// Holds what the exporter shows against the books.
    fn check(&self, scrape: &Scrape) {
        for event in EVENTS {
            let of_kind =
                |facts: &BTreeSet<Fact>| facts.iter().filter(|fact| fact.event == event).count();
            let (least, most) = (of_kind(&self.acknowledged), of_kind(&self.sent));
            let counted = scrape.count(EVENTS_TOTAL, &[("event", event)]) as usize;
            assert!(
                (least..=most).contains(&counted),
                "{event}: {counted} counted, {least} acknowledged, {most} sent, seed {}",
                self.seed
            );
        }
        let received = scrape.value(MESSAGES_TOTAL, &[("kind", "text")]);
        let received = received.unwrap_or_default() as usize;
        assert!(
            (self.acknowledged.len()..=self.sent.len()).contains(&received),
            "{received} messages counted, {} acknowledged, {} sent, seed {}",
            self.acknowledged.len(),
            self.sent.len(),
            self.seed
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
    }

    /// For each template: the status of its newest acknowledged fact, or of any newer one that was sent.
    fn possible_statuses(&self) -> BTreeMap<u64, BTreeSet<Option<&'static str>>> {
        let mut newest = BTreeMap::<u64, Fact>::new();
        for fact in &self.acknowledged {
            // In order of time: the last one stays.
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
}

fn stream(address: SocketAddr, books: &Mutex<Books>, over: &AtomicBool, mut dice: fastrand::Rng) {
    while !over.load(Ordering::Relaxed) {
        let facts = books.lock().expect("no panic").draw(&mut dice);
        match send(address, &facts) {
            Ok(answer) if answer.status == 200 => {
                books.lock().expect("no panic").acknowledged.extend(&facts);
            }
            // Killed in the middle, or gone already.
            Ok(_) | Err(_) => {}
        }
    }
}

fn stream_and_kill(service: Service, books: &Mutex<Books>, dice: &mut fastrand::Rng) {
    let over = AtomicBool::new(false);
    let killed_at = Instant::now() + Duration::from_millis(dice.u64(0..LONGEST_MS));
    let mut service = service;
    std::thread::scope(|scope| {
        for _ in 0..SENDERS {
            let dice = fastrand::Rng::with_seed(dice.u64(..));
            let (address, over) = (service.address, &over);
            scope.spawn(move || stream(address, books, over, dice));
        }
        // The moment of the kill is what is random here: nothing is waited for.
        std::thread::sleep(killed_at.saturating_duration_since(Instant::now()));
        service.process.signal(Signal::KILL);
        service.process.ended_within(PATIENCE);
        over.store(true, Ordering::Relaxed);
    });
}

fn survive(kills: u32) {
    let seed = fastrand::u64(..);
    let mut dice = fastrand::Rng::with_seed(seed);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let books = Mutex::new(Books {
        seed,
        ..Books::default()
    });
    for _ in 0..kills {
        let service = Service::start(folder.path());
        books.lock().expect("no panic").check(&service.scrape());
        stream_and_kill(service, &books, &mut dice);
    }
    let service = Service::start(folder.path());
    let mut books = books.into_inner().expect("no panic");
    books.check(&service.scrape());
    // As Meta would, until everything is acknowledged; then nothing is left to doubt.
    let sent: Vec<Fact> = books.sent.iter().copied().collect();
    for facts in sent.chunks(100) {
        let answer = service.send(facts).expect("it answers");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let acknowledged = books.acknowledged.len();
    books.acknowledged.clone_from(&books.sent);
    books.check(&service.scrape());
    assert!(
        acknowledged > 0,
        "the stream never got through, seed {seed}"
    );
}

#[test]
fn acknowledged_facts_survive_sixty_kills() {
    survive(60);
}

#[test]
#[ignore = "takes many minutes; the README has its command"]
fn acknowledged_facts_survive_thousands_of_kills() {
    survive(3_000);
}
