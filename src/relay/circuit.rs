//! Whether the upstream as a whole takes deliveries, and so how many may be in flight.
//!
//! Pure. A failure is the delivery's own as long as others succeed. Once several deliveries have failed and
//! nothing has succeeded since, the upstream is down: a few probes find out when it is back, and no failure
//! counts against a delivery.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Different deliveries that fail without a success between them until the upstream counts as down. Fewer would
/// let a few bad deliveries of a quiet hour look like an outage; with more, each outage would count against more
/// deliveries. At 10 % of random failures it is reached once in 100,000 deliveries.
const DOWN_AFTER: usize = 5;

/// In flight while the upstream is down, so that one slow probe does not hide that it is back.
const PROBES: usize = 4;

/// Wait before the first probe after a failure; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Longest wait between probes: what an upstream that is back waits at most.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The state of one upstream.
#[derive(Debug)]
pub(super) struct Circuit {
    max_in_flight: usize,
    allowance: usize,
    /// Deliveries that failed since the last success; no more than decide.
    failing: BTreeSet<i64>,
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
            failing: BTreeSet::new(),
            is_down: false,
            wait: FIRST_WAIT,
            probe_at: None,
            retry_after: None,
            successes: 0,
        }
    }

    /// How many deliveries may be in flight now.
    pub fn allowance(&self, now: Instant) -> usize {
        let is_paused = self.resumes_at().is_some_and(|at| now < at);
        if is_paused { 0 } else { self.allowance }
    }

    /// Until when nothing is sent, if that is still to come.
    pub fn resumes_at(&self) -> Option<Instant> {
        self.probe_at.max(self.retry_after)
    }

    pub fn is_down(&self) -> bool {
        self.is_down
    }

    /// Deliveries taken so far.
    pub fn successes(&self) -> u64 {
        self.successes
    }

    /// A delivery was taken. Says whether the upstream has come back with it.
    pub fn succeeded(&mut self) -> bool {
        self.successes += 1;
        self.failing.clear();
        self.wait = FIRST_WAIT;
        self.probe_at = None;
        // Full again after a few successes; all at once could bring it down again.
        self.allowance = self.max_in_flight.min(self.allowance.saturating_mul(2));
        std::mem::replace(&mut self.is_down, false)
    }

    /// A delivery was not taken. Says whether the upstream has gone down with it.
    pub fn failed(&mut self, parcel: i64, now: Instant) -> bool {
        if self.failing.len() < DOWN_AFTER {
            self.failing.insert(parcel);
        }
        if self.failing.len() < DOWN_AFTER {
            return false;
        }
        self.allowance = PROBES.min(self.max_in_flight);
        // Those that were in flight together count as one probe.
        if self.probe_at.is_none_or(|at| at <= now) {
            self.probe_at = Some(now + self.wait);
            self.wait = LONGEST_WAIT.min(self.wait * 2);
        }
        !std::mem::replace(&mut self.is_down, true)
    }

    /// The upstream asked for a pause.
    pub fn pause(&mut self, now: Instant, retry_after: Duration) {
        self.retry_after = self.retry_after.max(Some(now + retry_after));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_down_after_several_deliveries_failed_in_a_row_and_back_with_one_success() {
        let now = Instant::now();
        let mut circuit = Circuit::new(64);
        for _ in 0..100 {
            assert!(!circuit.failed(1, now), "one delivery is not the upstream");
        }
        for parcel in 2..5 {
            assert!(!circuit.failed(parcel, now));
        }
        assert!(!circuit.succeeded());
        for parcel in 1..5 {
            assert!(!circuit.failed(parcel, now));
        }
        assert_eq!(circuit.allowance(now), 64);
        assert!(circuit.failed(5, now) && circuit.is_down());
        assert_eq!(circuit.allowance(now), 0);
        let probe = circuit.resumes_at().expect("it probes");
        assert_eq!(
            (probe - now, circuit.allowance(probe)),
            (FIRST_WAIT, PROBES)
        );
        assert!(circuit.succeeded() && !circuit.is_down());
        let grown: Vec<usize> = (0..4)
            .map(|_| {
                circuit.succeeded();
                circuit.allowance(now)
            })
            .collect();
        assert_eq!(grown, [16, 32, 64, 64]);
    }

    #[test]
    fn probes_are_ever_rarer_and_those_in_flight_together_count_once() {
        let mut now = Instant::now();
        let mut circuit = Circuit::new(2);
        for parcel in 0..64 {
            circuit.failed(parcel, now);
        }
        let mut waits = Vec::new();
        for _ in 0..6 {
            let probe = circuit.resumes_at().expect("it probes");
            waits.push((probe - now).as_millis());
            now = probe;
            assert_eq!(circuit.allowance(now), 2, "never more than allowed at all");
            circuit.failed(7, now);
            circuit.failed(8, now);
        }
        assert_eq!(waits, [500, 1000, 2000, 4000, 5000, 5000]);
    }

    #[test]
    fn a_pause_that_was_asked_for_is_kept() {
        let now = Instant::now();
        let mut circuit = Circuit::new(64);
        circuit.pause(now, Duration::from_secs(20));
        circuit.pause(now, Duration::from_secs(10));
        circuit.succeeded();
        assert_eq!(circuit.allowance(now + Duration::from_secs(19)), 0);
        assert_eq!(circuit.allowance(now + Duration::from_secs(20)), 64);
    }
}
