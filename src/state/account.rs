//! A WhatsApp Business Account: its own attributes and counters, its numbers, its templates.

mod addressing;
mod ban;
mod callback;
mod ceilings;
mod events;
mod flows;
mod insights;
mod polled;
mod recipients;
mod refreshes;
mod restrictions;
mod updates;
mod violations;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use events::{LastEvent, LastEvents};
pub use flows::{FlowAlert, FlowAlerts};
pub use restrictions::{ActiveRestriction, RestrictionSubject};
pub use violations::{LastViolation, LastViolations};

use super::attributes::attribute_state;
use super::insights::{AccountInsights, NumberInsights, TemplateInsights};
use super::object_limits::ObjectCounts;
use super::redate::{Dated, Redating, dated};
use super::undated::UndatedEvents;
use super::waiting::WaitingWebhook;
use super::{
    Change, Counts, History, LastTimes, Latest, Number, PairCounts, PollTimes, Stamp, Template,
    Templates, Traffic,
};
use crate::domain::template as words;
use crate::domain::track::Trackers;
// The table's rows name types of both modules.
use crate::domain::account::*;
use crate::domain::*;

account_attributes!(attribute_state);

/// The state of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The attributes of the table.
    #[serde(flatten)]
    pub attributes: Attributes,
    /// `ban_info`.
    pub ban: History<Ban>,
    /// Whether the account is still visible at Meta. Empty if it was never lost.
    #[serde(default)]
    pub loss: History<Loss>,
    restrictions: restrictions::Restrictions,
    /// `account_update` by event.
    pub events: Counts<EventKind>,
    /// Time of the last event of each kind.
    #[serde(default)]
    pub last_events: LastEvents,
    /// `violation_info` by type, warnings included.
    pub violations: Counts<ViolationType>,
    /// The last violation or warning of each type.
    #[serde(default)]
    pub last_violations: LastViolations,
    /// The alerts of Flows.
    #[serde(default)]
    pub flow_alerts: FlowAlerts,
    /// `account_alerts` by severity and type.
    pub alerts: PairCounts<AlertSeverity, AlertType>,
    /// Time of the last alert of each severity and type.
    #[serde(default)]
    pub last_alerts: LastTimes<(AlertSeverity, AlertType)>,
    /// `message_template_status_update` by event.
    pub template_status_events: Counts<words::EventKind>,
    /// Rejections of templates by reason, seen by poll or webhook.
    pub template_rejections: Counts<words::RejectedReason>,
    /// `message_template_quality_update` by (from, to).
    pub template_quality_events: PairCounts<QualityRating, QualityRating>,
    /// Category changes of templates by (from, to), seen by poll or webhook.
    pub template_category_changes: PairCounts<words::Category, words::Category>,
    /// Number of templates, from the listing's summary.
    pub template_count: Latest<u64>,
    /// Maximum number of templates.
    pub template_limit: Latest<u64>,
    polls: [PollTimes; 3],
    /// The calls that polls have spent of the budget; stored with the times of the polls.
    #[serde(skip)]
    spent_calls: Latest<SpentCalls>,
    /// Digits that message webhooks use for each number.
    digits: BTreeMap<DisplayDigits, Latest<PhoneNumberId>>,
    waiting: Vec<WaitingWebhook>,
    #[serde(default)]
    undated: UndatedEvents,
    #[serde(default)]
    insights: AccountInsights,
    /// Time since which webhooks about messages of the account are read. `None` while they are not.
    #[serde(default)]
    messages_read_since: Option<Timestamp>,
    /// Time at which all counters of the account were 0. `None` if they began with a version that did not store it.
    #[serde(default)]
    counted_since: Option<Timestamp>,
    /// All known numbers, including removed ones; stored as separate rows.
    #[serde(skip)]
    pub(crate) numbers: BTreeMap<PhoneNumberId, Arc<Number>>,
    /// All known templates, including removed ones; each page is stored as a row.
    #[serde(skip)]
    pub(crate) templates: Templates,
    /// The messages of each number that has any; stored as separate rows.
    #[serde(skip)]
    pub(crate) traffic: BTreeMap<PhoneNumberId, Arc<Traffic>>,
    /// The daily figures of templates; stored as separate rows. Shared as a whole, because few events change them.
    #[serde(skip)]
    pub(crate) template_insights: Arc<BTreeMap<TemplateId, Arc<TemplateInsights>>>,
    /// The daily figures of numbers; stored as separate rows.
    #[serde(skip)]
    pub(crate) number_insights: Arc<BTreeMap<PhoneNumberId, Arc<NumberInsights>>>,
    /// Cached, so that an event does not recount the objects.
    #[serde(skip)]
    sizes: ObjectCounts,
}

dated! {
    Account: attributes ban loss restrictions last_events last_violations flow_alerts last_alerts template_count template_limit polls spent_calls digits
        waiting undated insights numbers templates traffic template_insights number_insights messages_read_since
        counted_since
}

/// Lets readers access the fields of the table directly.
impl Deref for Account {
    type Target = Attributes;

    fn deref(&self) -> &Attributes {
        &self.attributes
    }
}

impl Account {
    /// The account with another time at which all its counters were 0.
    #[must_use]
    pub fn with_counted_since(mut self, counted_since: Option<Timestamp>) -> Self {
        self.counted_since = counted_since;
        self
    }

    /// Time at which all counters of the account were 0, if known.
    #[must_use]
    pub fn counted_since(&self) -> Option<Timestamp> {
        self.counted_since
    }

    /// Time of the last complete read by `collector`.
    #[must_use]
    pub fn last_success(&self, collector: Collector) -> Option<Timestamp> {
        self.polls(collector).and_then(PollTimes::last_complete)
    }

    /// Times of the reads by `collector`.
    #[must_use]
    pub fn polls(&self, collector: Collector) -> Option<&PollTimes> {
        if collector == Collector::Insights {
            return Some(&self.insights.polls);
        }
        self.polls.get(collector.index())
    }

    /// The numbers of the newest complete listing, or of a newer incomplete one.
    pub fn numbers(&self) -> impl Iterator<Item = &Number> {
        let last_complete = self.last_success(Collector::Numbers);
        self.numbers
            .values()
            .map(Arc::as_ref)
            .filter(move |number| Some(number.listed_at) >= last_complete)
    }

    /// One of the known numbers, even if it was removed.
    #[must_use]
    pub fn number(&self, id: &PhoneNumberId) -> Option<&Number> {
        self.numbers.get(id).map(Arc::as_ref)
    }

    /// A number of the newest complete listing, or of a newer incomplete one.
    #[must_use]
    pub fn listed_number(&self, id: &PhoneNumberId) -> Option<&Number> {
        let last_complete = self.last_success(Collector::Numbers);
        let number = self.number(id)?;
        (Some(number.listed_at) >= last_complete).then_some(number)
    }

    /// The templates in the newest complete listing, and those that a webhook has mentioned since.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        let last_complete = self.last_success(Collector::Templates).map(Stamp::polled);
        self.templates
            .iter()
            .filter(move |template| Some(template.known_at) >= last_complete)
    }

    /// Stamp of the newest listing of templates, complete or not.
    pub(crate) fn newest_template_listing(&self) -> Option<Stamp> {
        let newest = self.polls[Collector::Templates.index()].newest();
        newest.map(Stamp::polled)
    }

    /// Whether polls or messages show this number in the account.
    #[must_use]
    pub fn has_number(&self, id: &PhoneNumberId) -> bool {
        self.numbers.contains_key(id) || self.traffic.contains_key(id)
    }

    /// Ids of the numbers that polls or messages have shown, including removed ones. A number with messages occurs
    /// twice.
    pub fn number_ids(&self) -> impl Iterator<Item = &PhoneNumberId> {
        self.numbers.keys().chain(self.traffic.keys())
    }

    /// Whether an event, a conversation or a session of this number settles or ends by `now` without a further event.
    pub(super) fn is_due(&self, number: &PhoneNumberId, now: Timestamp) -> bool {
        let traffic = self.traffic.get(number);
        traffic.is_some_and(|traffic| traffic.is_due(now))
    }

    /// The messages of each number that has any.
    pub fn traffic(&self) -> impl Iterator<Item = &Traffic> {
        self.traffic.values().map(Arc::as_ref)
    }

    /// Why the account cannot send all messages. `None` if it can, or if unknown.
    #[must_use]
    pub fn sending_cause(&self) -> Option<SendingCause> {
        SendingCause::new(self.health.value()?, self.health_details.value())
    }

    /// Whether the account has a means of payment. `None` if unknown.
    #[must_use]
    pub fn has_funding(&self) -> Option<bool> {
        match self.funding.value()? {
            Funding::Attached => Some(true),
            Funding::Missing => Some(false),
            Funding::Unknown | Funding::Other => None,
        }
    }

    /// Whether this webhook without a timestamp is a retry.
    pub(super) fn repeats_undated(&self, fact: &Fact, key: DeliveryKey, at: Timestamp) -> bool {
        self.undated.is_repeat(fact, key, at)
    }

    /// Applies one event, without settling messages. `left` is the number of objects that the limits still allow for
    /// this account.
    pub(super) fn apply(
        &mut self,
        event: &Event,
        trackers: &Trackers,
        left: ObjectCounts,
    ) -> Change {
        let mut change = Change::default();
        let stamp = Stamp::from_event(event);
        self.note_reading(event, trackers);
        if let Source::UndatedWebhook(key) = event.source {
            self.undated.note(&event.fact, key, event.observed_at);
        }
        match &event.fact {
            Fact::AccountRead(snapshot) => self.observe_snapshot(snapshot, stamp, &mut change),
            Fact::AccountLoss(loss) => self.note_loss(*loss, stamp, &mut change),
            Fact::NumbersListed(listing) => self.list_numbers(listing, stamp, left, &mut change),
            Fact::TemplatesListed(listing, totals) => {
                self.template_count.observe_some(totals.count, stamp);
                self.template_limit.observe_some(totals.limit, stamp);
                self.list_templates(listing, stamp, left, &mut change);
            }
            Fact::InsightsRead(snapshot) => {
                self.observe_insights(snapshot, stamp, left, &mut change);
            }
            Fact::CallsSpent(spent) => {
                self.spent_calls.observe(spent.clone(), stamp);
            }
            Fact::Account(update) => self.apply_update(update, stamp, &mut change),
            Fact::Number(webhook) => self.apply_number_webhook(webhook, stamp, &mut change),
            Fact::NumberSpelled(spelling) => self.learn_spelling(spelling, stamp, &mut change),
            Fact::Template(webhook) => {
                self.apply_template_webhook(webhook, stamp, left, &mut change);
            }
            Fact::Message(webhook) => {
                // Only prices depend on it.
                let is_price = matches!(webhook.update, message::Update::Priced(_));
                let timezone_id = self.attributes.timezone_id.value();
                let timezone_id = timezone_id.filter(|_| is_price).cloned();
                let how = (left, trackers);
                self.change_traffic(&webhook.phone_number_id, how, &mut change, |traffic| {
                    let timezone_id = timezone_id.as_deref();
                    traffic.apply_webhook(event.observed_at, webhook, timezone_id, trackers);
                });
                self.note_recipient(event.observed_at, webhook, left, &mut change);
            }
            Fact::Tracked(update) => {
                let how = (left, trackers);
                self.change_traffic(&update.phone_number_id, how, &mut change, |traffic| {
                    traffic.track(event.observed_at, update, trackers);
                });
            }
            Fact::TimePassed => {
                self.settle(event.observed_at, trackers);
                self.expire_recipients(event.observed_at);
            }
            Fact::ClockCorrected { latest } => {
                let redating = Redating::new(self, *latest, event.observed_at);
                self.redate(&redating);
                change.redated = Some(redating);
            }
            Fact::Unwatched => {}
        }
        change
    }
}
