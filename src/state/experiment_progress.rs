//! The declared experiments of which one customer is a user.
//!
//! A customer is a user of an experiment once, in the arm in which the customer's first session started. The user
//! counts when the outcome of that session is known: when it is abandoned, or the idle timeout after it reached its
//! goal. Before that, a user who still has time to succeed would look like a failure. Later events do not count.
//!
//! As in a conversation, events are sorted by their own time before they count, so the order of webhooks does not
//! matter. An event that arrives after the events around it were counted still counts as far as possible.

mod participation;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(super) use participation::KnownOutcome;
use participation::{Participation, Stage};

use super::conversation::BusinessResponse;
use super::experiment_counts::ArmCounts;
use super::journey_session::Milestone;
use super::redate::{Dated, Redating};
use crate::domain::Timestamp;
use crate::domain::experiment::{Experiment, ExperimentMetric};
use crate::domain::journey::JourneyId;
use crate::domain::track::Trackers;

/// How long a user is remembered after the start of the last session, so that the user counts once. No data of a
/// customer is stored for longer.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Maximum number of events in the reordering buffer, as for a conversation.
const MAX_UNSETTLED: usize = 64;

/// An event outside the steps of journeys. The order breaks ties, because Meta's times are whole seconds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum OutcomeEvent {
    /// The customer read a message of this journey.
    Read(JourneyId),
    /// A message of this journey failed.
    Failed(JourneyId),
    /// The customer sent a message.
    Wrote,
    /// The customer stopped marketing messages.
    Stopped,
}

/// The experiments of a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ExperimentProgress {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    users: Vec<Participation>,
    /// Reordering buffer, sorted: events that are not counted yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unsettled: Vec<(Timestamp, OutcomeEvent)>,
}

impl Dated for ExperimentProgress {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.users.times(see);
        self.unsettled.iter().for_each(|(at, _)| at.times(see));
    }

    fn redate(&mut self, to: &Redating) {
        self.users.redate(to);
        self.unsettled.iter_mut().for_each(|(at, _)| at.redate(to));
        self.unsettled.sort();
    }
}

impl ExperimentProgress {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.unsettled.is_empty()
    }

    /// Time of the next event or outcome.
    pub fn first_due(&self) -> Option<Timestamp> {
        let completed = self.users.iter().filter_map(|user| match user.stage {
            Stage::Completed(until) => Some(until),
            Stage::Open | Stage::Counted => None,
        });
        let unsettled = self.unsettled.first().map(|(at, _)| *at);
        completed.chain(unsettled).min()
    }

    /// Time until which a customer without a conversation is remembered. `None` if nothing is known.
    pub fn remembered_until(&self) -> Option<Timestamp> {
        let users = self.users.iter().map(|user| user.seen_at.plus(REMEMBERED));
        let unsettled = self.unsettled.last().map(|(at, _)| *at);
        users.chain(unsettled).max()
    }

    /// Takes over the experiments of another customer who proves to be the same. Of two users, the one that has counted
    /// is kept, or else the one whose session started first.
    pub fn absorb(&mut self, other: Self) {
        for theirs in other.users {
            let mut own = self.users.iter_mut();
            match own.find(|own| own.experiment == theirs.experiment) {
                None => self.users.push(theirs),
                Some(own) => {
                    let seen_at = own.seen_at.max(theirs.seen_at);
                    let is_same = own.arm == theirs.arm && own.stage == theirs.stage;
                    let sessions = own.sessions + theirs.sessions;
                    let order = |one: &Participation| (one.stage != Stage::Counted, one.started_at);
                    if order(&theirs) < order(own) {
                        *own = theirs;
                    }
                    own.seen_at = seen_at;
                    if is_same {
                        own.sessions = sessions;
                    }
                }
            }
        }
        self.unsettled.extend(other.unsettled);
        self.unsettled.sort();
    }

    /// Adds an event.
    pub fn note(&mut self, at: Timestamp, event: OutcomeEvent, trackers: &Trackers) {
        let event = (at, event);
        let place = self.unsettled.partition_point(|one| *one <= event);
        self.unsettled.insert(place, event);
        if self.unsettled.len() > MAX_UNSETTLED {
            let (at, event) = self.unsettled.remove(0);
            self.apply(at, &event, trackers);
        }
    }

    /// Applies the events up to this moment, and counts the users whose outcome is known by then.
    pub fn settle(
        &mut self,
        until: Timestamp,
        trackers: &Trackers,
        mut count: impl FnMut(KnownOutcome<'_>),
    ) {
        let settled = self.unsettled.partition_point(|(at, _)| *at <= until);
        let settled: Vec<_> = self.unsettled.drain(..settled).collect();
        for (at, event) in settled {
            self.apply(at, &event, trackers);
        }
        for user in &mut self.users {
            if matches!(user.stage, Stage::Completed(at) if at <= until) {
                count(user.outcome());
                user.forget();
            }
        }
    }

    /// Counts every user, because the conversation is closed.
    pub fn end(&mut self, mut count: impl FnMut(KnownOutcome<'_>)) {
        let users = self.users.iter_mut();
        for user in users.filter(|user| user.stage != Stage::Counted) {
            count(user.outcome());
            user.forget();
        }
    }

    /// Applies a milestone of a session of this journey and variant.
    pub fn milestone(
        &mut self,
        at: Timestamp,
        (journey, variant): (&JourneyId, &str),
        milestone: &Milestone,
        trackers: &Trackers,
        mut count: impl FnMut(KnownOutcome<'_>),
    ) {
        for experiment in &trackers.experiments.0 {
            let Some(arm) = experiment.arm_of(journey, variant) else {
                continue;
            };
            if *milestone == Milestone::Started {
                self.start(at, experiment, &arm.name, journey);
                continue;
            }
            let mut users = self.users.iter_mut();
            let own = |user: &Participation| {
                user.stage == Stage::Open
                    && user.experiment == experiment.name
                    && user.arm == arm.name
            };
            let Some(user) = users.find(|user| own(user)) else {
                continue;
            };
            if is_success(milestone, &experiment.metric) {
                user.counts.successes = 1;
            }
            if *milestone == Milestone::Completed {
                let known_at = at.plus(trackers.journeys.idle_timeout(journey));
                user.stage = Stage::Completed(known_at);
            } else if *milestone == Milestone::Abandoned {
                user.sessions = user.sessions.saturating_sub(1);
                if user.sessions == 0 {
                    count(user.outcome());
                    user.forget();
                }
            }
        }
    }

    /// Records a response of the business. The first response to a message of the session counts.
    pub fn respond(&mut self, response: &BusinessResponse, trackers: &Trackers) {
        let waited = response.at.since(response.asked_at);
        for user in self.open() {
            if response.asked_at <= user.started_at || user.counts.responses > 0 {
                continue;
            }
            user.counts.responses = 1;
            user.counts.waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
            if let Some(ExperimentMetric::FirstResponse(within)) = user.metric(trackers)
                && waited <= *within
            {
                user.counts.successes = 1;
            }
        }
    }

    fn start(&mut self, at: Timestamp, experiment: &Experiment, arm: &str, journey: &JourneyId) {
        let is_old = |user: &Participation| at.since(user.seen_at) > REMEMBERED;
        self.users
            .retain(|user| user.stage != Stage::Counted || !is_old(user));
        let mut users = self.users.iter_mut();
        if let Some(user) = users.find(|user| user.experiment == experiment.name) {
            user.seen_at = user.seen_at.max(at);
            return;
        }
        self.users.push(Participation {
            experiment: experiment.name.clone(),
            arm: arm.to_owned(),
            journey: journey.clone(),
            started_at: at,
            seen_at: at,
            stage: Stage::Open,
            sessions: 1,
            counts: ArmCounts {
                users: 1,
                ..ArmCounts::default()
            },
        });
    }

    fn open(&mut self) -> impl Iterator<Item = &mut Participation> {
        let users = self.users.iter_mut();
        users.filter(|user| user.stage != Stage::Counted)
    }

    fn apply(&mut self, at: Timestamp, event: &OutcomeEvent, trackers: &Trackers) {
        for user in self.open().filter(|user| user.started_at <= at) {
            let metric = user.metric(trackers);
            let is_success = match event {
                OutcomeEvent::Read(journey) => {
                    *journey == user.journey && metric == Some(&ExperimentMetric::Read)
                }
                OutcomeEvent::Failed(journey) => {
                    user.counts.failed += u64::from(*journey == user.journey);
                    false
                }
                // A message in the second in which the session started is the one that started it.
                OutcomeEvent::Wrote => {
                    at > user.started_at && metric == Some(&ExperimentMetric::Reply)
                }
                OutcomeEvent::Stopped => {
                    user.counts.opted_out = 1;
                    metric == Some(&ExperimentMetric::OptOut)
                }
            };
            user.counts.successes |= u64::from(is_success);
        }
    }
}

/// Whether a milestone is a success by this metric.
fn is_success(milestone: &Milestone, metric: &ExperimentMetric) -> bool {
    match (metric, milestone) {
        (ExperimentMetric::Completion, Milestone::Completed)
        | (ExperimentMetric::Confusion(None), Milestone::Confused(..)) => true,
        (ExperimentMetric::StepAnswered(step), Milestone::Answered(own, _))
        | (ExperimentMetric::Confusion(Some(step)), Milestone::Confused(own, _)) => step == own,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
