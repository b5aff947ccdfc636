//! The messages of one phone number: counts, response times, and waiting customers.

mod events;
mod time;

use std::sync::Arc;
use std::time::Duration;

use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use super::activity::DailyActivity;
use super::campaign_counts::CampaignCounts;
use super::counting::Counting;
use super::customer::Customer;
use super::customers::Customers;
use super::experiment_counts::ExperimentCounts;
use super::failures::FailureCounts;
use super::journeys::JourneyCounts;
use super::prices::Prices;
use super::recipient::Recipient;
use super::recipients::Recipients;
use super::redate::{Dated, Redating};
use super::responses::ByActor;
use super::{Counts, PairCounts};
use crate::domain::mark::{EntryPoint, IgnoredMark};
use crate::domain::message::{Category, Kind, MarketingPreference, Status};
use crate::domain::track::Trackers;
use crate::domain::{ConversationKey, CustomerIds, PhoneNumberId, RecipientKey, Timestamp};

/// How long an event waits for earlier events that arrive later. Meta's median latency is a quarter of a second; a
/// delivery that arrives later than this is a retry.
pub const REORDERING: Duration = Duration::from_secs(60);

/// Maximum number of customers of a number that are kept, with or without a conversation, at some 500 bytes of memory
/// each. Beyond this, customers without a conversation are removed first; then the conversation whose last message is
/// oldest is closed.
pub const MAX_CUSTOMERS: usize = 100_000;

/// Numbers of ended conversations, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Silent for a day, with no customer waiting.
    pub answered: u64,
    /// No message for a day, with the customer waiting.
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
    /// Conversations that customers started, by entry point.
    #[serde(default)]
    pub began: Counts<EntryPoint>,
    /// Messages whose callback data was ignored, by reason.
    #[serde(default)]
    pub ignored_marks: Counts<IgnoredMark>,
    /// Conversations that have ended.
    pub ended: Ended,
    /// Time of the last message, status or call that a webhook reported.
    #[serde(default)]
    pub last_reported_at: Option<Timestamp>,
    /// Time until which the count of recipients may lack customers, because the limit was reached.
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
}
