//! One customer's sessions of journeys. Events are sorted by their own time before they count.

mod settled;

use serde::{Deserialize, Serialize};

use super::journey_session::{JourneySession, Milestone};
use super::redate::{Dated, Redating, dated};
use super::saved::SavedProgress;
use super::turn::{self, TimedTurn};
use crate::domain::Timestamp;
use crate::domain::journey::{JourneyId, Journeys, Progress};

/// Maximum number of events of each kind in the reordering buffer.
const MAX_UNSETTLED: usize = 64;

/// An event of a journey, from an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// Time of the event.
    pub at: Timestamp,
    /// The journey.
    pub id: JourneyId,
    /// The event.
    #[serde(with = "SavedProgress")]
    pub progress: Progress,
}

/// The state of a customer's journeys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JourneySessions {
    sessions: Vec<JourneySession>,
    /// Variants assigned before their session starts.
    assigned: Vec<(JourneyId, String)>,
    /// Reordering buffer of applications' reports, sorted by time, then by arrival.
    unsettled: Vec<Noted>,
    /// Reordering buffer of webhooks' reports, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    turns: Vec<TimedTurn>,
    last_at: Timestamp,
}

/// An event that leaves the reordering buffer.
enum Settled {
    Noted(Noted),
    Turn(TimedTurn),
}

dated! { Noted: at }

impl Dated for JourneySessions {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.last_at.times(see);
        self.unsettled.times(see);
        self.turns.times(see);
        self.sessions.times(see);
    }

    fn redate(&mut self, to: &Redating) {
        if self.last_at > to.latest {
            self.sessions
                .iter_mut()
                .for_each(|one| one.end_by(to.latest));
        }
        self.last_at.redate(to);
        self.unsettled.redate(to);
        // Stable, so that events of the same time stay in the order of arrival.
        self.unsettled.sort_by_key(|noted| noted.at);
        self.turns.redate(to);
        self.turns.sort_unstable();
        self.sessions.redate(to);
    }
}

impl JourneySessions {
    /// Adds an application's report; counts the events that this pushes out of the reordering buffer.
    pub fn note(
        &mut self,
        noted: Noted,
        journeys: &Journeys,
        count: impl FnMut(Timestamp, &JourneyId, &str, Milestone),
    ) {
        let place = self.unsettled.partition_point(|known| known.at <= noted.at);
        self.unsettled.insert(place, noted);
        self.make_room(journeys, count);
    }

    /// Adds a webhook's report; counts the events that this pushes out of the reordering buffer.
    pub fn note_turn(
        &mut self,
        turn: TimedTurn,
        journeys: &Journeys,
        count: impl FnMut(Timestamp, &JourneyId, &str, Milestone),
    ) {
        let place = self.turns.partition_point(|known| *known <= turn);
        self.turns.insert(place, turn);
        self.make_room(journeys, count);
    }

    /// Counts the events up to this moment, and ends sessions that have been idle for too long by then.
    pub fn settle(
        &mut self,
        until: Timestamp,
        journeys: &Journeys,
        mut count: impl FnMut(Timestamp, &JourneyId, &str, Milestone),
    ) {
        while let Some(settled) = self.next_by(until) {
            self.apply(settled, journeys, &mut count);
        }
        self.end(|session| session.ends_at <= until, count);
    }

    /// Takes over the sessions of another customer who proves to be the same. Two sessions of one journey are both
    /// kept: events continue the first session, and the second one ends as abandoned.
    pub fn absorb(&mut self, other: Self) {
        self.sessions.extend(other.sessions);
        let is_new = |assigned: &(JourneyId, String)| {
            let mut known = self.assigned.iter();
            !known.any(|(id, _)| *id == assigned.0)
        };
        let assigned: Vec<_> = other.assigned.into_iter().filter(is_new).collect();
        self.assigned.extend(assigned);
        self.unsettled.extend(other.unsettled);
        // Stable, so that events of the same time stay in the order of arrival.
        self.unsettled.sort_by_key(|noted| noted.at);
        self.turns.extend(other.turns);
        self.turns.sort_unstable();
        self.last_at = self.last_at.max(other.last_at);
    }

    /// Ends all open sessions as abandoned.
    pub fn abandon(&mut self, count: impl FnMut(Timestamp, &JourneyId, &str, Milestone)) {
        self.end(|_| true, count);
    }

    /// Time at which the next event or session must be settled.
    #[must_use]
    pub fn first_due(&self) -> Option<Timestamp> {
        let unsettled = self.unsettled.first().map(|noted| noted.at);
        let turns = self.turns.first().map(|turn| turn.at);
        let ends = self.sessions.iter().map(|session| session.ends_at);
        ends.chain(unsettled).chain(turns).min()
    }

    /// Time of the last event.
    #[must_use]
    pub fn last_at(&self) -> Timestamp {
        let unsettled = self.unsettled.last().map(|noted| noted.at);
        let turns = self.turns.last().map(|turn| turn.at);
        let last = unsettled.max(turns);
        last.map_or(self.last_at, |last| last.max(self.last_at))
    }

    /// Whether there is no open session, assigned variant or unsettled event.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.iter().all(|session| session.is_completed)
            && self.assigned.is_empty()
            && self.unsettled.is_empty()
            && self.turns.is_empty()
    }

    fn make_room(
        &mut self,
        journeys: &Journeys,
        mut count: impl FnMut(Timestamp, &JourneyId, &str, Milestone),
    ) {
        if self.unsettled.len().max(self.turns.len()) > MAX_UNSETTLED
            && let Some(first) = self.next_by(Timestamp::from_millis(i64::MAX))
        {
            self.apply(first, journeys, &mut count);
        }
    }

    /// Removes the first event up to this moment from the reordering buffers.
    fn next_by(&mut self, until: Timestamp) -> Option<Settled> {
        let noted_at = self.unsettled.first().map(|noted| noted.at);
        let turn_at = self.turns.first().map(|turn| turn.at);
        let first = [noted_at, turn_at].into_iter().flatten().min()?;
        if first > until {
            return None;
        }
        if turn_at == Some(first)
            && let Some(place) = turn::first(&self.turns)
        {
            return Some(Settled::Turn(self.turns.remove(place)));
        }
        Some(Settled::Noted(self.unsettled.remove(0)))
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod turn_tests;
