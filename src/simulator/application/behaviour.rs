//! How the application responds to a delivery: usually at once, sometimes late or not at all. Pure.

use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;

use super::delivery::Delivery;

/// The moments repeat after this many seconds at speed 1, like the demo's story.
const PERIOD: u64 = 100;
/// Seconds of the period in which responses are late.
const SLOW: Range<u64> = 25..35;
/// Seconds of the period in which the application is down. Shorter than the delay that any alert on the relay allows.
const DOWN: Range<u64> = 55..62;
/// The seed moves both moments by less than this many seconds.
const SHIFT: u64 = 10;
/// Until this time, the application refuses deliveries with a field that it does not know. The exporter parks these:
/// two of the demo's story. Without an end, their number would grow for as long as the demo runs.
const FIXED_AT: Duration = Duration::from_secs(250);
/// Delay of a late response in milliseconds, at speed 1.
const DELAY_MILLIS: Range<u64> = 300..1_200;
/// Maximum delay. At low speeds, responses would otherwise exceed the timeout of the relay.
const LONGEST_DELAY: Duration = Duration::from_secs(2);

/// State of the application at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Responds at once.
    Quick,
    /// Responds late.
    Slow,
    /// Responds with status 503.
    Down,
}

/// The response to a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Delay before the response.
    pub delay: Duration,
}

/// Decides on responses.
#[derive(Debug)]
pub struct Behaviour {
    dice: Rng,
    speed: f64,
    shift: u64,
    mood: Mood,
}

impl Behaviour {
    /// The behaviour that the seed determines.
    #[must_use]
    pub fn new(seed: u64, speed: f64) -> Self {
        let mut dice = Rng::with_seed(seed);
        let shift = dice.u64(..SHIFT);
        let mood = Mood::Quick;
        Self {
            dice,
            speed,
            shift,
            mood,
        }
    }

    /// State of the application after this much time, if it has changed since the last call.
    pub fn change_mood(&mut self, elapsed: Duration) -> Option<Mood> {
        let mood = self.mood_at(elapsed);
        let before = std::mem::replace(&mut self.mood, mood);
        (mood != before).then_some(mood)
    }

    fn mood_at(&self, elapsed: Duration) -> Mood {
        let second = (elapsed.mul_f64(self.speed).as_secs() + PERIOD - self.shift) % PERIOD;
        if SLOW.contains(&second) {
            Mood::Slow
        } else if DOWN.contains(&second) {
            Mood::Down
        } else {
            Mood::Quick
        }
    }

    /// The response to a delivery that arrives after this much time.
    pub fn answer(&mut self, elapsed: Duration, delivery: &Delivery) -> Answer {
        let is_refused = delivery.has_unknown_field && elapsed.mul_f64(self.speed) < FIXED_AT;
        let at_once = |status| Answer {
            status,
            delay: Duration::ZERO,
        };
        match self.mood_at(elapsed) {
            Mood::Down => at_once(503),
            Mood::Quick | Mood::Slow if is_refused => at_once(400),
            Mood::Quick => at_once(200),
            Mood::Slow => {
                let delay = Duration::from_millis(self.dice.u64(DELAY_MILLIS));
                let delay = delay.div_f64(self.speed).min(LONGEST_DELAY);
                Answer { status: 200, delay }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Delivery = Delivery {
        has_unknown_field: false,
        sent: Vec::new(),
    };
    const STRANGE: Delivery = Delivery {
        has_unknown_field: true,
        sent: Vec::new(),
    };

    /// The responses to a delivery in each second of the first rounds at speed 1, and how many rounds.
    fn answers(seed: u64, delivery: &Delivery) -> Vec<Answer> {
        let mut behaviour = Behaviour::new(seed, 1.0);
        let seconds = 0..4 * PERIOD;
        seconds
            .map(|second| behaviour.answer(Duration::from_secs(second), delivery))
            .collect()
    }

    #[test]
    fn it_usually_accepts_and_is_never_down_for_long() {
        for seed in 0..20 {
            let answers = answers(seed, &PLAIN);
            assert_eq!(answers, self::answers(seed, &PLAIN));
            let down = answers.iter().filter(|one| one.status == 503).count();
            let late = answers.iter().filter(|one| !one.delay.is_zero()).count();
            assert_eq!((down, late), (4 * 7, 4 * 10), "seed {seed}");
            assert!(answers.iter().all(|one| [200, 503].contains(&one.status)));
            let longest = answers.chunk_by(|one, next| one.status == next.status);
            let longest = longest.filter(|chunk| chunk[0].status == 503);
            assert_eq!(longest.map(<[Answer]>::len).max(), Some(7), "seed {seed}");
            assert_eq!(answers[0].status, 200, "seed {seed}");
        }
    }

    #[test]
    fn each_change_is_reported_once() {
        let mut behaviour = Behaviour::new(1, 1.0);
        let seconds = 0..PERIOD + 20;
        let changes: Vec<Mood> = seconds
            .filter_map(|second| behaviour.change_mood(Duration::from_secs(second)))
            .collect();
        assert_eq!(changes, [Mood::Slow, Mood::Quick, Mood::Down, Mood::Quick]);
    }

    #[test]
    fn unknown_fields_are_refused_until_the_application_is_fixed() {
        let answers = answers(1, &STRANGE);
        let refused = |range: Range<usize>| {
            let refused = |one: &&Answer| one.status == 400;
            answers[range].iter().filter(refused).count()
        };
        assert_eq!(refused(0..250), 250 - 2 * 7);
        assert_eq!(refused(250..400), 0);
    }

    #[test]
    fn the_speed_scales_moments_and_delays() {
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
        let slowest = at_speed(0.01, (26.0 + shift) * 100.0);
        assert_eq!(slowest.delay, LONGEST_DELAY);
        assert_eq!(at_speed(10.0, (56.0 + shift) / 10.0).status, 503);
    }
}
