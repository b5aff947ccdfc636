//! Updates of an account, its numbers and its templates from webhooks.

use std::sync::Arc;
use std::time::Duration;

use super::super::journal::Entity;
use super::super::object_limits::ObjectCounts;
use super::super::observation::Observation;
use super::super::waiting::WaitingWebhook;
use super::super::{Change, Stamp, Traffic};
use super::Account;
use crate::domain::account::{ATTRIBUTES, BAN_STATE, Restriction, Update, ViolationEffect};
use crate::domain::template as words;
use crate::domain::track::Trackers;
use crate::domain::{
    Collector, DisplayDigits, ObjectKind, PhoneNumberId, QualityRating, Timestamp, Word, number,
};

/// Maximum number of waiting webhooks, per account, about numbers that no poll has listed yet. Numbers are listed
/// within seconds of the start, so more waiting webhooks than this have digits that will never match.
const MAX_WAITING: usize = 64;

/// How long events wait for an unknown number. Meta retries webhooks for seven days, and a flag lasts as long.
const WAIT_FOR_NUMBER: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Maximum number of remembered spellings per account.
const MAX_SPELLINGS: usize = 1_000;

impl Account {
    pub(super) fn apply_update(&mut self, update: &Update, stamp: Stamp, change: &mut Change) {
        let mut observation = Observation {
            entity: Entity::Account,
            stamp,
            polls: &self.polls[Collector::Account.index()],
            change,
        };
        match update {
            Update::AccountUpdate {
                event,
                digits,
                ban,
                restrictions,
                violation,
                disconnection,
            } => {
                let digits = digits.as_ref();
                self.events.increment(*event);
                self.last_events
                    .observe(*event, digits, *disconnection, stamp.at());
                observation.observe(BAN_STATE, &mut self.ban, *ban);
                let effect = violation.as_ref().map(|one| (one, one.kind.effect()));
                let lifted = effect.and_then(|(_, effect)| match effect {
                    ViolationEffect::Lifts(kind) => Some(Restriction::lifted(kind)),
                    ViolationEffect::Violation | ViolationEffect::Warning => None,
                });
                for restriction in restrictions.iter().copied().chain(lifted) {
                    let known = &mut self.restrictions;
                    known.observe(restriction, digits, &mut observation);
                }
                if let Some((violation, _)) = effect.filter(|_| lifted.is_none()) {
                    self.violations.increment(violation.kind);
                    self.last_violations.observe(violation, digits, stamp.at());
                }
            }
            Update::Review(decision) => {
                let status = &mut self.attributes.review_status;
                observation.observe(ATTRIBUTES.review_status, status, Some(*decision));
            }
            Update::Flow {
                flow_id,
                event,
                state,
            } => self.flow_alerts.observe(flow_id, *event, *state, stamp),
            Update::Alert { severity, alert } => {
                self.alerts.increment(*severity, *alert);
                self.last_alerts.note((*severity, *alert), stamp.at());
            }
            Update::Capability {
                messaging_limit,
                phone_numbers_limit,
            } => {
                let known = &mut self.attributes;
                let limit = &mut known.messaging_limit;
                observation.observe(ATTRIBUTES.messaging_limit, limit, *messaging_limit);
                let numbers = &mut known.phone_numbers_limit;
                numbers.observe_some(*phone_numbers_limit, stamp);
            }
        }
    }

    pub(super) fn apply_number_webhook(
        &mut self,
        webhook: &number::WebhookUpdate,
        stamp: Stamp,
        change: &mut Change,
    ) {
        let Some(id) = self.number_with(&webhook.digits, stamp) else {
            return self.keep_until_number_is_known(webhook, stamp, change);
        };
        if let Some(number) = self.numbers.get_mut(&id) {
            Arc::make_mut(number).apply_update(
                &webhook.update,
                &mut Observation {
                    entity: Entity::Number(id.clone()),
                    stamp,
                    polls: &self.polls[Collector::Numbers.index()],
                    change,
                },
            );
        }
    }

    fn keep_until_number_is_known(
        &mut self,
        webhook: &number::WebhookUpdate,
        stamp: Stamp,
        change: &mut Change,
    ) {
        if self.waiting.len() >= MAX_WAITING {
            self.drop_oldest_unmatched(change);
        }
        if self.waiting.len() < MAX_WAITING {
            self.waiting.push(WaitingWebhook::new(webhook, stamp));
            change.waiting = true;
        } else {
            change.refused = true;
        }
    }

    /// Drops the oldest event whose digits are missing from a later complete listing, as it is the least likely
    /// to match a number.
    fn drop_oldest_unmatched(&mut self, change: &mut Change) {
        let unmatched = self.waiting.iter().enumerate();
        let unmatched = unmatched.filter(|(_, one)| self.is_unmatched(one));
        let oldest = unmatched.min_by_key(|(_, one)| one.stamp);
        if let Some(place) = oldest.map(|(place, _)| place) {
            self.waiting.remove(place);
            change.expired += 1;
        }
    }

    /// Applies the events whose numbers are now known; the others keep waiting.
    pub(super) fn apply_waiting(&mut self, change: &mut Change) {
        for WaitingWebhook { webhook, stamp } in std::mem::take(&mut self.waiting) {
            self.apply_number_webhook(&webhook, stamp, change);
        }
    }

    /// Drops events that have waited for longer than Meta retries webhooks.
    pub(super) fn drop_old_waiting(&mut self, now: Stamp, change: &mut Change) {
        let oldest = now.at().minus(WAIT_FOR_NUMBER);
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.stamp.at() >= oldest);
        change.expired += before - self.waiting.len();
    }

    /// The digits of events that became unmatched with this listing.
    pub(super) fn unmatched_since(&self, last_complete: Option<Timestamp>) -> Vec<DisplayDigits> {
        let unmatched = self.waiting.iter().filter(|waiting| {
            let was_unmatched = last_complete.is_some_and(|at| Stamp::polled(at) > waiting.stamp);
            !was_unmatched && self.is_unmatched(waiting)
        });
        unmatched
            .map(|waiting| waiting.webhook.digits.clone())
            .collect()
    }

    /// Records the spelling of a number in webhooks, and applies the events that waited for it.
    pub(super) fn learn_spelling(
        &mut self,
        spelling: &number::Spelling,
        stamp: Stamp,
        change: &mut Change,
    ) {
        if self.knows_spelling(spelling) {
            return;
        }
        if self.digits.len() >= MAX_SPELLINGS && !self.digits.contains_key(&spelling.digits) {
            change.refused = true;
            change.keep_out(ObjectKind::Spelling);
            return;
        }
        let known = self.digits.entry(spelling.digits.clone()).or_default();
        known.observe(spelling.id.clone(), stamp);
        self.apply_waiting(change);
    }

    /// Counts messages of a number, unless the number is refused because of the limit.
    pub(super) fn change_traffic(
        &mut self,
        id: &PhoneNumberId,
        (left, trackers): (ObjectCounts, &Trackers),
        change: &mut Change,
        count: impl FnOnce(&mut Traffic),
    ) {
        if !self.has_room_for_traffic(id, left) {
            change.refused = true;
            change.keep_out(ObjectKind::PhoneNumber);
            return;
        }
        if !self.traffic.contains_key(id) && !self.numbers.contains_key(id) {
            self.sizes.unlisted_numbers += 1;
        }
        let traffic = self.traffic.entry(id.clone());
        let traffic = traffic.or_insert_with(|| Arc::new(Traffic::new(id.clone())));
        let traffic = Arc::make_mut(traffic);
        let before = traffic.customers_kept();
        count(traffic);
        let is_full = self.sizes.customers >= left.customers;
        if is_full && traffic.customers_kept() > before {
            traffic.forget_customer(trackers);
        }
        self.sizes.customers = self.sizes.customers + traffic.customers_kept() - before;
    }

    /// Settles the messages of all numbers.
    pub(super) fn settle(&mut self, now: Timestamp, trackers: &Trackers) {
        for traffic in self.traffic.values_mut() {
            settle(traffic, now, trackers, &mut self.sizes);
        }
    }

    /// Settles the messages of one number.
    pub(crate) fn settle_number(
        &mut self,
        id: &PhoneNumberId,
        now: Timestamp,
        trackers: &Trackers,
    ) {
        if let Some(traffic) = self.traffic.get_mut(id) {
            settle(traffic, now, trackers, &mut self.sizes);
        }
    }

    pub(super) fn apply_template_webhook(
        &mut self,
        webhook: &words::WebhookUpdate,
        stamp: Stamp,
        left: ObjectCounts,
        change: &mut Change,
    ) {
        self.count_template_event(&webhook.update);
        if !self.templates.contains(&webhook.identity.id) {
            if !self.has_room_for_unlisted_template(left) {
                change.refused = true;
                change.keep_out(ObjectKind::Template);
                return;
            }
            self.sizes.unlisted_templates += 1;
        }
        let template = self.templates.get_or_add(&webhook.identity.id);
        template.identify(&webhook.identity, stamp);
        let mut observation = Observation {
            entity: Entity::Template(webhook.identity.id.clone()),
            stamp,
            polls: &self.polls[Collector::Templates.index()],
            change,
        };
        let steps = template.apply_update(&webhook.update, &mut observation);
        self.count_steps(&steps);
    }

    /// These counters belong to the account, so they count even if the template itself is not kept.
    fn count_template_event(&mut self, update: &words::Update) {
        match update {
            words::Update::Status { event, .. } => self.template_status_events.increment(*event),
            words::Update::Quality { previous, new } => {
                let previous = previous.unwrap_or(QualityRating::Unknown);
                self.template_quality_events.increment(previous, *new);
            }
            words::Update::CategoryAnnounced { .. }
            | words::Update::CategoryChanged { .. }
            | words::Update::CategoryDetected { .. } => {}
        }
    }
}

fn settle(
    traffic: &mut Arc<Traffic>,
    now: Timestamp,
    trackers: &Trackers,
    sizes: &mut ObjectCounts,
) {
    if traffic.is_due(now) {
        let before = traffic.customers_kept();
        Arc::make_mut(traffic).settle(now, trackers);
        sizes.customers = sizes.customers + traffic.customers_kept() - before;
    }
}
