//! Applies events to one customer, and updates the counters.

use super::Counts;
use super::activity::{DailyActivity, DailyCount};
use super::campaign_contact::ContactEvent;
use super::campaign_counts::CampaignCounts;
use super::conversation::{BusinessResponse, ConversationEvent, Side};
use super::customer::Customer;
use super::experiment_counts::ExperimentCounts;
use super::experiment_progress::{ExperimentProgress, KnownOutcome, OutcomeEvent};
use super::journey_session::Milestone;
use super::journey_sessions::Noted;
use super::journeys::JourneyCounts;
use super::responses::ByActor;
use super::turn::{TimedTurn, Turn};
use crate::domain::Timestamp;
use crate::domain::campaign::CampaignStage;
use crate::domain::journey::JourneyId;
use crate::domain::mark::EntryPoint;
use crate::domain::track::Trackers;

/// The counters that a change of a customer updates.
pub(super) struct Counting<'a> {
    pub wall: &'a mut ByActor,
    pub business: &'a mut ByActor,
    pub began: &'a mut Counts<EntryPoint>,
    pub journeys: &'a mut JourneyCounts,
    pub activity: &'a mut DailyActivity,
    pub campaigns: &'a mut CampaignCounts,
    pub experiments: &'a mut ExperimentCounts,
    pub trackers: &'a Trackers,
}

impl Counting<'_> {
    /// Notes who wrote.
    pub fn note_side(&mut self, customer: &mut Customer, at: Timestamp, side: Side) {
        if side == Side::Customer {
            customer.note_writing(at);
            if !self.trackers.campaigns.is_empty() {
                self.note_contact(customer, at, ContactEvent::Wrote);
            }
            self.note_outcome(customer, at, OutcomeEvent::Wrote);
        }
        let users = &mut customer.experiments;
        let count = |event| self.conversation(users, event);
        customer.conversation.note(at, side, count);
    }

    /// Adds a message to the customer's journeys, if any are declared.
    pub fn note_turn(&mut self, customer: &mut Customer, at: Timestamp, turn: Turn) {
        let journeys = &self.trackers.journeys;
        if !journeys.0.is_empty() {
            let (sessions, turn) = (&mut customer.journey_sessions, TimedTurn { at, turn });
            let users = &mut customer.experiments;
            sessions.note_turn(turn, journeys, self.milestones(users));
        }
    }

    /// Adds an application's report about a journey.
    pub fn note_progress(&mut self, customer: &mut Customer, noted: Noted) {
        let journeys = &self.trackers.journeys;
        let users = &mut customer.experiments;
        let sessions = &mut customer.journey_sessions;
        sessions.note(noted, journeys, self.milestones(users));
    }

    /// Notes an event about a campaign.
    pub fn note_contact(&mut self, customer: &mut Customer, at: Timestamp, event: ContactEvent) {
        let count = |name: &str, stage| self.campaign(name, stage);
        customer.campaign.note(at, event, count);
    }

    /// Adds an event outside the steps of journeys, if any experiment is declared.
    pub fn note_outcome(&mut self, customer: &mut Customer, at: Timestamp, event: OutcomeEvent) {
        if !self.trackers.experiments.is_empty() {
            customer.experiments.note(at, event, self.trackers);
        }
    }

    /// Counts the customer's events up to this time, because no earlier event can arrive any more.
    pub fn settle(&mut self, customer: &mut Customer, until: Timestamp) {
        let users = &mut customer.experiments;
        let count = |event| self.conversation(users, event);
        customer.conversation.settle(until, count);
        let journeys = &self.trackers.journeys;
        let sessions = &mut customer.journey_sessions;
        sessions.settle(until, journeys, self.milestones(users));
        let count = |name: &str, stage| self.campaign(name, stage);
        customer.campaign.settle(until, count);
        // Last, so that a session of the same second has started.
        let trackers = self.trackers;
        users.settle(until, trackers, |known| self.experiment(&known));
    }

    /// Ends the customer's sessions as abandoned.
    pub fn abandon(&mut self, customer: &mut Customer) {
        let users = &mut customer.experiments;
        let sessions = &mut customer.journey_sessions;
        sessions.abandon(self.milestones(users));
        users.end(|known| self.experiment(&known));
    }

    fn conversation(&mut self, users: &mut ExperimentProgress, event: ConversationEvent) {
        match event {
            ConversationEvent::Began(entry_point) => self.began.increment(entry_point),
            ConversationEvent::Response(response) => {
                users.respond(&response, self.trackers);
                self.response(&response);
            }
        }
    }

    fn response(&mut self, response: &BusinessResponse) {
        let BusinessResponse { asked_at, at, .. } = *response;
        let by_wall = at.since(asked_at);
        self.wall.observe(by_wall, response);
        let hours = self.trackers.hours.as_ref();
        let by_business = hours.map(|hours| hours.between(asked_at, at));
        if let Some(waited) = by_business {
            self.business.observe(waited, response);
        }
        if response.is_first {
            let waited = by_business.unwrap_or(by_wall);
            self.activity.count_first_response(at, waited);
        }
    }

    fn campaign(&mut self, name: &str, stage: CampaignStage) {
        self.campaigns.count(name, stage, &self.trackers.campaigns);
    }

    /// Counts a user of an experiment, if it is still declared.
    fn experiment(&mut self, known: &KnownOutcome<'_>) {
        let declared = &self.trackers.experiments;
        if declared.find(known.experiment).is_some() {
            let arm = (known.experiment, known.arm);
            self.experiments.count(arm, &known.counts, declared);
        }
    }

    /// Counts the milestones of a customer's sessions.
    fn milestones(
        &mut self,
        users: &mut ExperimentProgress,
    ) -> impl FnMut(Timestamp, &JourneyId, &str, Milestone) {
        move |at, id, variant, milestone| self.milestone(users, at, (id, variant), milestone)
    }

    fn milestone(
        &mut self,
        users: &mut ExperimentProgress,
        at: Timestamp,
        (id, variant): (&JourneyId, &str),
        milestone: Milestone,
    ) {
        let trackers = self.trackers;
        let count = |known: KnownOutcome<'_>| self.experiment(&known);
        users.milestone(at, (id, variant), &milestone, trackers, count);
        match milestone {
            Milestone::Started => {
                self.activity.count(at, DailyCount::JourneyStarted);
                self.journeys.expect(id, &self.trackers.journeys);
            }
            Milestone::Abandoned => self.activity.count(at, DailyCount::JourneyAbandoned),
            Milestone::Completed
            | Milestone::Entered(_)
            | Milestone::Reentered(_)
            | Milestone::Looped(_)
            | Milestone::Answered(..)
            | Milestone::Chosen(..)
            | Milestone::Confused(..)
            | Milestone::LeftAt(_) => {}
        }
        let declared = &self.trackers.journeys;
        self.journeys.count(at, (id, variant), milestone, declared);
    }
}
