//! A WhatsApp Business Account: its own attributes and counters, its numbers, its templates.

mod addressing;
mod callback;
mod ceilings;
mod events;
mod flows;
mod insights;
mod recipients;
mod refreshes;
mod restrictions;
mod updates;
mod violations;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use events::{LastEvent, LastEvents};
pub use flows::{FlowAlert, FlowAlerts};
pub use restrictions::{ActiveRestriction, RestrictionSubject};
pub use violations::{LastViolation, LastViolations};

use super::attributes::attribute_state;
use super::gone::gone_longest;
use super::insights::{AccountInsights, NumberInsights, TemplateInsights};
use super::journal::Entity;
use super::object_limits::ObjectCounts;
use super::observation::Observation;
use super::redate::{Dated, Redating, dated};
use super::undated::UndatedEvents;
use super::waiting::WaitingWebhook;
use super::{
    Change, Counts, History, LastTimes, Latest, Number, PairCounts, PollTimes, Stamp, Template,
    Templates, Traffic, template,
};
use crate::domain::template as words;
use crate::domain::track::Trackers;
// The table's rows name types of both modules.
use crate::domain::account::*;
use crate::domain::*;

account_attributes!(attribute_state);

/// Length of the day on which Meta disables an account. Meta gives a date without a time.
const DAY: Duration = Duration::from_secs(86_400);

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
    /// Time of the last one of each severity and type.
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
    /// What the polls have spent of the call budget; stored with the times of the polls.
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

/// Readers need not know which fields the table declares.
impl Deref for Account {
    type Target = Attributes;

    fn deref(&self) -> &Attributes {
        &self.attributes
    }
}

impl Account {
    /// An account without data, whose counters count since this time.
    #[must_use]
    pub fn new(counted_since: Option<Timestamp>) -> Self {
        Self {
            counted_since,
            ..Self::default()
        }
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

    /// Ids of the numbers that polls or messages have shown, including removed ones. A number with messages is there
    /// twice.
    pub fn number_ids(&self) -> impl Iterator<Item = &PhoneNumberId> {
        self.numbers.keys().chain(self.traffic.keys())
    }

    /// Whether the passing of time alone settles or ends something of this number by `now`.
    pub(super) fn is_due(&self, number: &PhoneNumberId, now: Timestamp) -> bool {
        let traffic = self.traffic.get(number);
        traffic.is_some_and(|traffic| traffic.is_due(now))
    }

    /// The messages of each number that has any.
    pub fn traffic(&self) -> impl Iterator<Item = &Traffic> {
        self.traffic.values().map(Arc::as_ref)
    }

    /// The ban that Meta has reported. `None` without one, and once a scheduled disabling has not taken place.
    #[must_use]
    pub fn ban_in_force(&self) -> Option<Ban> {
        self.ban.value().filter(|ban| !self.has_outlived(*ban))
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

    /// Time at which Meta will disable the account, unless a later event has cancelled it.
    #[must_use]
    pub fn disable_scheduled_at(&self) -> Option<Timestamp> {
        let ban = self
            .ban_in_force()
            .filter(|ban| ban.state == BanState::ScheduleForDisable);
        ban.and_then(|ban| ban.date)
    }

    /// Whether a poll after the announced day found that the account can send: it was not disabled, and Meta reports
    /// no cancellation.
    fn has_outlived(&self, ban: Ban) -> bool {
        let Some(date) = ban
            .date
            .filter(|_| ban.state == BanState::ScheduleForDisable)
        else {
            return false;
        };
        let last_day = Stamp::polled(date.plus(DAY));
        let can_send = self.can_send_stamp();
        can_send > Some(last_day) && can_send > self.ban.last_seen()
    }

    /// Stamp of the newest poll, if it found that the account can send. An account can send although its business is
    /// LIMITED, as a business is that was never verified.
    fn can_send_stamp(&self) -> Option<Stamp> {
        let health = self.health.value()?;
        let of_account = health.entities.iter();
        let of_account = of_account.filter(|entity| entity.kind == HealthEntity::Waba);
        let own = of_account.map(|entity| entity.can_send_message).next();
        let can_send = own.unwrap_or(health.can_send_message) == CanSendMessage::Available;
        self.health.stamp().filter(|_| can_send)
    }

    /// Time at which the account was lost. `None` while it is visible.
    #[must_use]
    pub fn lost_since(&self) -> Option<Timestamp> {
        self.loss.value().filter(|loss| *loss != Loss::None)?;
        self.loss.since().map(Stamp::at)
    }

    /// Whether this webhook without a timestamp is a retry.
    pub(super) fn repeats_undated(&self, fact: &Fact, key: DeliveryKey, at: Timestamp) -> bool {
        self.undated.is_repeat(fact, key, at)
    }

    /// Applies one event, without settling messages. The limits leave these numbers of objects to this account.
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

    fn observe_snapshot(&mut self, snapshot: &Snapshot, stamp: Stamp, change: &mut Change) {
        let polls = &mut self.polls[Collector::Account.index()];
        polls.insert(stamp.at(), true);
        let mut observation = Observation {
            entity: Entity::Account,
            stamp,
            polls,
            change,
        };
        self.attributes.observe(snapshot, &mut observation);
        change.keep_out_details(snapshot.health_details.as_ref());
        self.note_loss(Loss::None, stamp, change);
    }

    /// An account that was never lost has no such attribute, so "not lost" is ignored for it.
    fn note_loss(&mut self, loss: Loss, stamp: Stamp, change: &mut Change) {
        if loss == Loss::None && self.loss.value().is_none() {
            return;
        }
        let mut observation = Observation {
            entity: Entity::Account,
            stamp,
            polls: &self.polls[Collector::Account.index()],
            change,
        };
        observation.observe(LOSS, &mut self.loss, Some(loss));
    }

    fn list_numbers(
        &mut self,
        listing: &Listing<number::Snapshot>,
        stamp: Stamp,
        left: ObjectCounts,
        change: &mut Change,
    ) {
        let last_complete = self.last_success(Collector::Numbers);
        self.polls[Collector::Numbers.index()].insert(stamp.at(), listing.complete);
        for snapshot in &listing.objects {
            if !self.has_room_for_number(&snapshot.id, left) {
                change.keep_out(ObjectKind::PhoneNumber);
                continue;
            }
            let number = self.numbers.entry(snapshot.id.clone());
            let number = number.or_insert_with(|| Arc::new(Number::new(snapshot.id.clone())));
            Arc::make_mut(number).observe_snapshot(
                snapshot,
                &mut Observation {
                    entity: Entity::Number(snapshot.id.clone()),
                    stamp,
                    polls: &self.polls[Collector::Numbers.index()],
                    change,
                },
            );
        }
        self.apply_waiting(change);
        if listing.complete {
            self.drop_old_waiting(stamp, change);
            change.unmatched.extend(self.unmatched_since(last_complete));
        }
        let last_complete = self.last_success(Collector::Numbers);
        let gone = self.numbers.values();
        let gone = gone.filter(|number| Some(number.listed_at) < last_complete);
        for id in gone_longest(gone.map(|number| (number.listed_at, number.id.clone()))) {
            self.numbers.remove(&id);
        }
        let (numbers, traffic) = (&self.numbers, &self.traffic);
        let is_known = |id: &PhoneNumberId| numbers.contains_key(id) || traffic.contains_key(id);
        self.digits.retain(|_, id| id.value().is_some_and(is_known));
        self.count_objects();
    }

    fn list_templates(
        &mut self,
        listing: &Listing<words::Snapshot>,
        stamp: Stamp,
        left: ObjectCounts,
        change: &mut Change,
    ) {
        self.polls[Collector::Templates.index()].insert(stamp.at(), listing.complete);
        for snapshot in &listing.objects {
            let id = &snapshot.id;
            if !self.has_room_for_template(id, left) {
                change.keep_out(ObjectKind::Template);
                continue;
            }
            let steps = self.templates.get_or_add(id).observe_snapshot(
                snapshot,
                &mut Observation {
                    entity: Entity::Template(id.clone()),
                    stamp,
                    polls: &self.polls[Collector::Templates.index()],
                    change,
                },
            );
            self.count_steps(&steps);
        }
        let last_complete = self.last_success(Collector::Templates).map(Stamp::polled);
        let gone = self.templates.iter();
        let gone = gone.filter(|template| Some(template.known_at) < last_complete);
        let gone = gone_longest(gone.map(|template| (template.known_at.at(), template.id.clone())));
        if !gone.is_empty() {
            self.templates
                .retain(|template| !gone.contains(&template.id));
        }
        if listing.complete {
            self.forget_old_unlisted_templates(stamp);
        }
        self.templates.shrink_to_fit();
        self.count_objects();
    }

    fn count_steps(&mut self, steps: &template::TemplateSteps) {
        if let Some((reason, rejections)) = steps.rejections {
            self.template_rejections.add(reason, rejections);
        }
        if let Some((from, to)) = steps.category {
            self.template_category_changes.increment(from, to);
        }
    }
}
