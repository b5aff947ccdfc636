//! When sessions start and which of their events are due: pure, `time -> events`.
//!
//! At the start there are customers in the middle of their sessions, as in an application that has been running for
//! a long time. The exporter counts an event one minute after it happened, at any speed, so that their earlier events are
//! counted at once.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::journey::{JOURNEY, idle_timeout};
use super::pace::pace;
use super::session::{Session, SessionGenerator, SessionProgress};
use crate::simulator::story::CAFE_TABLES;

/// Interval of sessions at speed 1: a hundred sessions of each variant take some minutes.
const SESSION_PERIOD: Duration = Duration::from_secs(1);
/// Minimum interval of sessions. At high speeds, the exporter would do little else than count them.
const SHORTEST_PERIOD: Duration = Duration::from_millis(20);
/// Maximum number of sessions that have started before the start.
const MAX_BACKLOG: u32 = 300;

/// The events of all sessions.
#[derive(Debug)]
pub struct SessionSchedule {
    sessions: SessionGenerator,
    pace: f64,
    period: Duration,
    /// How far back a session may have started. At most the idle timeout: the exporter would end an older session
    /// before it reads the next event.
    backlog_millis: i64,
    /// Start time of the next session in Unix milliseconds.
    next_start: i64,
    /// Future events by their time in Unix milliseconds and their position.
    pending: BTreeMap<(i64, u64), Value>,
    count: u64,
}

impl SessionSchedule {
    /// Sessions from `now` (Unix seconds) on, and those before that have not ended.
    #[must_use]
    pub fn new(seed: u64, speed: f64, now: i64) -> Self {
        let pace = pace(speed);
        let period = SESSION_PERIOD.div_f64(pace).max(SHORTEST_PERIOD);
        let backlog = idle_timeout(speed).min(period * MAX_BACKLOG);
        let backlog_millis = millis(backlog);
        Self {
            sessions: SessionGenerator::new(seed),
            pace,
            period,
            backlog_millis,
            next_start: now * 1_000 - backlog_millis,
            pending: BTreeMap::new(),
            count: 0,
        }
    }

    /// The events until `now` (Unix seconds) that have not been returned yet, in order.
    pub fn due(&mut self, now: i64) -> Vec<Value> {
        let now = now * 1_000;
        // Sessions that were missed while the machine was suspended are skipped.
        self.next_start = self.next_start.max(now - self.backlog_millis);
        while self.next_start <= now {
            let session = self.sessions.next_session();
            self.add(&session);
            self.next_start += millis(self.period);
        }
        let future = self.pending.split_off(&(now + 1, 0));
        std::mem::replace(&mut self.pending, future)
            .into_values()
            .collect()
    }

    fn add(&mut self, session: &Session) {
        for (after, progress) in &session.events {
            let at = self.next_start + millis(after.div_f64(self.pace));
            let event = event(session, self.count, at, *progress);
            self.pending.insert((at, self.count), event);
            self.count += 1;
        }
    }
}

/// An event as the exporter's event API takes it. Tables are booked on the café's number for tables.
fn event(session: &Session, count: u64, at: i64, progress: SessionProgress) -> Value {
    let mut event = json!({
        "id": format!("{JOURNEY}-{count}"),
        "phone_number_id": CAFE_TABLES,
        "customer": customer(session.number),
        "at": at,
        "journey": JOURNEY,
        "version": session.version,
    });
    let (step, outcome) = match progress {
        SessionProgress::Entered(step) => (step, "entered"),
        SessionProgress::Answered(step) => (step, "answered"),
        SessionProgress::Abandoned(step) => (step, "abandoned"),
        SessionProgress::Goal => {
            event["type"] = "goal".into();
            return event;
        }
    };
    event["type"] = "step".into();
    event["step"] = step.into();
    event["outcome"] = outcome.into();
    if let Some(variant) = session.variant {
        event["variant"] = variant.into();
    }
    event
}

/// A customer's number. Numbers 555-0100 to 555-0199 of every area code are fictitious.
fn customer(session: u64) -> String {
    format!("1{}55501{:02}", 201 + session / 100 % 700, session % 100)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::journey::IDLE_TIMEOUT;
    use super::*;

    const NOW: i64 = 1_775_000_000;

    fn schedule(speed: f64) -> SessionSchedule {
        SessionSchedule::new(1, speed, NOW)
    }

    fn at(event: &Value) -> i64 {
        event["at"].as_i64().expect("a time")
    }

    #[test]
    fn events_come_once_in_order_and_never_early() {
        let mut schedule = schedule(1.0);
        let mut last = i64::MIN;
        let mut ids = BTreeSet::new();
        for now in NOW..NOW + 120 {
            for event in schedule.due(now) {
                assert!((last..=now * 1_000).contains(&at(&event)), "{event}");
                last = at(&event);
                assert!(ids.insert(event["id"].to_string()), "{event}");
            }
        }
        assert!(ids.len() > 2_000, "{}", ids.len());
        assert!(schedule.due(NOW + 119).is_empty());
    }

    #[test]
    fn the_same_times_give_the_same_events() {
        let play = || {
            let mut schedule = schedule(5.0);
            (NOW..NOW + 20)
                .flat_map(|now| schedule.due(now))
                .collect::<Vec<_>>()
        };
        assert_eq!(play(), play());
    }

    #[test]
    fn at_the_start_there_are_sessions_of_the_last_minutes() {
        let events = schedule(1.0).due(NOW);
        let starts = (NOW * 1_000 - millis(IDLE_TIMEOUT)).cmp(&at(&events[0]));
        assert_eq!(starts, std::cmp::Ordering::Equal);
        assert!(events.iter().any(|event| event["type"] == "goal"));
    }

    #[test]
    fn the_speed_shortens_sessions_and_their_interval() {
        let count = |speed: f64| {
            let mut schedule = schedule(speed);
            schedule.due(NOW);
            let events = schedule.due(NOW + 60);
            let goals = events.iter().filter(|event| event["type"] == "goal");
            goals.count() as f64
        };
        let (slow, fast) = (count(1.0), count(5.0));
        assert!((4.0..6.0).contains(&(fast / slow)), "{slow} and {fast}");
        let most = 60_000 / millis(SHORTEST_PERIOD);
        assert!(count(1_000.0) <= most as f64, "the interval has a minimum");
        assert_eq!(count(0.05), slow, "customers are not slower than people");
    }

    #[test]
    fn sessions_missed_during_a_suspend_are_skipped() {
        let mut schedule = schedule(1.0);
        schedule.due(NOW);
        let later = NOW + 86_400;
        let is_of_a_new_session = |event: &Value| at(event) >= later * 1_000 - millis(IDLE_TIMEOUT);
        let events = schedule.due(later);
        let new = events.iter().filter(|it| is_of_a_new_session(it)).count();
        assert!(new < 5_000, "{new}");
        assert!(events.len() - new < 5_000, "{}", events.len());
    }
}
