//! Applies the events that leave the reordering buffer to the customer's sessions.

use super::super::journey_session::{JourneySession, Milestone, Reporter};
use super::super::turn::{TimedTurn, Turn};
use super::{JourneySessions, Noted, Settled};
use crate::domain::Timestamp;
use crate::domain::journey::{JourneyId, Journeys, NO_VARIANT, Progress, StepOutcome};
use crate::domain::mark::{JourneyMark, MessageContext};
use crate::domain::message::Kind;

/// Maximum number of sessions of a customer, and of variants assigned ahead of a session. The oldest is dropped.
const MAX_SESSIONS: usize = 8;

impl JourneySessions {
    pub(super) fn apply(
        &mut self,
        settled: Settled,
        journeys: &Journeys,
        mut count: impl FnMut(Timestamp, &JourneyId, &str, Milestone),
    ) {
        let at = match &settled {
            Settled::Noted(noted) => noted.at,
            Settled::Turn(turn) => turn.at,
        };
        self.last_at = self.last_at.max(at);
        self.end(|session| session.ends_at < at, &mut count);
        match settled {
            Settled::Noted(Noted { id, progress, .. }) => {
                self.progress(at, id, progress, journeys, count);
            }
            Settled::Turn(TimedTurn { turn, .. }) => match turn {
                Turn::Wrote { kind, context } => {
                    self.note_customer_message(at, kind, &context, journeys, count);
                }
                Turn::Unmarked => self.note_business_message(),
                Turn::Sent { mark, .. } => {
                    self.note_business_message();
                    self.ask(at, mark, journeys, count);
                }
            },
        }
    }

    /// Applies an application's report.
    fn progress(
        &mut self,
        at: Timestamp,
        id: JourneyId,
        progress: Progress,
        journeys: &Journeys,
        mut count: impl FnMut(Timestamp, &JourneyId, &str, Milestone),
    ) {
        match progress {
            Progress::Variant(variant) => {
                self.assigned.retain(|(assigned, _)| *assigned != id);
                if self.assigned.len() >= MAX_SESSIONS {
                    self.assigned.remove(0);
                }
                self.assigned.push((id, variant));
            }
            Progress::Step {
                step,
                outcome,
                variant,
            } => {
                let report = (step.as_str(), outcome);
                if self.is_repeated(at, &id, report, Reporter::Application) {
                    return;
                }
                let place = self.open(at, id, variant, &mut count);
                let session = &mut self.sessions[place];
                session.note_report(at, report, Reporter::Application);
                let count = of_session(session, at, count);
                if session.step(at, (step, outcome), journeys, count) {
                    self.sessions.remove(place);
                }
            }
            Progress::Goal => {
                if let Some(place) = self.place_of(&id) {
                    self.complete(at, place, journeys, count);
                }
            }
        }
    }

    /// Applies a message of the business that asks a step, or reports that the goal is reached.
    fn ask(
        &mut self,
        at: Timestamp,
        mark: JourneyMark,
        journeys: &Journeys,
        mut count: impl FnMut(Timestamp, &JourneyId, &str, Milestone),
    ) {
        let JourneyMark {
            id,
            step,
            variant,
            is_goal,
            message,
        } = mark;
        if let Some(step) = step {
            let report = (step.as_str(), StepOutcome::Entered);
            let is_known = self.is_repeated(at, &id, report, Reporter::Webhook);
            // After the goal, only a message about the goal belongs to the completed session.
            let known = self.place_of(&id);
            let known =
                known.filter(|place| is_known || is_goal || !self.sessions[*place].is_completed);
            let place = match known {
                Some(place) => place,
                None => self.open(at, id.clone(), variant, &mut count),
            };
            let session = &mut self.sessions[place];
            if !is_known {
                session.note_report(at, report, Reporter::Webhook);
                let count = of_session(session, at, &mut count);
                session.step(at, (step.clone(), StepOutcome::Entered), journeys, count);
            }
            session.note_message(at, &step, message);
        }
        if is_goal && let Some(place) = self.place_of(&id) {
            self.complete(at, place, journeys, count);
        }
    }

    /// Applies a message of the customer to the session that it replies to, or else to the session that asked last, or
    /// else to the session with the last event.
    fn note_customer_message(
        &mut self,
        at: Timestamp,
        kind: Kind,
        context: &MessageContext,
        journeys: &Journeys,
        mut count: impl FnMut(Timestamp, &JourneyId, &str, Milestone),
    ) {
        let named = context.replies_to.and_then(|message| {
            let mut sessions = self.sessions.iter();
            sessions.position(|session| session.has_message(message))
        });
        let open = self.sessions.iter().enumerate();
        let open = open.filter(|(_, session)| !session.is_completed);
        let last = open.max_by_key(|(_, session)| (session.open_since(), session.ends_at));
        let place = named.or(last.map(|(place, _)| place));
        let Some(session) = place.map(|place| &mut self.sessions[place]) else {
            return;
        };
        if !session.is_completed {
            let count = of_session(session, at, &mut count);
            session.note_customer_message(at, kind, context, journeys, count);
        }
        let Some(choice) = &context.choice else {
            return;
        };
        let is_goal_of = |session: &JourneySession| {
            let journey = journeys.find(&session.id);
            journey.is_some_and(|journey| choice.first_of(&journey.goals).is_some())
        };
        let place = place.filter(|place| is_goal_of(&self.sessions[*place]));
        let other = || {
            self.sessions
                .iter()
                .position(|one| !one.is_completed && is_goal_of(one))
        };
        if let Some(place) = place.or_else(other) {
            self.complete(at, place, journeys, count);
        }
    }

    fn note_business_message(&mut self) {
        self.sessions
            .iter_mut()
            .for_each(JourneySession::note_business_message);
    }

    /// Whether the other reporter has reported the same about a step of a known session, open or completed.
    fn is_repeated(
        &mut self,
        at: Timestamp,
        id: &JourneyId,
        report: (&str, StepOutcome),
        by: Reporter,
    ) -> bool {
        let known = self.place_of(id);
        known.is_some_and(|place| self.sessions[place].is_repeated(at, report, by))
    }

    /// Index of the open session of this journey, or else of the completed one.
    fn place_of(&self, id: &JourneyId) -> Option<usize> {
        let sessions = self.sessions.iter().enumerate();
        let own = sessions.filter(|(_, session)| session.id == *id);
        let place = own.min_by_key(|(_, session)| session.is_completed);
        place.map(|(place, _)| place)
    }

    /// Completes a session. It is kept for the idle timeout, because several sources may report the goal.
    fn complete(
        &mut self,
        at: Timestamp,
        place: usize,
        journeys: &Journeys,
        mut count: impl FnMut(Timestamp, &JourneyId, &str, Milestone),
    ) {
        let session = &mut self.sessions[place];
        if !session.is_completed {
            session.is_completed = true;
            session.ends_at = at.plus(journeys.idle_timeout(&session.id));
            count(at, &session.id, &session.variant, Milestone::Completed);
        }
    }

    /// Index of the open session of this journey; opens one if there is none.
    fn open(
        &mut self,
        at: Timestamp,
        id: JourneyId,
        variant: Option<String>,
        mut count: impl FnMut(Timestamp, &JourneyId, &str, Milestone),
    ) -> usize {
        self.sessions
            .retain(|session| session.id != id || !session.is_completed);
        if let Some(place) = self.place_of(&id) {
            return place;
        }
        if self.sessions.len() >= MAX_SESSIONS {
            let completed = self
                .sessions
                .iter()
                .position(|session| session.is_completed);
            let mut oldest = self.sessions.remove(completed.unwrap_or(0));
            if !oldest.is_completed {
                let count = of_session(&oldest, at, &mut count);
                oldest.abandon(count);
            }
        }
        let assigned = self.assigned.iter().find(|(assigned, _)| *assigned == id);
        let variant = variant.or_else(|| assigned.map(|(_, variant)| variant.clone()));
        let variant = variant.unwrap_or_else(|| NO_VARIANT.to_owned());
        count(at, &id, &variant, Milestone::Started);
        self.sessions.push(JourneySession::new(id, variant));
        self.sessions.len() - 1
    }

    pub(super) fn end(
        &mut self,
        is_over: impl Fn(&JourneySession) -> bool,
        mut count: impl FnMut(Timestamp, &JourneyId, &str, Milestone),
    ) {
        self.sessions.retain_mut(|session| {
            let over = is_over(session);
            if over && !session.is_completed {
                let count = of_session(session, session.ends_at, &mut count);
                session.abandon(count);
            }
            !over
        });
    }
}

/// Counts milestones as those of this session.
fn of_session<F: FnMut(Timestamp, &JourneyId, &str, Milestone)>(
    session: &JourneySession,
    at: Timestamp,
    mut count: F,
) -> impl FnMut(Milestone) + use<F> {
    let (id, variant) = (session.id.clone(), session.variant.clone());
    move |milestone| count(at, &id, &variant, milestone)
}
