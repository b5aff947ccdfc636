//! The messages of one phone number: counts, response times, and waiting customers.

use std::sync::Arc;
use std::time::Duration;

use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use super::activity::{DailyActivity, DailyCount};
use super::campaign_contact::ContactEvent;
use super::campaign_counts::CampaignCounts;
use super::conversation::{SESSION, Side};
use super::counting::Counting;
use super::customer::Customer;
use super::customers::Customers;
use super::experiment_counts::ExperimentCounts;
use super::experiment_progress::OutcomeEvent;
use super::failures::FailureCounts;
use super::journey_sessions::Noted;
use super::journeys::JourneyCounts;
use super::prices::Prices;
use super::recipient::Recipient;
use super::recipients::Recipients;
use super::redate::{Dated, Redating};
use super::responses::ByActor;
use super::turn::Turn;
use super::{Counts, PairCounts};
use crate::domain::campaign::CampaignStage;
use crate::domain::mark::{EntryPoint, IgnoredMark, JourneyMark, Mark, MessageContext};
use crate::domain::message::{Category, Kind, MarketingPreference, Status, Update, WebhookUpdate};
use crate::domain::time_zone::Month;
use crate::domain::track::{self, Actor, Happening, Trackers};
use crate::domain::{
    ConversationKey, CustomerIds, ErrorCode, PhoneNumberId, RecipientKey, Timestamp,
};

/// How long an event waits for earlier events that arrive later. Meta's median latency is a quarter of a second;
/// a delivery that arrives later than this has failed before.
pub const REORDERING: Duration = Duration::from_secs(60);

/// Maximum number of customers of a number that are kept, with or without a conversation, at some 500 bytes of
/// memory each. Beyond it, those without a conversation are forgotten first, then the conversation that was silent
/// for longest is closed.
pub const MAX_CUSTOMERS: usize = 100_000;

/// Numbers of ended conversations, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Silent for a day, with no customer waiting.
    pub answered: u64,
    /// Silent for a day, with the customer waiting.
    pub unanswered: u64,
    /// Closed because of the limit on open conversations.
    pub overflow: u64,
}

/// The state of a number's messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Id of the phone number.
    pub id: PhoneNumberId,
    /// `messages` by type.
    pub received: Counts<Kind>,
    /// `statuses` by status and price category.
    pub statuses: PairCounts<Status, Category>,
    /// Errors of failed messages by code.
    pub failures: FailureCounts,
    /// Messages by price.
    #[serde(default)]
    pub prices: Prices,
    /// `user_preferences` by value.
    #[serde(default)]
    pub preferences: Counts<MarketingPreference>,
    /// Response times, nights and weekends included.
    pub wall: ByActor,
    /// Response times within business hours. Empty until business hours are known.
    pub business: ByActor,
    /// Counters of the journeys of its customers.
    pub journeys: JourneyCounts,
    /// Counters of declared campaigns.
    #[serde(default)]
    pub campaigns: CampaignCounts,
    /// Counters of declared experiments.
    #[serde(default)]
    pub experiments: ExperimentCounts,
    /// Conversations that customers began, by where they came from.
    #[serde(default)]
    pub began: Counts<EntryPoint>,
    /// Messages whose callback data says nothing about them, by reason.
    #[serde(default)]
    pub ignored_marks: Counts<IgnoredMark>,
    /// Conversations that have ended.
    pub ended: Ended,
    /// Time of the last message, status or call that a webhook reported.
    #[serde(default)]
    pub last_reported_at: Option<Timestamp>,
    /// Time until which the count of recipients may lack customers that the limit kept out.
    #[serde(default)]
    pub recipients_missing_until: Option<Timestamp>,
    /// The last days.
    #[serde(default)]
    pub activity: DailyActivity,
    /// The customers; stored as separate rows.
    #[serde(skip)]
    pub(super) customers: Customers,
    /// The recipients; stored as separate rows.
    #[serde(skip)]
    pub(super) recipients: Recipients,
}

impl Dated for Traffic {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.activity.times(see);
        self.failures.times(see);
        self.campaigns.times(see);
        let customers = self.customers.all().values();
        customers.for_each(|customer| customer.times(see));
        self.last_reported_at.times(see);
        self.recipients_missing_until.times(see);
        self.recipients.times(see);
    }

    fn redate(&mut self, to: &Redating) {
        self.activity.redate(to);
        self.failures.redate(to);
        self.campaigns.redate(to);
        let customers = self.customers.all().iter();
        let ahead = customers.filter(|(_, customer)| customer.is_ahead_of(to.latest));
        for key in ahead.map(|(key, _)| *key).collect::<Vec<_>>() {
            self.customers.update(key, |customer| customer.redate(to));
        }
        self.last_reported_at.redate(to);
        self.recipients_missing_until.redate(to);
        self.recipients.redate(to);
    }
}

impl Traffic {
    pub(crate) fn new(id: PhoneNumberId) -> Self {
        Self {
            id,
            received: Counts::default(),
            statuses: PairCounts::default(),
            failures: FailureCounts::default(),
            prices: Prices::default(),
            preferences: Counts::default(),
            wall: ByActor::default(),
            business: ByActor::default(),
            journeys: JourneyCounts::default(),
            campaigns: CampaignCounts::default(),
            experiments: ExperimentCounts::default(),
            began: Counts::default(),
            ignored_marks: Counts::default(),
            ended: Ended::default(),
            last_reported_at: None,
            recipients_missing_until: None,
            activity: DailyActivity::default(),
            customers: Customers::default(),
            recipients: Recipients::default(),
        }
    }

    /// The recipients of the number, and the customers who may become recipients.
    #[must_use]
    pub fn recipients(&self) -> &Recipients {
        &self.recipients
    }

    /// Number of customers who are waiting for a response.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.customers.waiting()
    }

    /// Start time of the longest current wait. `None` if no customer is waiting.
    #[must_use]
    pub fn oldest_waiting(&self) -> Option<Timestamp> {
        self.customers.oldest_waiting()
    }

    /// Number of open conversations.
    #[must_use]
    pub fn open(&self) -> usize {
        self.customers.conversations()
    }

    /// Number of customers that are kept, with or without a conversation.
    pub(super) fn customers_kept(&self) -> usize {
        self.customers.all().len()
    }

    /// Number of open conversations by the role of the application that controls them, where Meta has reported it.
    pub fn thread_owners(&self) -> impl Iterator<Item = (&str, usize)> {
        self.customers.owners()
    }

    /// Every customer, for the store.
    pub(crate) fn customers(&self) -> &OrdMap<ConversationKey, Arc<Customer>> {
        self.customers.all()
    }

    /// Adds a stored customer.
    pub(crate) fn restore(&mut self, key: ConversationKey, customer: Customer) {
        self.customers.put(key, customer);
    }

    /// Adds a stored recipient.
    pub(crate) fn restore_recipient(&mut self, key: RecipientKey, recipient: Recipient) {
        self.recipients.restore(key, recipient);
    }

    pub(super) fn apply_webhook(
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
                    self.note_business(ids, at, *actor, Turn::Spoke, trackers);
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
                self.preferences.increment(*preference);
                if *preference == MarketingPreference::Stop {
                    self.activity.count(at, DailyCount::OptOut);
                    if let Some(ids) = of.as_ref().filter(|_| !trackers.campaigns.is_empty()) {
                        self.note_contact(ids, at, ContactEvent::Stopped, trackers);
                    }
                    if let Some(ids) = of.as_ref().filter(|_| !trackers.experiments.is_empty()) {
                        self.change_of(ids, at, trackers, |customer, counting| {
                            counting.note_outcome(customer, at, OutcomeEvent::Stopped);
                        });
                    }
                }
            }
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
        // Later statuses are about the same message: they show when it was delivered or read, not when it was sent.
        if status == Status::Sent {
            let place = mark.and_then(|mark| mark.journey.clone());
            let turn = place.map_or(Turn::Spoke, |place| Turn::sent(place, &trackers.journeys));
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

    pub(super) fn track(&mut self, at: Timestamp, webhook: &track::AppEvent, trackers: &Trackers) {
        let ids = &webhook.customer;
        match &webhook.happening {
            Happening::Inbound => self.change_of(ids, at, trackers, |customer, counting| {
                counting.note_side(customer, at, Side::Customer);
            }),
            Happening::Reply(actor) => {
                self.note_business(ids, at, *actor, Turn::Spoke, trackers);
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

    /// Changes the customer with these ids.
    fn change_of(
        &mut self,
        ids: &CustomerIds,
        at: Timestamp,
        trackers: &Trackers,
        change: impl FnOnce(&mut Customer, &mut Counting<'_>),
    ) {
        let key = self.customers.identify(ids, at);
        self.change(key, trackers, change);
        self.make_room(trackers);
    }

    /// Forgets a customer, if there are too many.
    fn make_room(&mut self, trackers: &Trackers) {
        while self.customers_kept() > MAX_CUSTOMERS {
            self.forget_customer(trackers);
        }
    }

    /// Forgets a customer without a conversation. If there is none, closes the conversation that was silent for
    /// longest.
    pub(super) fn forget_customer(&mut self, trackers: &Trackers) {
        if let Some((_, key)) = self.customers.first_forgotten() {
            self.customers.take(key);
        } else if let Some((_, key)) = self.customers.oldest_conversation() {
            self.close(key, trackers);
            self.customers.take(key);
            self.ended.overflow += 1;
        }
    }

    /// Whether the passing of time up to this moment changes anything.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let until = now.minus(REORDERING);
        let settles = self.customers.first_due();
        let ends = self.customers.oldest_conversation();
        let forgets = self.customers.first_forgotten();
        settles.is_some_and(|(at, _)| at <= until)
            || ends.is_some_and(|(at, _)| at < until.minus(SESSION))
            || forgets.is_some_and(|(at, _)| at < until)
            || self.recipients.is_due(now)
    }

    /// Counts events that no earlier event can precede any more, ends conversations that were silent for a day, and
    /// forgets customers.
    pub(super) fn settle(&mut self, now: Timestamp, trackers: &Trackers) {
        let until = now.minus(REORDERING);
        // One moment of one customer at a time, so that the order of all customers' events is that of their times.
        while let Some((due, key)) = self.customers.first_due().filter(|one| one.0 <= until) {
            self.change(key, trackers, |customer, counting| {
                counting.settle(customer, due);
            });
        }
        let silent_since = until.minus(SESSION);
        let is_silent = |one: &(Timestamp, ConversationKey)| one.0 < silent_since;
        while let Some((_, key)) = self.customers.oldest_conversation().filter(is_silent) {
            match self.close(key, trackers) {
                Some(true) => self.ended.unanswered += 1,
                Some(false) => self.ended.answered += 1,
                None => {}
            }
        }
        let is_over = |one: &(Timestamp, ConversationKey)| one.0 < until;
        while let Some((_, key)) = self.customers.first_forgotten().filter(is_over) {
            self.customers.take(key);
        }
    }

    fn change(
        &mut self,
        key: ConversationKey,
        trackers: &Trackers,
        change: impl FnOnce(&mut Customer, &mut Counting<'_>),
    ) {
        let (customers, mut counting) = self.counting(trackers);
        customers.update(key, |customer| change(customer, &mut counting));
    }

    /// The customers, and the counters that their changes update.
    fn counting<'a>(&'a mut self, trackers: &'a Trackers) -> (&'a mut Customers, Counting<'a>) {
        let counting = Counting {
            wall: &mut self.wall,
            business: &mut self.business,
            began: &mut self.began,
            journeys: &mut self.journeys,
            activity: &mut self.activity,
            campaigns: &mut self.campaigns,
            experiments: &mut self.experiments,
            trackers,
        };
        (&mut self.customers, counting)
    }

    /// Closes a conversation; the ids of its customer stay known. Returns whether the customer was waiting; `None` if
    /// there is no such conversation.
    fn close(&mut self, key: ConversationKey, trackers: &Trackers) -> Option<bool> {
        let (customers, mut counting) = self.counting(trackers);
        let mut closed = customers.take(key)?;
        counting.abandon(&mut closed);
        let conversation = &closed.conversation;
        let was_waiting = conversation.waiting_since().is_some();
        let was_waiting = conversation.is_conversation().then_some(was_waiting);
        closed.end();
        self.customers.put(key, closed);
        was_waiting
    }
}
