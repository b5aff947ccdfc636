//! Limits the objects of an account, and of all accounts together.
//!
//! Objects that only webhooks have reported never displace objects that polls list. An object that Meta does not list
//! is kept for as long as Meta may retry webhooks about it, and then removed.

use std::time::Duration;

use super::super::gone::MAX_GONE;
use super::super::object_limits::ObjectCounts;
use super::super::{Stamp, Template};
use super::Account;
use crate::domain::{Collector, PhoneNumberId, TemplateId, ceiling};

/// How long to keep a template that only webhooks have reported after a listing without it: for as long as Meta retries
/// webhooks, because a retry must find it.
const UNLISTED_FOR: Duration = Duration::from_secs(7 * 24 * 3_600);

impl Account {
    /// Number of its objects.
    pub(in super::super) fn sizes(&self) -> ObjectCounts {
        self.sizes
    }

    /// Recounts its objects. Call it after a load and after a listing.
    pub(crate) fn count_objects(&mut self) {
        let unlisted = self.templates.iter().filter(|one| !one.was_listed());
        let unlisted_templates = unlisted.count();
        let is_unlisted = |id: &&PhoneNumberId| !self.numbers.contains_key(*id);
        self.sizes = ObjectCounts {
            numbers: self.numbers.len(),
            templates: self.templates.len() - unlisted_templates,
            unlisted_numbers: self.traffic.keys().filter(is_unlisted).count(),
            unlisted_templates,
            customers: self
                .traffic
                .values()
                .map(|traffic| traffic.customers_kept())
                .sum(),
            template_insights: self.template_insights.len(),
            number_insights: self.number_insights.len(),
            recipients: self
                .traffic
                .values()
                .map(|traffic| traffic.recipients.kept())
                .sum(),
        };
    }

    /// Whether a listing may add this number.
    pub(super) fn has_room_for_number(&mut self, id: &PhoneNumberId, left: ObjectCounts) -> bool {
        if self.numbers.contains_key(id) {
            return true;
        }
        let most = (ceiling::NUMBERS + MAX_GONE).min(left.numbers);
        let has_room = self.sizes.numbers < most;
        self.sizes.numbers += usize::from(has_room);
        has_room
    }

    /// Whether a listing may add this template.
    pub(super) fn has_room_for_template(&mut self, id: &TemplateId, left: ObjectCounts) -> bool {
        if self.templates.get(id).is_some_and(Template::was_listed) {
            return true;
        }
        let most = (ceiling::TEMPLATES + MAX_GONE).min(left.templates);
        let has_room = self.sizes.templates < most;
        self.sizes.templates += usize::from(has_room);
        has_room
    }

    /// Whether a webhook may add a template that no poll has listed. Without polls, this applies to all
    /// templates.
    pub(super) fn has_room_for_unlisted_template(&self, left: ObjectCounts) -> bool {
        let is_listed = self.last_success(Collector::Templates).is_some();
        let own = if is_listed {
            ceiling::UNLISTED_TEMPLATES
        } else {
            ceiling::TEMPLATES
        };
        self.sizes.unlisted_templates < own.min(left.unlisted_templates)
    }

    /// Whether messages of this number may be counted. Without polls, no number is listed.
    pub(super) fn has_room_for_traffic(&self, id: &PhoneNumberId, left: ObjectCounts) -> bool {
        if self.traffic.contains_key(id) || self.numbers.contains_key(id) {
            return true;
        }
        let is_listed = self.last_success(Collector::Numbers).is_some();
        let own = if is_listed {
            ceiling::UNLISTED_NUMBERS
        } else {
            ceiling::NUMBERS
        };
        self.sizes.unlisted_numbers < own.min(left.unlisted_numbers)
    }

    /// Whether a customer may be added to the recipients.
    pub(super) fn has_room_for_recipient(&self, left: ObjectCounts) -> bool {
        self.sizes.recipients < ceiling::RECIPIENTS.min(left.recipients)
    }

    /// Removes templates that were last mentioned by a webhook a week before this listing, and are not in it.
    pub(super) fn forget_old_unlisted_templates(&mut self, listed: Stamp) {
        let oldest = listed.at().minus(UNLISTED_FOR);
        let is_kept =
            |template: &Template| template.was_listed() || template.known_at.at() >= oldest;
        self.templates.retain(is_kept);
    }
}
