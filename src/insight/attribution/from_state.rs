//! Reads the history of a number from the state.

use std::collections::BTreeMap;
use std::time::Duration;

use super::history::{DailySends, Fall, NumberHistory, Setback, SetbackKind, TemplateHistory};
use super::{Explanation, causes_of_fall, explainable};
use crate::domain::template::Status;
use crate::domain::{PhoneNumberId, QualityRating, Timestamp};
use crate::state::{Account, Number, Step, Template, TemplateInsights, UtcDay};

/// Resolution of the times of webhooks.
const A_SECOND: Duration = Duration::from_secs(1);

const HALF_A_DAY: Duration = Duration::from_secs(12 * 3_600);

/// Explains the last fall of the rating of a number, which these accounts list.
#[must_use]
pub fn explain(accounts: &[&Account], id: &PhoneNumberId, now: Timestamp) -> Explanation {
    // The templates, of which there may be thousands, are read only for a fall that is explained.
    match explainable(latest_fall(accounts, id), now) {
        Ok(_) => causes_of_fall(&number_history(accounts, id), now),
        Err(explanation) => explanation,
    }
}

fn latest_fall(accounts: &[&Account], id: &PhoneNumberId) -> Option<Fall> {
    let numbers = accounts.iter().filter_map(|account| account.number(id));
    numbers.filter_map(last_fall).max_by_key(|fall| fall.at)
}

/// The last fall of a number's rating. Times without a known rating do not interrupt it.
#[must_use]
pub fn last_fall(number: &Number) -> Option<Fall> {
    let mut known: Option<QualityRating> = None;
    let mut fall = None;
    let changes = number.quality_rating.changes();
    for Step { from, to, at } in changes {
        let before = from.filter(|rating| rating.score().is_some()).or(known);
        if let Some(from) = before
            && to.score().is_some_and(|score| Some(score) < from.score())
        {
            let at = at.at();
            fall = Some(Fall { from, to, at });
        }
        known = Some(to)
            .filter(|rating| rating.score().is_some())
            .or(before);
    }
    fall
}

/// The data of these accounts about the number. Since 2026, one number may belong to several accounts.
#[must_use]
pub fn number_history(accounts: &[&Account], id: &PhoneNumberId) -> NumberHistory {
    let mut history = NumberHistory {
        fall: latest_fall(accounts, id),
        ..NumberHistory::default()
    };
    for account in accounts {
        for traffic in account.traffic().filter(|traffic| traffic.id == *id) {
            history.days.absorb(&traffic.activity);
        }
        history.templates.extend(templates(account));
        let others = account.numbers().filter(|number| number.id != *id);
        history.other_numbers += others.count();
    }
    history
}

/// The templates with data that could be evidence.
fn templates(account: &Account) -> impl Iterator<Item = TemplateHistory> {
    let known = account
        .templates()
        .map(|template| template_history(template, account));
    known.filter(|template| !template.setbacks.is_empty() || template.days.is_some())
}

fn template_history(template: &Template, account: &Account) -> TemplateHistory {
    TemplateHistory {
        id: template.id.clone(),
        name: template.name.value().map(ToString::to_string),
        language: template.language.value().map(ToString::to_string),
        setbacks: setbacks(template),
        days: account.template_insights(&template.id).map(daily_sends),
    }
}

/// Meta's days begin at midnight of UTC or of the account's time zone. Each is the UTC day of its middle.
fn daily_sends(insights: &TemplateInsights) -> BTreeMap<UtcDay, DailySends> {
    let days = insights.days().iter().map(|day| {
        // Without both, there is no read rate.
        let rate = day.figures.delivered.zip(day.figures.read);
        let (delivered, read) = rate.unwrap_or_default();
        let figures = DailySends {
            sent: day.figures.sent.unwrap_or_default(),
            delivered,
            read,
        };
        (UtcDay::at(day.start.plus(HALF_A_DAY)), figures)
    });
    days.collect()
}

/// Ratings that became worse, pauses and disablings.
fn setbacks(template: &Template) -> Vec<Setback> {
    let statuses = template.status.changes().filter_map(|step| {
        let kind = match step.to {
            Status::Paused => SetbackKind::Paused,
            Status::Disabled => SetbackKind::Disabled,
            Status::Approved
            | Status::Pending
            | Status::Rejected
            | Status::InAppeal
            | Status::PendingDeletion
            | Status::Deleted
            | Status::LimitExceeded
            | Status::Archived
            | Status::Other => return None,
        };
        let at = step.at.at();
        Some(Setback { at, kind })
    });
    statuses.chain(low_ratings(template)).collect()
}

fn low_ratings(template: &Template) -> Vec<Setback> {
    let changes = template.quality_rating.changes();
    let mut ratings: Vec<_> = changes
        .map(|step| (step.from, step.to, step.at.at()))
        .collect();
    // The first value may be the previous value that a webhook reported, which is placed just before the webhook's own
    // value.
    if let [(None, _, first), (_, _, next), ..] = ratings.as_slice()
        && next.since(*first) <= A_SECOND
    {
        ratings.remove(0);
    }
    // Meta's own date of the current rating is more exact than the time of the poll that found it, and it is available
    // even for the first poll.
    let dated = template.quality_rating.value();
    if let Some((rating, date)) = dated.zip(template.quality_rating_changed()) {
        match ratings.last_mut().filter(|(_, to, _)| *to == rating) {
            Some((.., at)) => *at = date,
            None => ratings.push((None, rating, date)),
        }
    }
    let low = ratings.into_iter().filter_map(|(from, to, at)| {
        let kind = match to {
            QualityRating::Yellow => SetbackKind::RatedYellow,
            QualityRating::Red => SetbackKind::RatedRed,
            QualityRating::Green | QualityRating::Unknown | QualityRating::Other => return None,
        };
        let before = from.and_then(QualityRating::score);
        let is_worse = before.is_none_or(|before| Some(before) > to.score());
        is_worse.then_some(Setback { at, kind })
    });
    low.collect()
}
