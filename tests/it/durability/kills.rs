//! SIGKILL at random times, with signed webhooks with repeats and disorder, polls whose responses differ each time,
//! events of an application, a relay, and reloads.
//!
//! The test records all facts that it has sent, and those that were acknowledged. After each restart the exporter must
//! show all acknowledged facts and none that was not sent, and nothing that a scrape has shown may be lost.

mod ledger;
mod senders;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ledger::Ledger;
use rustix::process::Signal;
use senders::{TOKEN, post_events, send_events, send_facts, send_next};

use super::deliveries::{Fact, next_of};
use super::peers::Peers;
use super::service::{PATIENCE, Service, send_body};
use crate::process::until;
use crate::support::measured;

/// Senders at the same time, so that deliveries share commits.
const SENDERS: u64 = 3;

/// Number of conversations. The sender of each waits for a response before it sends the next message.
const CONVERSATIONS: usize = 2;

/// Most facts in one delivery, and events in a batch.
const FACTS: usize = 3;

/// A kill comes after so many acknowledgements at most, on a machine of any speed,
const MOST_ACKNOWLEDGED: u64 = 24;

/// or after this time, whichever is first.
const LONGEST: Duration = Duration::from_millis(150);

/// Pause between two looks at the acknowledgements: a fraction of a commit.
const LOOK: Duration = Duration::from_micros(100);

/// The configuration. Versions differ in a setting that does not matter here.
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
        (ledger.to_relay.len() + ledger.events_accepted.len()) as u64
    }

    fn reload(&self, service: &Service) {
        let mut ledger = self.ledger.lock().expect("no panic");
        ledger.reloads += 1;
        let file = configuration(self.peers, ledger.reloads);
        std::fs::write(self.folder.join("config.yml"), file).expect("a file");
        service.process.signal(Signal::HUP);
    }

    /// Sends all facts again, as senders would, until everything is acknowledged.
    fn send_the_rest(&self, service: &Service) {
        let mut ledger = self.ledger.lock().expect("no panic");
        let sent: Vec<Fact> = ledger.sent.iter().copied().collect();
        for facts in sent.chunks(100) {
            let answer = service.send(facts).expect("it answers");
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        ledger.acknowledged = ledger.sent.clone();
        for conversation in 0..CONVERSATIONS {
            for number in ledger.messages_sent[conversation].clone() {
                let body = next_of(conversation, number);
                let answer = send_body(service.address, &body).expect("it answers");
                assert_eq!(answer.status, 200, "{answer:?}");
                ledger.to_relay.insert(body);
            }
            ledger.messages_acknowledged[conversation] = ledger.messages_sent[conversation].clone();
        }
        let sent: Vec<u64> = ledger.events_sent.iter().copied().collect();
        for numbers in sent.chunks(100) {
            assert_eq!(post_events(service.address, numbers), numbers);
        }
        ledger.events_accepted = ledger.events_sent.clone();
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
        ledger: Mutex::new(Ledger::new(seed)),
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
        ledger.events_accepted.len(),
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
fn acknowledged_facts_survive_a_hundred_kills() {
    survive(100);
}

#[test]
#[ignore = "takes many minutes; docs/development.md has its command"]
fn acknowledged_facts_survive_thousands_of_kills() {
    survive(3_000);
}
