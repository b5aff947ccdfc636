//! Renders the totals and counters of each account's message templates.

use std::collections::BTreeMap;

use super::metric::{Metric, metrics};
use super::page::{EntityLabels, Page, SampleValue};
use super::rows::Rows;
use crate::domain::template::{Category, RejectedReason, Status};
use crate::domain::{Collector, QualityRating, Timestamp, Word};
use crate::state::{Account, Accounts, Counts, Template};

metrics! {
    TEMPLATES: Gauge "whatsapp_message_templates" ["waba_id", "status"]
        "Number of templates by status. Excludes templates without a known status. Absent before the first complete listing.";
    BY_QUALITY: Gauge "whatsapp_message_templates_by_quality" ["waba_id", "quality_rating"]
        "Number of templates by quality rating. Excludes templates without a known quality rating. Absent before the first complete listing.";
    BY_CATEGORY: Gauge "whatsapp_message_templates_by_category" ["waba_id", "category"]
        "Number of templates by category. Excludes templates without a known category. Absent before the first complete listing.";
    USED: Gauge "whatsapp_message_templates_used" ["waba_id"]
        "Number of templates that count towards the template limit, as counted by Meta. Absent until known.";
    LIMIT: Gauge "whatsapp_message_templates_limit" ["waba_id"]
        "Maximum number of templates of the account. Absent until known.";
    STATUS_EVENTS: Counter "whatsapp_message_template_status_events_total" ["waba_id", "event"]
        "Number of message_template_status_update webhooks by event, retries counted once.";
    REJECTIONS: Counter "whatsapp_message_template_rejections_total" ["waba_id", "reason"]
        "Number of templates that became REJECTED, by reason, seen by poll or webhook.";
    LAST_REJECTION: Gauge "whatsapp_message_template_last_rejection_timestamp_seconds" ["waba_id", "reason"]
        "Time of the last rejection among the templates that are REJECTED, by reason. Absent without one, and for templates that were REJECTED when they were first seen.";
    QUALITY_EVENTS: Counter "whatsapp_message_template_quality_events_total" ["waba_id", "from", "to"]
        "Number of message_template_quality_update webhooks by previous and new rating, retries counted once.";
    CATEGORY_CHANGES: Counter "whatsapp_message_template_category_changes_total" ["waba_id", "from", "to"]
        "Number of templates that moved from one category to another, seen by poll or webhook.";
    LAST_CATEGORY_CHANGE: Gauge "whatsapp_message_template_last_category_change_timestamp_seconds" ["waba_id", "to"]
        "Time of the last change of a template to its current category, by category. Absent for templates that have kept the category with which they were first seen.";
}

/// The totals of one account's templates.
///
/// A template counts only if its state is known. OTHER is a known state (a word that this version does not know), and
/// so is the rating UNKNOWN. A template that only a quality webhook has reported has no known status yet.
#[derive(Default)]
struct Totals {
    by_status: Counts<Status>,
    by_quality: Counts<QualityRating>,
    by_category: Counts<Category>,
    /// Time of the last rejection.
    rejections: BTreeMap<RejectedReason, Timestamp>,
    /// Time of the last change to each category.
    category_changes: BTreeMap<Category, Timestamp>,
}

impl Totals {
    /// Reads each template once: a fleet has millions, and most time goes into fetching them from memory.
    fn new(account: &Account) -> Self {
        let mut totals = Self::default();
        for template in account.templates() {
            totals.add(template);
        }
        totals
    }

    fn add(&mut self, template: &Template) {
        if let Some(status) = template.status.value() {
            self.by_status.increment(status);
        }
        if let Some(rating) = template.quality_rating.value() {
            self.by_quality.increment(rating);
        }
        if let Some(category) = template.category.value() {
            self.by_category.increment(category);
        }
        if let Some((reason, at)) = rejection(template) {
            note_newest(&mut self.rejections, reason, at);
        }
        if let Some((category, at)) = category_change(template) {
            note_newest(&mut self.category_changes, category, at);
        }
    }
}

fn note_newest<W: Word>(newest: &mut BTreeMap<W, Timestamp>, word: W, at: Timestamp) {
    let known = newest.entry(word).or_insert(at);
    *known = at.max(*known);
}

/// The rejection of a template that is REJECTED.
fn rejection(template: &Template) -> Option<(RejectedReason, Timestamp)> {
    let status = template.status.value()?;
    if status != Status::Rejected {
        return None;
    }
    let at = template.status.changed()?.at();
    let reason = template.rejected_reason().unwrap_or(RejectedReason::None);
    Some((reason, at))
}

/// The change to the current category. The first known category is no change, whichever source reported it.
fn category_change(template: &Template) -> Option<(Category, Timestamp)> {
    let category = template.category.value()?;
    template.category.earlier(|_| true)?;
    Some((category, template.category.since()?.at()))
}

/// An account with the totals of its templates.
struct Totalled<'a> {
    account: &'a Account,
    totals: Totals,
}

/// Writes the totals and counters of all accounts.
pub(super) fn write(page: &mut Page, accounts: &Accounts) {
    let totalled = accounts.values().map(|account| Totalled {
        account,
        totals: Totals::new(account),
    });
    let totalled: Vec<Totalled<'_>> = totalled.collect();
    let labels = accounts.iter().map(|(id, account)| {
        EntityLabels::new(&[("waba_id", id.as_str())]).created(account.counted_since())
    });
    let rows: Rows<'_, Totalled<'_>> = labels.zip(&totalled).collect();
    write_totals(page, &rows);
    rows.counts(page, &STATUS_EVENTS, |one| {
        &one.account.template_status_events
    });
    rows.counts(page, &REJECTIONS, |one| &one.account.template_rejections);
    write_newest(page, &LAST_REJECTION, &rows, |one| &one.totals.rejections);
    rows.pair_counts(page, &QUALITY_EVENTS, |one| {
        &one.account.template_quality_events
    });
    rows.pair_counts(page, &CATEGORY_CHANGES, |one| {
        &one.account.template_category_changes
    });
    write_newest(page, &LAST_CATEGORY_CHANGE, &rows, |one| {
        &one.totals.category_changes
    });
}

fn write_totals(page: &mut Page, accounts: &Rows<'_, Totalled<'_>>) {
    write_tally(page, &TEMPLATES, accounts, |one| &one.totals.by_status);
    write_tally(page, &BY_QUALITY, accounts, |one| &one.totals.by_quality);
    write_tally(page, &BY_CATEGORY, accounts, |one| &one.totals.by_category);
    let whole = |count: Option<&u64>| count.copied().map(SampleValue::Whole);
    accounts.value(page, &USED, |one| whole(one.account.template_count.value()));
    accounts.value(page, &LIMIT, |one| {
        whole(one.account.template_limit.value())
    });
}

/// Totals appear after the first complete listing, because a count of the templates known so far would be wrong. They
/// are 0 in every form of the page: rules compare a total with its lowest value within a day, which may have been 0.
fn write_tally<W: Word>(
    page: &mut Page,
    metric: &Metric,
    accounts: &Rows<'_, Totalled<'_>>,
    tally: impl for<'one> Fn(&'one Totalled<'_>) -> &'one Counts<W>,
) {
    accounts.each(page, metric, |family, entity, one| {
        if one.account.last_success(Collector::Templates).is_none() {
            return;
        }
        for (word, count) in tally(one).iter() {
            family.sample(entity, &[word.as_str()], SampleValue::Whole(count));
        }
    });
}

fn write_newest<W: Word>(
    page: &mut Page,
    metric: &Metric,
    accounts: &Rows<'_, Totalled<'_>>,
    newest: impl for<'one> Fn(&'one Totalled<'_>) -> &'one BTreeMap<W, Timestamp>,
) {
    accounts.each(page, metric, |family, entity, one| {
        for (word, at) in newest(one) {
            family.sample(entity, &[word.as_str()], SampleValue::Time(*at));
        }
    });
}
