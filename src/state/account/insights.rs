//! Applies a poll of insights: daily figures of the account's templates and phone numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::insights::{AccountInsights, NumberInsights, TemplateInsights};
use super::super::object_limits::ObjectCounts;
use super::super::{Change, Stamp};
use super::Account;
use crate::domain::insights::{NumberDay, NumbersRead, Snapshot, TemplatesRead};
use crate::domain::{DisplayDigits, ObjectKind, PhoneNumberId, TemplateId};

impl Account {
    /// The insights of the account itself.
    #[must_use]
    pub fn insights(&self) -> &AccountInsights {
        &self.insights
    }

    /// The daily figures of this template. `None` until a poll has read them.
    #[must_use]
    pub fn template_insights(&self, id: &TemplateId) -> Option<&TemplateInsights> {
        self.template_insights.get(id).map(Arc::as_ref)
    }

    /// Whether the daily figures of any template have been read.
    #[must_use]
    pub fn has_template_insights(&self) -> bool {
        !self.template_insights.is_empty()
    }

    /// The daily figures of this phone number. `None` until a poll has read any.
    #[must_use]
    pub fn number_insights(&self, id: &PhoneNumberId) -> Option<&NumberInsights> {
        self.number_insights.get(id).map(Arc::as_ref)
    }

    /// The daily figures of all templates.
    pub fn all_template_insights(&self) -> impl Iterator<Item = &TemplateInsights> {
        self.template_insights.values().map(Arc::as_ref)
    }

    /// The daily figures of all phone numbers.
    pub fn all_number_insights(&self) -> impl Iterator<Item = &NumberInsights> {
        self.number_insights.values().map(Arc::as_ref)
    }

    pub(super) fn observe_insights(
        &mut self,
        snapshot: &Snapshot,
        stamp: Stamp,
        left: ObjectCounts,
        change: &mut Change,
    ) {
        self.insights.polls.insert(stamp.at(), snapshot.complete);
        if snapshot.refusal.is_some() || snapshot.templates.is_some() {
            self.insights.observe_refusal(snapshot.refusal, stamp);
        }
        if let Some(read) = &snapshot.templates {
            self.observe_template_days(read, stamp, left, change);
        }
        if let Some(read) = &snapshot.numbers {
            self.observe_number_days(read, stamp, left, change);
        }
        self.count_objects();
    }

    fn observe_template_days(
        &mut self,
        read: &TemplatesRead,
        stamp: Stamp,
        left: ObjectCounts,
        change: &mut Change,
    ) {
        let known = Arc::make_mut(&mut self.template_insights);
        known.retain(|id, _| self.templates.contains(id));
        for id in &read.templates {
            let has_room = known.contains_key(id) || known.len() < left.template_insights;
            if !has_room || !self.templates.contains(id) {
                if !has_room {
                    change.keep_out(ObjectKind::Insights);
                }
                continue;
            }
            let insights = known.entry(id.clone());
            let insights = insights.or_insert_with(|| Arc::new(TemplateInsights::new(id.clone())));
            Arc::make_mut(insights).note_read(stamp.at(), read.last_day);
        }
        for one in &read.days {
            if let Some(insights) = known.get_mut(&one.template_id) {
                Arc::make_mut(insights).observe(one.day, one.figures);
            }
        }
    }

    fn observe_number_days(
        &mut self,
        read: &NumbersRead,
        stamp: Stamp,
        left: ObjectCounts,
        change: &mut Change,
    ) {
        self.insights.note_numbers_read(stamp.at(), read.last_day);
        let matched = self.days_by_number(read, stamp);
        let known = Arc::make_mut(&mut self.number_insights);
        known.retain(|id, _| self.numbers.contains_key(id));
        for (id, days) in matched {
            if !known.contains_key(&id) && known.len() >= left.number_insights {
                change.keep_out(ObjectKind::Insights);
                continue;
            }
            let insights = known.entry(id.clone());
            let insights = insights.or_insert_with(|| Arc::new(NumberInsights::new(id)));
            for day in &days {
                if !Arc::make_mut(insights).observe(day) {
                    change.keep_out(ObjectKind::Insights);
                }
            }
        }
        for insights in known.values_mut() {
            Arc::make_mut(insights).note_read(read.last_day);
        }
    }

    /// The days of each number of the account. Volumes of one day, category and type are added up: Meta lists them
    /// separately for each of its categories that this version does not know, and for each spelling of a number.
    fn days_by_number(
        &self,
        read: &NumbersRead,
        stamp: Stamp,
    ) -> BTreeMap<PhoneNumberId, Vec<NumberDay>> {
        let mut by_digits: BTreeMap<&DisplayDigits, Vec<&NumberDay>> = BTreeMap::new();
        for day in &read.days {
            by_digits.entry(&day.digits).or_default().push(day);
        }
        let mut by_number: BTreeMap<PhoneNumberId, BTreeMap<_, NumberDay>> = BTreeMap::new();
        for (digits, days) in by_digits {
            let Some(id) = self.number_with(digits, stamp) else {
                continue;
            };
            let sums = by_number.entry(id).or_default();
            for day in days {
                let key = (day.day.start, day.category, day.pricing_type);
                match sums.get_mut(&key) {
                    Some(sum) => sum.add(day),
                    None => drop(sums.insert(key, day.clone())),
                }
            }
        }
        let days = by_number.into_iter();
        days.map(|(id, sums)| (id, sums.into_values().collect()))
            .collect()
    }
}
