//! How the application responds to a delivery: usually at once, sometimes late or with status 503. Pure.

use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;

use super::delivery::RelayedDelivery;
use super::pace::pace;

/// The phases repeat after this many seconds at speed 1. They get no longer at lower speeds: a relay that fails for
/// minutes would look broken.
const PERIOD: u64 = 100;
/// Seconds of the period in which responses are late.
const SLOW: Range<u64> = 25..35;
/// Seconds of the period in which it responds with status 503. Much shorter than the delay that fires an alert.
const UNAVAILABLE: Range<u64> = 55..62;
/// The seed delays both by less than this many seconds.
const SHIFT: u64 = 10;
/// How often the application refuses deliveries with a field that Meta does not have, before it is fixed. The exporter
/// parks a delivery that is refused three times, so it parks two. Without an end, their number would grow for as long as
/// the demo runs.
const REFUSALS: u32 = 6;
/// Delay of a late response in milliseconds, at speed 1.
const DELAY_MILLIS: Range<u64> = 300..1_200;

/// Phase of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Responds at once.
    Normal,
    /// Responds late.
    Slow,
    /// Responds with status 503.
    Unavailable,
}

/// The response to a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reaction {
    /// The HTTP status.
    pub status: u16,
    /// Delay before the response.
    pub delay: Duration,
}

/// Decides on responses.
#[derive(Debug)]
pub struct Behaviour {
    dice: Rng,
    refusals: u32,
    /// Speed of the phases.
    pace: f64,
    shift: u64,
    phase: Phase,
}

impl Behaviour {
    /// The behaviour that the seed determines.
    #[must_use]
    pub fn new(seed: u64, speed: f64) -> Self {
        let mut dice = Rng::with_seed(seed);
        let shift = dice.u64(..SHIFT);
        let phase = Phase::Normal;
        Self {
            dice,
            refusals: 0,
            pace: pace(speed),
            shift,
            phase,
        }
    }

    /// The phase after this much time, if it is not that of the last call.
    pub fn change_phase(&mut self, elapsed: Duration) -> Option<Phase> {
        let phase = self.phase_at(elapsed);
        let before = std::mem::replace(&mut self.phase, phase);
        (phase != before).then_some(phase)
    }

    fn phase_at(&self, elapsed: Duration) -> Phase {
        let second = (elapsed.mul_f64(self.pace).as_secs() + PERIOD - self.shift) % PERIOD;
        if SLOW.contains(&second) {
            Phase::Slow
        } else if UNAVAILABLE.contains(&second) {
            Phase::Unavailable
        } else {
            Phase::Normal
        }
    }

    /// The response to a delivery that arrives after this much time.
    pub fn answer(&mut self, elapsed: Duration, delivery: &RelayedDelivery) -> Reaction {
        let is_refused = delivery.has_unknown_field && self.refusals < REFUSALS;
        let at_once = |status| Reaction {
            status,
            delay: Duration::ZERO,
        };
        match self.phase_at(elapsed) {
            Phase::Unavailable => at_once(503),
            Phase::Normal | Phase::Slow if is_refused => {
                self.refusals += 1;
                at_once(400)
            }
            Phase::Normal => at_once(200),
            Phase::Slow => {
                let delay = Duration::from_millis(self.dice.u64(DELAY_MILLIS));
                Reaction {
                    status: 200,
                    delay: delay.div_f64(self.pace),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: RelayedDelivery = RelayedDelivery {
        has_unknown_field: false,
        sent: Vec::new(),
    };
    const STRANGE: RelayedDelivery = RelayedDelivery {
        has_unknown_field: true,
        sent: Vec::new(),
    };

    /// The responses to a delivery in each second of the first rounds at speed 1, and how many rounds.
    fn answers(seed: u64, delivery: &RelayedDelivery) -> Vec<Reaction> {
        let mut behaviour = Behaviour::new(seed, 1.0);
        let seconds = 0..4 * PERIOD;
        seconds
            .map(|second| behaviour.answer(Duration::from_secs(second), delivery))
            .collect()
    }

    #[test]
    fn it_usually_accepts_and_is_never_unavailable_for_long() {
        for seed in 0..20 {
            let answers = answers(seed, &PLAIN);
            assert_eq!(answers, self::answers(seed, &PLAIN));
            let down = answers.iter().filter(|one| one.status == 503).count();
            let late = answers.iter().filter(|one| !one.delay.is_zero()).count();
            assert_eq!((down, late), (4 * 7, 4 * 10), "seed {seed}");
            assert!(answers.iter().all(|one| [200, 503].contains(&one.status)));
            let longest = answers.chunk_by(|one, next| one.status == next.status);
            let longest = longest.filter(|chunk| chunk[0].status == 503);
            assert_eq!(longest.map(<[Reaction]>::len).max(), Some(7), "seed {seed}");
            assert_eq!(answers[0].status, 200, "seed {seed}");
        }
    }

    #[test]
    fn each_change_is_reported_once() {
        let mut behaviour = Behaviour::new(1, 1.0);
        let seconds = 0..PERIOD + 20;
        let changes: Vec<Phase> = seconds
            .filter_map(|second| behaviour.change_phase(Duration::from_secs(second)))
            .collect();
        assert_eq!(
            changes,
            [
                Phase::Slow,
                Phase::Normal,
                Phase::Unavailable,
                Phase::Normal
            ]
        );
    }

    #[test]
    fn unknown_fields_are_refused_until_the_application_is_fixed() {
        let answers = answers(1, &STRANGE);
        let (refused, later) = answers.split_at(6);
        assert!(refused.iter().all(|one| one.status == 400));
        assert!(later.iter().all(|one| [200, 503].contains(&one.status)));
    }

    #[test]
    fn the_speed_scales_phases_and_delays() {
        let at_speed = |speed: f64, second: f64| {
            let mut behaviour = Behaviour::new(1, speed);
            behaviour.answer(Duration::from_secs_f64(second), &PLAIN)
        };
        let shift = Behaviour::new(1, 1.0).shift as f64;
        let (slow, fast) = (
            at_speed(1.0, 26.0 + shift),
            at_speed(10.0, (26.0 + shift) / 10.0),
        );
        assert_eq!(slow.delay / 10, fast.delay);
        assert_eq!(slow, at_speed(0.01, 26.0 + shift), "not slower than 1");
        assert_eq!(at_speed(10.0, (56.0 + shift) / 10.0).status, 503);
    }
}
