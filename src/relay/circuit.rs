//! The state of an upstream as a whole, which determines how many deliveries may be in flight.
//!
//! Pure. A failure is attributed to the delivery as long as others succeed. If several deliveries get no response
//! from the application and none succeeds between them, the upstream is down: a few probes detect its recovery, and
//! only 4xx responses count against a delivery.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Number of different deliveries that must fail, without a success between them, before the upstream counts as down.
/// With fewer, a few bad deliveries of a quiet hour would look like an outage; with more, each outage would count
/// against more deliveries. At 10 % of random failures it is reached once in 100,000 deliveries.
const DOWN_AFTER: usize = 5;

/// How long every delivery must have got a server error before the upstream counts as down. An application with a bug
/// in one kind of deliveries returns errors for many in a row, but has a success in between within this time. Such
/// errors park deliveries after a minute, so an outage is detected before it parks any.
const ERRORS_MEAN_DOWN_AFTER: Duration = Duration::from_secs(30);

/// Number of different deliveries that must be rate-limited, without a success between them, before nothing is sent.
/// A single one may be limited for its own reasons.
const PAUSE_AFTER: usize = 2;

/// Deliveries in flight while the upstream is down. With only one, a slow probe would hide the recovery.
const PROBES: usize = 4;

/// Wait before the first probe after a failure; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Longest wait between probes, which bounds the delay after a recovery.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What a failure shows about the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// The application did not respond, a proxy responded for it, or the rate is limited.
    Unreachable,
    /// The application responded with an error that may concern every delivery.
    Error,
    /// The application rejected this delivery.
    Refused,
}

/// The state of one upstream.
#[derive(Debug)]
pub(super) struct Circuit {
    max_in_flight: usize,
    allowance: usize,
    /// Deliveries without a response since the last response. Bounded by the number that decides.
    unreachable: BTreeSet<i64>,
    /// Deliveries with a server error since the last success. Bounded by the number that decides.
    errors: BTreeSet<i64>,
    /// Time of the first such error.
    errors_since: Option<Instant>,
    /// Rate-limited deliveries since the last success. Bounded by the number that decides.
    asked_to_wait: BTreeSet<i64>,
    is_down: bool,
    wait: Duration,
    probe_at: Option<Instant>,
    retry_after: Option<Instant>,
    successes: u64,
}

impl Circuit {
    pub fn new(max_in_flight: usize) -> Self {
        Self {
            max_in_flight,
            allowance: max_in_flight,
            unreachable: BTreeSet::new(),
            errors: BTreeSet::new(),
            errors_since: None,
            asked_to_wait: BTreeSet::new(),
            is_down: false,
            wait: FIRST_WAIT,
            probe_at: None,
            retry_after: None,
            successes: 0,
        }
    }

    /// Maximum number of deliveries in flight now.
    pub fn allowance(&self, now: Instant) -> usize {
        let is_paused = self.resumes_at().is_some_and(|at| now < at);
        if is_paused { 0 } else { self.allowance }
    }

    /// Time until which nothing is sent. `None` if it has passed.
    pub fn resumes_at(&self) -> Option<Instant> {
        self.probe_at.max(self.retry_after)
    }

    pub fn is_down(&self) -> bool {
        self.is_down
    }

    /// Number of successful deliveries so far.
    pub fn successes(&self) -> u64 {
        self.successes
    }

    /// Records that a delivery was accepted.
    pub fn succeeded(&mut self) {
        self.successes += 1;
        self.unreachable.clear();
        self.errors.clear();
        self.errors_since = None;
        self.asked_to_wait.clear();
        self.come_up();
    }

    /// Records that a delivery was not accepted.
    pub fn failed(&mut self, delivery: i64, evidence: Evidence, now: Instant) {
        match evidence {
            Evidence::Unreachable => insert(&mut self.unreachable, delivery, DOWN_AFTER),
            Evidence::Error => {
                self.unreachable.clear();
                insert(&mut self.errors, delivery, DOWN_AFTER);
                self.errors_since.get_or_insert(now);
            }
            Evidence::Refused => self.unreachable.clear(),
        }
        let errors_last = |since: Instant| now - since >= ERRORS_MEAN_DOWN_AFTER;
        let is_failing =
            self.errors.len() >= DOWN_AFTER && self.errors_since.is_some_and(errors_last);
        if self.unreachable.len() >= DOWN_AFTER || is_failing {
            self.go_down(now);
        } else if evidence != Evidence::Unreachable {
            self.come_up();
        }
    }

    fn go_down(&mut self, now: Instant) {
        self.is_down = true;
        self.allowance = PROBES.min(self.max_in_flight);
        // Failures of deliveries that were in flight together count as one probe.
        if self.probe_at.is_none_or(|at| at <= now) {
            self.probe_at = Some(now + self.wait);
            self.wait = LONGEST_WAIT.min(self.wait * 2);
        }
    }

    fn come_up(&mut self) {
        self.is_down = false;
        self.wait = FIRST_WAIT;
        self.probe_at = None;
        // The allowance recovers over a few responses; all at once could overload the upstream again.
        self.allowance = self.max_in_flight.min(self.allowance.saturating_mul(2));
    }

    /// Records that the upstream requested a pause in its response to this delivery. Returns whether sending pauses
    /// until then; otherwise only this delivery waits.
    pub fn pause(&mut self, delivery: i64, now: Instant, retry_after: Duration) -> bool {
        insert(&mut self.asked_to_wait, delivery, PAUSE_AFTER);
        let is_paused = self.asked_to_wait.len() >= PAUSE_AFTER;
        if is_paused {
            self.retry_after = self.retry_after.max(Some(now + retry_after));
        }
        is_paused
    }
}

fn insert(deliveries: &mut BTreeSet<i64>, delivery: i64, most: usize) {
    if deliveries.len() < most {
        deliveries.insert(delivery);
    }
}

#[cfg(test)]
mod tests {
    use super::Evidence::{Error, Refused, Unreachable};
    use super::*;

    fn fail(
        circuit: &mut Circuit,
        deliveries: std::ops::Range<i64>,
        evidence: Evidence,
        now: Instant,
    ) {
        for delivery in deliveries {
            circuit.failed(delivery, evidence, now);
        }
    }

    #[test]
    fn several_consecutive_failures_are_an_outage_and_one_success_ends_it() {
        let now = Instant::now();
        let mut circuit = Circuit::new(64);
        for _ in 0..100 {
            circuit.failed(1, Unreachable, now);
        }
        fail(&mut circuit, 2..5, Unreachable, now);
        assert!(!circuit.is_down(), "one delivery is not the upstream");
        circuit.succeeded();
        fail(&mut circuit, 1..5, Unreachable, now);
        assert!(!circuit.is_down());
        assert_eq!(circuit.allowance(now), 64);
        circuit.failed(5, Unreachable, now);
        assert!(circuit.is_down());
        assert_eq!(circuit.allowance(now), 0);
        let probe = circuit.resumes_at().expect("it probes");
        assert_eq!(
            (probe - now, circuit.allowance(probe)),
            (FIRST_WAIT, PROBES)
        );
        circuit.succeeded();
        assert!(!circuit.is_down());
        let grown: Vec<usize> = (0..4)
            .map(|_| {
                circuit.succeeded();
                circuit.allowance(now)
            })
            .collect();
        assert_eq!(grown, [16, 32, 64, 64]);
    }

    #[test]
    fn refused_deliveries_are_never_an_outage() {
        let now = Instant::now();
        let later = now + ERRORS_MEAN_DOWN_AFTER * 10;
        let mut circuit = Circuit::new(64);
        fail(&mut circuit, 0..500, Refused, now);
        fail(&mut circuit, 0..500, Refused, later);
        assert!(!circuit.is_down());
        // A server error ends the outage, because the application responds.
        fail(&mut circuit, 0..5, Unreachable, later);
        assert!(circuit.is_down());
        circuit.failed(500, Refused, later);
        assert!(!circuit.is_down());
        assert_eq!(circuit.allowance(later), 2 * PROBES);
    }

    #[test]
    fn server_errors_are_an_outage_only_if_nothing_succeeds_for_long() {
        let now = Instant::now();
        let mut circuit = Circuit::new(64);
        fail(&mut circuit, 0..5, Unreachable, now);
        fail(&mut circuit, 0..500, Error, now);
        assert!(!circuit.is_down(), "the application answers");
        let almost = now + ERRORS_MEAN_DOWN_AFTER - Duration::from_millis(1);
        fail(&mut circuit, 0..500, Error, almost);
        assert!(!circuit.is_down());
        circuit.succeeded();
        let later = now + ERRORS_MEAN_DOWN_AFTER;
        fail(&mut circuit, 0..500, Error, later);
        assert!(!circuit.is_down(), "the time begins anew");
        let later = later + ERRORS_MEAN_DOWN_AFTER;
        circuit.failed(1, Error, later);
        assert!(circuit.is_down());
        assert_eq!(circuit.resumes_at(), Some(later + FIRST_WAIT));
        circuit.succeeded();
        assert!(!circuit.is_down());
    }

    #[test]
    fn probes_back_off_and_concurrent_ones_count_once() {
        let mut now = Instant::now();
        let mut circuit = Circuit::new(2);
        fail(&mut circuit, 0..64, Unreachable, now);
        let mut waits = Vec::new();
        for _ in 0..6 {
            let probe = circuit.resumes_at().expect("it probes");
            waits.push((probe - now).as_millis());
            now = probe;
            assert_eq!(circuit.allowance(now), 2, "never more than allowed at all");
            fail(&mut circuit, 7..9, Unreachable, now);
        }
        assert_eq!(waits, [500, 1000, 2000, 4000, 5000, 5000]);
    }

    #[test]
    fn a_requested_pause_is_honoured() {
        let now = Instant::now();
        let mut circuit = Circuit::new(64);
        let seconds = Duration::from_secs;
        for _ in 0..3 {
            assert!(!circuit.pause(1, now, seconds(300)), "one waits alone");
        }
        assert_eq!(circuit.allowance(now), 64);
        assert!(circuit.pause(2, now, seconds(20)));
        assert!(circuit.pause(3, now, seconds(10)));
        circuit.succeeded();
        assert_eq!(circuit.allowance(now + seconds(19)), 0);
        assert_eq!(circuit.allowance(now + seconds(20)), 64);
        assert!(!circuit.pause(4, now, seconds(300)), "others succeed");
    }
}
