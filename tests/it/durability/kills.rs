//! SIGKILL at random moments, under everything at once: signed webhooks with repeats and disorder, polls whose
//! answers differ each time, events of an application, a relay, and reloads.
//!
//! The test keeps its own account, as Meta would: what it has sent, and what was acknowledged. After each restart
//! the exporter must know all of the second and nothing beyond the first, and nothing that a scrape has shown may
//! be lost.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::deliveries::{EVENTS, Fact, NUMBER, WABA, next_of};
use super::peers::Peers;
use super::service::{PATIENCE, Service, send, send_body};
use crate::http::post_text;
use crate::process::until;
use crate::support::measured;
use crate::support::scrape::Scrape;

/// Senders at the same time, so that deliveries share commits.
const SENDERS: u64 = 3;

/// Conversations of which each has a sender that waits for one answer before it sends the next.
const CONVERSATIONS: usize = 2;

/// Most facts in one delivery, and events in a batch.
const FACTS: usize = 3;

/// A kill comes after so many acknowledgements at most, on a machine of any speed,
const MOST_ACKNOWLEDGED: u64 = 24;

/// or after this time, whichever is first.
const LONGEST: Duration = Duration::from_millis(150);

/// Between two looks at the acknowledgements: a fraction of a commit.
const LOOK: Duration = Duration::from_micros(100);

const TOKEN: &str = "a-token-for-events";

const EVENTS_TOTAL: &str = "whatsapp_message_template_status_events_total";
const MESSAGES_TOTAL: &str = "whatsapp_messages_received_total";
const STATUS: &str = "whatsapp_message_template_status";
const STEPS_TOTAL: &str = "whatsapp_journey_step_entered_total";
const LIMIT_CHANGES_TOTAL: &str = "whatsapp_phone_number_messaging_limit_changes_total";
const LAST_SUCCESS: &str = "whatsapp_exporter_poll_last_success_timestamp_seconds";

/// What is sent, and what was acknowledged.
#[derive(Default)]
struct Ledger {
    /// What to draw the same stream by, should a check fail.
    seed: u64,
    next: u64,
    sent: BTreeSet<Fact>,
    acknowledged: BTreeSet<Fact>,
    /// Of each conversation: the numbers of its messages.
    said: [BTreeSet<u64>; CONVERSATIONS],
    heard: [BTreeSet<u64>; CONVERSATIONS],
    /// Events of the application, by number.
    told: BTreeSet<u64>,
    taken: BTreeSet<u64>,
    /// Bodies that were acknowledged, which the relay must pass on.
    to_relay: BTreeSet<String>,
    /// What scrapes have shown of polls: what is shown is durable.
    limit_changes: f64,
    polled_at: f64,
    reloads: u64,
}

impl Ledger {
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

    /// New events, or some of which nobody knows what became.
    fn draw_events(&mut self, dice: &mut fastrand::Rng) -> Vec<u64> {
        let open: Vec<u64> = self.told.difference(&self.taken).copied().collect();
        if !open.is_empty() && dice.bool() {
            return open.into_iter().take(FACTS).collect();
        }
        let first = self.told.last().map_or(1, |last| last + 1);
        let events: Vec<u64> = (first..).take(dice.usize(1..=FACTS)).collect();
        self.told.extend(&events);
        events
    }

    /// The first message of a conversation that was not acknowledged: the next is not sent before.
    fn draw_next(&mut self, conversation: usize) -> u64 {
        let number = self.heard[conversation].last().map_or(1, |last| last + 1);
        self.said[conversation].insert(number);
        number
    }

    /// Holds what the exporter shows against the ledger.
    fn check(&mut self, scrape: &Scrape, peers: &Peers) {
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
        let (least, most) = (all(&self.heard), all(&self.said));
        self.is_between("conversations", least, received("image"), most);
        let entered = scrape.value(STEPS_TOTAL, &[]);
        self.is_between("events", self.taken.len(), entered, self.told.len());
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

    /// Nobody acknowledges a poll. What a scrape has shown of it is durable, and no poll counts twice.
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

    /// The application behind the relay was sent all that was acknowledged, and nothing else; each conversation's
    /// messages came first in their order.
    fn check_relay(&self, peers: &Peers) -> Result<(), String> {
        let relayed = peers.relayed();
        let came: BTreeSet<&str> = relayed.iter().map(String::as_str).collect();
        let missing = self
            .to_relay
            .iter()
            .filter(|body| !came.contains(body.as_str()));
        let missing = missing.count();
        if missing > 0 {
            return Err(format!(
                "{missing} of {} deliveries never came",
                self.to_relay.len()
            ));
        }
        for (conversation, heard) in self.heard.iter().enumerate() {
            let mut bodies = heard
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

fn acknowledged(answer: &Result<crate::http::Answer, String>) -> bool {
    // Killed in the middle, or gone already.
    matches!(answer, Ok(answer) if answer.status == 200)
}

fn send_facts(address: SocketAddr, ledger: &Mutex<Ledger>, dice: &mut fastrand::Rng) {
    let facts = ledger.lock().expect("no panic").draw(dice);
    if acknowledged(&send(address, &facts)) {
        let mut ledger = ledger.lock().expect("no panic");
        ledger.acknowledged.extend(&facts);
        ledger.to_relay.insert(super::deliveries::body_of(&facts));
    }
}

fn send_next(address: SocketAddr, ledger: &Mutex<Ledger>, conversation: usize) {
    let number = ledger.lock().expect("no panic").draw_next(conversation);
    let body = next_of(conversation, number);
    if acknowledged(&send_body(address, &body)) {
        let mut ledger = ledger.lock().expect("no panic");
        ledger.heard[conversation].insert(number);
        ledger.to_relay.insert(body);
    }
}

/// An event of long enough ago to count at once.
fn event(number: u64) -> Value {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let at = since_epoch.expect("it is later").as_secs() - 1_000 - number % 100;
    json!({
        "id": format!("event-{number}"), "type": "step", "phone_number_id": NUMBER, "at": at,
        "customer": format!("1777010{:04}", number % 20),
        "journey": "booking", "step": "date", "outcome": "entered",
    })
}

fn send_events(address: SocketAddr, ledger: &Mutex<Ledger>, dice: &mut fastrand::Rng) {
    let numbers = ledger.lock().expect("no panic").draw_events(dice);
    let taken = tell(address, &numbers);
    ledger.lock().expect("no panic").taken.extend(taken);
}

/// The events that are acknowledged. One about a number that no poll and no message has named yet is not.
fn tell(address: SocketAddr, numbers: &[u64]) -> Vec<u64> {
    let events: Vec<Value> = numbers.iter().map(|number| event(*number)).collect();
    let body = json!({ "events": events }).to_string();
    let header = format!("Authorization: Bearer {TOKEN}");
    let answer = post_text(address, "/v1/events", &header, &body);
    let Ok(answer) = answer.as_ref().map_err(drop).and_then(|answer| {
        let whole = serde_json::from_str::<Value>(&answer.body).map_err(drop);
        if answer.status == 200 { whole } else { Err(()) }
    }) else {
        return Vec::new();
    };
    let results = answer["results"].as_array().expect("a result for each");
    let is_taken =
        |result: &Value| result["result"] == "accepted" || result["result"] == "duplicate";
    let taken = numbers
        .iter()
        .zip(results)
        .filter(|(_, result)| is_taken(result));
    taken.map(|(number, _)| *number).collect()
}

/// The configuration; a reload changes what does not matter here.
fn configuration(peers: &Peers, version: u64) -> String {
    let (graph, application) = (peers.graph, peers.application);
    let level = if version.is_multiple_of(2) {
        "info"
    } else {
        "warn"
    };
    // Twenty thousand calls, for a process that starts several times a second.
    format!(
        "graph: {{base_url: 'http://{graph}'}}\nlog: {{level: 'info,signals={level}'}}\n\
         poll: {{numbers_interval: 1s, calls_per_hour: 20000}}\ntrackers: {{token: {TOKEN}}}\n\
         relay:\n  upstreams:\n    - {{name: application, url: 'http://{application}/whatsapp'}}\n"
    )
}

struct Attack<'a> {
    folder: &'a Path,
    peers: &'a Peers,
    ledger: Mutex<Ledger>,
}

impl Attack<'_> {
    fn start(&self) -> Service {
        Service::configured(self.folder, &configuration(self.peers, 0), &[])
    }

    fn check(&self, service: &Service) {
        let mut ledger = self.ledger.lock().expect("no panic");
        ledger.check(&service.scrape(), self.peers);
    }

    fn stream_and_kill(&self, mut service: Service, dice: &mut fastrand::Rng) {
        let over = AtomicBool::new(false);
        let began = Instant::now();
        let until_kill = dice.u64(0..=MOST_ACKNOWLEDGED);
        let until_reload = dice.u64(0..=MOST_ACKNOWLEDGED);
        let before = self.acknowledgements();
        let wait_for = |count: u64| {
            while self.acknowledgements() - before < count && began.elapsed() < LONGEST {
                std::thread::sleep(LOOK);
            }
        };
        let (address, ledger, running) = (service.address, &self.ledger, &over);
        let is_over = move || running.load(Ordering::Relaxed);
        std::thread::scope(|scope| {
            for _ in 0..SENDERS {
                let mut dice = fastrand::Rng::with_seed(dice.u64(..));
                scope.spawn(move || {
                    while !is_over() {
                        send_facts(address, ledger, &mut dice);
                    }
                });
            }
            for conversation in 0..CONVERSATIONS {
                scope.spawn(move || {
                    while !is_over() {
                        send_next(address, ledger, conversation);
                    }
                });
            }
            let mut own = fastrand::Rng::with_seed(dice.u64(..));
            scope.spawn(move || {
                while !is_over() {
                    send_events(address, ledger, &mut own);
                }
            });
            if until_reload < until_kill {
                wait_for(until_reload);
                self.reload(&service);
            }
            wait_for(until_kill);
            service.process.signal(Signal::KILL);
            service.process.ended_within(PATIENCE);
            over.store(true, Ordering::Relaxed);
        });
    }

    fn acknowledgements(&self) -> u64 {
        let ledger = self.ledger.lock().expect("no panic");
        (ledger.to_relay.len() + ledger.taken.len()) as u64
    }

    fn reload(&self, service: &Service) {
        let mut ledger = self.ledger.lock().expect("no panic");
        ledger.reloads += 1;
        let file = configuration(self.peers, ledger.reloads);
        std::fs::write(self.folder.join("config.yml"), file).expect("a file");
        service.process.signal(Signal::HUP);
    }

    /// As senders would, until everything is acknowledged; then nothing is left to doubt.
    fn send_the_rest(&self, service: &Service) {
        let mut ledger = self.ledger.lock().expect("no panic");
        let sent: Vec<Fact> = ledger.sent.iter().copied().collect();
        for facts in sent.chunks(100) {
            let answer = service.send(facts).expect("it answers");
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        ledger.acknowledged = ledger.sent.clone();
        for conversation in 0..CONVERSATIONS {
            for number in ledger.said[conversation].clone() {
                let body = next_of(conversation, number);
                let answer = send_body(service.address, &body).expect("it answers");
                assert_eq!(answer.status, 200, "{answer:?}");
                ledger.to_relay.insert(body);
            }
            ledger.heard[conversation] = ledger.said[conversation].clone();
        }
        let told: Vec<u64> = ledger.told.iter().copied().collect();
        for numbers in told.chunks(100) {
            assert_eq!(tell(service.address, numbers), numbers);
        }
        ledger.taken = ledger.told.clone();
    }
}

fn survive(kills: u32) {
    let seed = fastrand::u64(..);
    let mut dice = fastrand::Rng::with_seed(seed);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let peers = Peers::start();
    let attack = Attack {
        folder: folder.path(),
        peers: &peers,
        ledger: Mutex::new(Ledger {
            seed,
            ..Ledger::default()
        }),
    };
    let began = Instant::now();
    for _ in 0..kills {
        let service = attack.start();
        attack.check(&service);
        attack.stream_and_kill(service, &mut dice);
    }
    let service = attack.start();
    attack.check(&service);
    let ledger = attack.ledger.lock().expect("no panic");
    let before = [
        ledger.acknowledged.len(),
        ledger.taken.len(),
        ledger.to_relay.len(),
    ];
    let polled = ledger.limit_changes;
    let reloads = ledger.reloads;
    drop(ledger);
    attack.send_the_rest(&service);
    attack.check(&service);
    until("the relay to be done", PATIENCE, || {
        attack.ledger.lock().expect("no panic").check_relay(&peers)
    });
    let [facts, events, deliveries] = before;
    measured(&format!(
        "{kills} kills in {:?}: {facts} facts, {events} events, {deliveries} deliveries relayed, \
         {polled} changes polled, {reloads} reloads",
        began.elapsed()
    ));
    let all = [facts, events, deliveries].map(|count| count > 0);
    assert_eq!(all, [true; 3], "a stream never got through, seed {seed}");
    assert!(
        polled > 0.0 && reloads > 0,
        "no poll or no reload, seed {seed}"
    );
}

#[test]
fn what_is_acknowledged_survives_a_hundred_kills() {
    survive(100);
}

#[test]
#[ignore = "takes many minutes; docs/development.md has its command"]
fn what_is_acknowledged_survives_thousands_of_kills() {
    survive(3_000);
}
