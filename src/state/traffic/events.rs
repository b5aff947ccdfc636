//! Applies the reports of webhooks and applications about one phone number's messages.

use super::super::activity::DailyCount;
use super::super::campaign_contact::ContactEvent;
use super::super::conversation::Side;
use super::super::experiment_progress::OutcomeEvent;
use super::super::journey_sessions::Noted;
use super::super::turn::Turn;
use super::Traffic;
use crate::domain::campaign::CampaignStage;
use crate::domain::mark::{JourneyMark, Mark, MessageContext};
use crate::domain::message::{Kind, MarketingPreference, Status, Update, WebhookUpdate};
use crate::domain::time_zone::Month;
use crate::domain::track::{self, Actor, Happening, Trackers};
use crate::domain::{CustomerIds, ErrorCode, Timestamp};

impl Traffic {
    pub(in crate::state) fn apply_webhook(
        &mut self,
        at: Timestamp,
        webhook: &WebhookUpdate,
        timezone_id: Option<&str>,
        trackers: &Trackers,
    ) {
        match &webhook.update {
            Update::Received {
                from,
                kind,
                context,
            } => {
                self.received.increment(*kind);
                self.activity.count(at, DailyCount::Received);
                self.note_message(from.as_ref(), at, (*kind, context), trackers);
            }
            Update::Status {
                to,
                status,
                category,
                errors,
                mark,
            } => {
                self.statuses.increment(*status, *category);
                self.count_for_the_day(*status, at);
                self.fail(errors, at);
                self.note_status(to.as_ref(), at, *status, mark.as_ref(), trackers);
                if let Some(name) = mark.as_ref().and_then(|mark| mark.campaign.as_deref()) {
                    self.campaigns.fail(name, errors, at, &trackers.campaigns);
                    self.note_campaign(name, to.as_ref(), at, *status, trackers);
                }
                if let Some((to, place)) = to
                    .as_ref()
                    .zip(mark.as_ref().and_then(|mark| mark.journey.as_ref()))
                {
                    self.note_outcome(to, at, (*status, place), trackers);
                }
            }
            Update::Priced(price) => self.prices.count(*price, Month::at(at, timezone_id)),
            Update::Errors(errors) => self.fail(errors, at),
            Update::Echo { to, kind, actor } => {
                if let Some(ids) = to.as_ref().filter(|_| kind.is_a_turn()) {
                    self.note_business(ids, at, *actor, Turn::Unmarked, trackers);
                }
            }
            Update::IdChanged(ids) => {
                self.customers.change_id(ids, at);
                self.make_room(trackers);
            }
            Update::ThreadOwner { of, role } => {
                self.change_of(of, at, trackers, |customer, _| {
                    customer.note_owner(at, role);
                });
            }
            // It only opens a service window.
            Update::Called => {}
            Update::Preference { of, preference } => {
                self.count_preference(of.as_ref(), at, *preference, trackers);
            }
        }
    }

    /// Counts a customer's choice about marketing messages, also as an opt-out for campaigns and experiments.
    fn count_preference(
        &mut self,
        of: Option<&CustomerIds>,
        at: Timestamp,
        preference: MarketingPreference,
        trackers: &Trackers,
    ) {
        self.preferences.increment(preference);
        if preference != MarketingPreference::Stop {
            return;
        }
        self.activity.count(at, DailyCount::OptOut);
        if let Some(ids) = of.filter(|_| !trackers.campaigns.is_empty()) {
            self.note_contact(ids, at, ContactEvent::Stopped, trackers);
        }
        if let Some(ids) = of.filter(|_| !trackers.experiments.is_empty()) {
            self.change_of(ids, at, trackers, |customer, counting| {
                counting.note_outcome(customer, at, OutcomeEvent::Stopped);
            });
        }
    }

    fn note_message(
        &mut self,
        from: Option<&CustomerIds>,
        at: Timestamp,
        (kind, context): (Kind, &MessageContext),
        trackers: &Trackers,
    ) {
        let Some(ids) = from else {
            return;
        };
        if kind.is_a_turn() {
            let context = context.clone();
            self.change_of(ids, at, trackers, |customer, counting| {
                customer.conversation.note_referral(at, context.entry_point);
                counting.note_side(customer, at, Side::Customer);
                counting.note_turn(customer, at, Turn::Wrote { kind, context });
            });
        } else {
            self.customers.identify_known(ids, at);
        }
    }

    fn note_status(
        &mut self,
        to: Option<&CustomerIds>,
        at: Timestamp,
        status: Status,
        mark: Option<&Mark>,
        trackers: &Trackers,
    ) {
        // Each status of a message has the mark.
        if let Some(why) = mark.and_then(|mark| mark.ignored)
            && status == Status::Sent
        {
            self.ignored_marks.increment(why);
        }
        let Some(ids) = to else {
            return;
        };
        // Later statuses of the same message show when it was delivered or read, not when it was sent.
        if status == Status::Sent {
            let place = mark.and_then(|mark| mark.journey.clone());
            let turn = place.map_or(Turn::Unmarked, |place| {
                Turn::sent(place, &trackers.journeys)
            });
            self.note_business(ids, at, Actor::Unknown, turn, trackers);
        } else {
            self.customers.identify_known(ids, at);
        }
    }

    /// Counts a status of a campaign's message.
    fn note_campaign(
        &mut self,
        name: &str,
        to: Option<&CustomerIds>,
        at: Timestamp,
        status: Status,
        trackers: &Trackers,
    ) {
        let (stage, event) = match status {
            Status::Sent => (CampaignStage::Sent, None),
            Status::Delivered => (
                CampaignStage::Delivered,
                Some(ContactEvent::Delivered(name.to_owned())),
            ),
            Status::Read => (
                CampaignStage::Read,
                Some(ContactEvent::Read(name.to_owned())),
            ),
            Status::Failed => (CampaignStage::Failed, None),
            Status::Played
            | Status::Deleted
            | Status::Pending
            | Status::Warning
            | Status::Other => return,
        };
        self.campaigns.count(name, stage, &trackers.campaigns);
        if let Some((ids, event)) = to.zip(event) {
            self.note_contact(ids, at, event, trackers);
        }
    }

    /// Notes that a message of a journey was read or failed, if an experiment compares the journey.
    fn note_outcome(
        &mut self,
        to: &CustomerIds,
        at: Timestamp,
        (status, place): (Status, &JourneyMark),
        trackers: &Trackers,
    ) {
        let event = match status {
            Status::Read => OutcomeEvent::Read(place.id.clone()),
            Status::Failed => OutcomeEvent::Failed(place.id.clone()),
            Status::Sent
            | Status::Delivered
            | Status::Played
            | Status::Deleted
            | Status::Pending
            | Status::Warning
            | Status::Other => return,
        };
        if trackers.experiments.compare(&place.id) {
            self.change_of(to, at, trackers, |customer, counting| {
                counting.note_outcome(customer, at, event);
            });
        }
    }

    /// Adds an event about a campaign to its customer.
    fn note_contact(
        &mut self,
        ids: &CustomerIds,
        at: Timestamp,
        event: ContactEvent,
        trackers: &Trackers,
    ) {
        self.change_of(ids, at, trackers, |customer, counting| {
            counting.note_contact(customer, at, event);
        });
    }

    pub(in crate::state) fn track(
        &mut self,
        at: Timestamp,
        webhook: &track::AppEvent,
        trackers: &Trackers,
    ) {
        let ids = &webhook.customer;
        match &webhook.happening {
            Happening::Inbound => self.change_of(ids, at, trackers, |customer, counting| {
                counting.note_side(customer, at, Side::Customer);
            }),
            Happening::Reply(actor) => {
                self.note_business(ids, at, *actor, Turn::Unmarked, trackers);
            }
            Happening::OnJourney(id, progress) => {
                let (id, progress) = (id.clone(), progress.clone());
                let noted = Noted { at, id, progress };
                self.change_of(ids, at, trackers, |customer, counting| {
                    counting.note_progress(customer, noted);
                });
            }
        }
    }

    fn fail(&mut self, errors: &[ErrorCode], at: Timestamp) {
        for error in errors {
            self.failures.increment(*error, at);
            self.activity.count(at, DailyCount::from_error(*error));
        }
    }

    /// Failures count by their code instead.
    fn count_for_the_day(&mut self, status: Status, at: Timestamp) {
        let count = match status {
            Status::Sent => DailyCount::Sent,
            Status::Delivered => DailyCount::Delivered,
            Status::Read => DailyCount::Read,
            Status::Failed
            | Status::Played
            | Status::Deleted
            | Status::Pending
            | Status::Warning
            | Status::Other => return,
        };
        self.activity.count(at, count);
    }

    /// Notes a message of the business.
    fn note_business(
        &mut self,
        ids: &CustomerIds,
        at: Timestamp,
        actor: Actor,
        turn: Turn,
        trackers: &Trackers,
    ) {
        self.change_of(ids, at, trackers, |customer, counting| {
            counting.note_side(customer, at, Side::Business(actor));
            counting.note_turn(customer, at, turn);
        });
    }
}
