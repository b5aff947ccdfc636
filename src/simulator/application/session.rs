//! Sessions of the journey, one after the other: a pure sequence that the seed determines.

use std::time::Duration;

use fastrand::Rng;

use super::journey::{JourneyPath, LOOP_THRESHOLD, VERSIONS};

/// Percentage of steps that are asked as often as a loop needs. Less than the alert on loops needs.
const LOOPS: u32 = 1;
/// Percentage of steps that are asked twice.
const REPEATS: u32 = 6;
/// Percentage of the leaving customers who stop responding. The others say that they leave.
const SILENT: u32 = 25;
/// Time in milliseconds until a customer responds, at speed 1.
const ANSWER_MILLIS: std::ops::Range<u64> = 3_000..40_000;
/// Time until the application asks the next step.
const NEXT_STEP: Duration = Duration::from_millis(500);

/// One customer's session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Number of the session, starting at 0.
    pub number: u64,
    /// The version of the journey.
    pub version: &'static str,
    /// The variant; `None` if the version has none.
    pub variant: Option<&'static str>,
    /// The events, with their time after the start of the session at speed 1.
    pub events: Vec<(Duration, SessionProgress)>,
}

/// An event of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionProgress {
    /// The customer was asked.
    Entered(&'static str),
    /// The customer has answered.
    Answered(&'static str),
    /// The customer has left.
    Abandoned(&'static str),
    /// The goal was reached.
    Goal,
}

/// Generates sessions.
#[derive(Debug)]
pub struct SessionGenerator {
    dice: Rng,
    count: u64,
}

impl SessionGenerator {
    /// A sequence that is determined by the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            dice: Rng::with_seed(seed),
            count: 0,
        }
    }

    /// The next session.
    pub fn next_session(&mut self) -> Session {
        let (version, path) = self.path();
        let session = Session {
            number: self.count,
            version,
            variant: path.variant,
            events: self.events(path),
        };
        self.count += 1;
        session
    }

    fn path(&mut self) -> (&'static str, &'static JourneyPath) {
        let paths = || {
            VERSIONS
                .iter()
                .flat_map(|version| version.paths.iter().map(|path| (version.version, path)))
        };
        let total: u32 = paths().map(|(_, path)| path.sessions).sum();
        let mut drawn = self.dice.u32(..total);
        for (version, path) in paths() {
            if drawn < path.sessions {
                return (version, path);
            }
            drawn -= path.sessions;
        }
        unreachable!("a number below the total is in one of the parts")
    }

    fn events(&mut self, path: &JourneyPath) -> Vec<(Duration, SessionProgress)> {
        let mut events = Vec::new();
        let mut now = Duration::ZERO;
        for step in path.steps {
            for _ in 0..self.entries() {
                events.push((now, SessionProgress::Entered(step)));
                now += Duration::from_millis(self.dice.u64(ANSWER_MILLIS));
            }
            if self.percent() < path.leave {
                if self.percent() >= SILENT {
                    events.push((now, SessionProgress::Abandoned(step)));
                }
                return events;
            }
            events.push((now, SessionProgress::Answered(step)));
            now += NEXT_STEP;
        }
        events.push((now, SessionProgress::Goal));
        events
    }

    /// How often a step is asked.
    fn entries(&mut self) -> u32 {
        match self.percent() {
            ..LOOPS => LOOP_THRESHOLD,
            LOOPS..REPEATS => 2,
            REPEATS.. => 1,
        }
    }

    fn percent(&mut self) -> u32 {
        self.dice.u32(..100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: usize = 4_000;

    fn sessions(seed: u64) -> Vec<Session> {
        let mut generator = SessionGenerator::new(seed);
        (0..MANY).map(|_| generator.next_session()).collect()
    }

    /// Of the sessions of a path, which part is so.
    fn share(sessions: &[Session], variant: Option<&str>, is_so: fn(&Session) -> bool) -> f64 {
        let of_path: Vec<&Session> = sessions
            .iter()
            .filter(|session| session.variant == variant)
            .collect();
        let count = of_path.iter().filter(|session| is_so(session)).count();
        count as f64 / of_path.len() as f64
    }

    fn last(session: &Session) -> SessionProgress {
        session.events.last().expect("at least one step").1
    }

    fn is_complete(session: &Session) -> bool {
        last(session) == SessionProgress::Goal
    }

    /// How often each step was asked.
    fn entries(session: &Session) -> Vec<usize> {
        let asked = |step: &'static str| {
            let is_entry =
                |event: &&(Duration, SessionProgress)| event.1 == SessionProgress::Entered(step);
            session.events.iter().filter(is_entry).count()
        };
        let steps = VERSIONS.iter().flat_map(|version| version.steps);
        steps.map(|step| asked(step)).collect()
    }

    #[test]
    fn the_seed_determines_the_sessions() {
        assert_eq!(sessions(3), sessions(3));
        assert_ne!(sessions(3), sessions(4));
        let numbers = sessions(3).into_iter().map(|session| session.number);
        assert!(numbers.eq(0..MANY as u64));
    }

    #[test]
    fn sessions_complete_at_the_rate_of_their_path() {
        for seed in 1..4 {
            let sessions = sessions(seed);
            for path in VERSIONS.iter().flat_map(|version| version.paths) {
                let stays = 1.0 - f64::from(path.leave) / 100.0;
                let expected = stays.powi(i32::try_from(path.steps.len()).expect("a few"));
                let measured = share(&sessions, path.variant, is_complete);
                assert!((measured - expected).abs() < 0.06, "{path:?}: {measured}");
                let paths = sessions
                    .iter()
                    .filter(|one| one.variant == path.variant)
                    .count();
                let part = paths as f64 / MANY as f64 - f64::from(path.sessions) / 100.0;
                assert!(part.abs() < 0.04, "{path:?}: {paths} sessions");
            }
        }
    }

    #[test]
    fn customers_leave_in_words_or_in_silence() {
        let sessions = sessions(1);
        let left: Vec<SessionProgress> = sessions
            .iter()
            .map(last)
            .filter(|it| *it != SessionProgress::Goal)
            .collect();
        let is_silent = |it: &&SessionProgress| matches!(it, SessionProgress::Entered(_));
        let silent = left.iter().filter(is_silent).count() as f64 / left.len() as f64;
        assert!((silent - 0.25).abs() < 0.04, "{silent}");
        assert!(
            left.iter()
                .all(|it| !matches!(it, SessionProgress::Answered(_) | SessionProgress::Goal)),
            "an answered step is followed by another event"
        );
    }

    #[test]
    fn some_steps_are_repeated_and_a_few_are_loops() {
        let sessions = sessions(1);
        let with = |least: usize| {
            let is_so = |session: &&Session| entries(session).into_iter().any(|it| it >= least);
            sessions.iter().filter(is_so).count() as f64 / MANY as f64
        };
        let (repeated, looped) = (with(2), with(LOOP_THRESHOLD as usize));
        assert!((0.1..0.3).contains(&repeated), "{repeated}");
        assert!((0.01..0.06).contains(&looped), "{looped}");
    }

    #[test]
    fn events_follow_each_other_within_the_idle_timeout() {
        for session in sessions(2) {
            let steps = VERSIONS.iter().find(|one| one.version == session.version);
            let steps = steps.expect("a declared version").steps;
            for (_, progress) in &session.events {
                if let SessionProgress::Entered(step)
                | SessionProgress::Answered(step)
                | SessionProgress::Abandoned(step) = progress
                {
                    assert!(steps.contains(step), "{session:?}");
                }
            }
            for pair in session.events.windows(2) {
                let gap = pair[1].0.checked_sub(pair[0].0);
                let gap = gap.unwrap_or_else(|| panic!("out of order: {session:?}"));
                assert!(gap < super::super::journey::IDLE_TIMEOUT / 5, "{gap:?}");
            }
        }
    }
}
