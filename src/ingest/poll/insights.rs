//! A poll of insights: what to read, decided from the state, and the calls that read it.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use super::InsightsOptions;
use crate::domain::insights::{
    DAYS, Day, DaySpan, DayZone, NumberDay, NumbersRead, Snapshot, TemplatesRead,
};
use crate::domain::template::Status;
use crate::domain::{Collector, TemplateId, Timestamp, WabaId};
use crate::ingest::graph::{Calls, Client, Failure, FailureKind, TEMPLATES_PER_CALL};
use crate::state::{Account, Template, TemplateInsights};

/// Number of days that every poll reads again: reads and clicks count for seven days after the sending.
const MOVING_DAYS: u32 = 8;

/// Maximum number of days of phone numbers in one call: a month of 20 busy numbers has some 3,000 points.
const NUMBER_DAYS_PER_CALL: u32 = 30;

/// What one poll reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InsightsPlan {
    /// The periods of phone numbers, oldest first. Empty if they are not due.
    pub numbers: Vec<DaySpan>,
    /// The templates, in the order of reading.
    pub templates: Vec<TemplateBatch>,
    /// The time zone of the templates' days. `None` for UTC.
    pub timezone_id: Option<String>,
    number_day: Day,
    template_day: Day,
}

/// Templates that one call can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateBatch {
    /// At most as many as one call may name.
    pub templates: Vec<TemplateId>,
    /// The days to read.
    pub span: DaySpan,
}

/// Whether enough of the account has been read to poll its insights: its templates, its numbers, and whether Meta gives
/// figures of templates.
pub(super) fn can_be_planned(account: &Account) -> bool {
    let collectors = [Collector::Numbers, Collector::Account, Collector::Templates];
    let mut collectors = collectors.into_iter();
    collectors.all(|one| account.last_success(one).is_some())
}

/// Number of calls of one poll that reads this many templates, without those of the first one, which also reads the
/// past.
#[must_use]
pub fn calls_per_poll(templates: usize, options: &InsightsOptions) -> u64 {
    let templates = templates.min(options.max_templates);
    // Ten templates have 80 points in eight days, which fit on one page.
    1 + templates.div_ceil(TEMPLATES_PER_CALL) as u64
}

/// Decides what is due at `now`.
#[must_use]
pub fn plan(account: &Account, options: &InsightsOptions, now: Timestamp) -> InsightsPlan {
    let timezone_id = match options.time_zone {
        DayZone::Utc => None,
        DayZone::Account => account.timezone_id.value().cloned(),
    };
    let timezone_id = timezone_id.filter(|id| crate::domain::time_zone::name_of(id).is_some());
    let template_day = Day::at(now, timezone_id.as_deref()).before(1, timezone_id.as_deref());
    let number_day = Day::at(now, None).before(1, None);
    InsightsPlan {
        numbers: number_spans(account, options, number_day, now),
        templates: batches(account, options, template_day, timezone_id.as_deref(), now),
        timezone_id,
        number_day,
        template_day,
    }
}

/// Whether figures read at `read_at` need not be read again by this poll. A poll that ran out of calls continues soon,
/// and must not start over.
fn is_fresh(read_at: Option<Timestamp>, options: &InsightsOptions, now: Timestamp) -> bool {
    read_at.is_some_and(|at| at <= now && now.since(at) < options.interval / 2)
}

/// Number of days to read up to `last`: all that Meta has after nothing, otherwise those that may have moved since.
fn days_to_read(known: Option<Day>, last: Day) -> u32 {
    const ALL: u32 = DAYS as u32;
    // A day in the future comes from a clock that was ahead.
    let Some(known) = known.filter(|known| known.start <= last.start) else {
        return ALL;
    };
    let gap = last.start.since(known.start).as_secs().div_ceil(24 * 3_600);
    let gap = u32::try_from(gap).unwrap_or(ALL);
    gap.saturating_add(MOVING_DAYS).min(ALL)
}

fn number_spans(
    account: &Account,
    options: &InsightsOptions,
    last: Day,
    now: Timestamp,
) -> Vec<DaySpan> {
    let insights = account.insights();
    if is_fresh(insights.numbers_read_at(), options, now) {
        return Vec::new();
    }
    let mut days = days_to_read(insights.numbers_last_day(), last);
    let mut spans = Vec::new();
    while days > 0 {
        let in_call = days.min(NUMBER_DAYS_PER_CALL);
        spans.push(DaySpan {
            first: last.before(days - 1, None),
            last: last.before(days - in_call, None),
        });
        days -= in_call;
    }
    spans
}

/// The due templates in batches of one period each: those with recent messages first, those never read last, because
/// their past takes many pages.
fn batches(
    account: &Account,
    options: &InsightsOptions,
    last: Day,
    timezone_id: Option<&str>,
    now: Timestamp,
) -> Vec<TemplateBatch> {
    if account.insights_enabled.value() == Some(&false) {
        return Vec::new();
    }
    let insights_of = |template: &Template| account.template_insights(&template.id);
    let mut chosen: Vec<&Template> = account
        .templates()
        .filter(|template| template.status.value() != Some(Status::Deleted))
        .filter(|template| insights_of(template).is_some() || may_have_messages(template))
        .collect();
    chosen.sort_by_key(|template| {
        let insights = insights_of(template);
        let read_at = insights.map(|insights| insights.read_at);
        (Reverse(insights.map_or(0, recently_sent)), read_at)
    });
    chosen.truncate(options.max_templates);
    chosen.retain(|template| {
        let read_at = insights_of(template).map(|insights| insights.read_at);
        !is_fresh(read_at, options, now)
    });
    let days_of = |template: &Template| {
        days_to_read(
            insights_of(template).map(|insights| insights.last_day),
            last,
        )
    };
    chosen.sort_by_key(|template| days_of(template));
    let of_one_period = chosen.chunk_by(|one, other| days_of(one) == days_of(other));
    let batches = of_one_period.flat_map(|templates| templates.chunks(TEMPLATES_PER_CALL));
    let batches = batches.map(|templates| TemplateBatch {
        templates: templates.iter().map(|one| one.id.clone()).collect(),
        span: DaySpan {
            first: last.before(days_of(templates[0]) - 1, timezone_id),
            last,
        },
    });
    batches.collect()
}

fn may_have_messages(template: &Template) -> bool {
    let status = template.status.value();
    !matches!(status, Some(Status::Pending | Status::Rejected))
}

fn recently_sent(insights: &TemplateInsights) -> u64 {
    let days = insights.last_days(MOVING_DAYS);
    days.filter_map(|day| day.figures.sent).sum()
}

/// Reads what is planned, until a failure that applies to more than one request. What could be read is kept.
pub async fn read(
    plan: &InsightsPlan,
    client: &Client,
    waba_id: &WabaId,
    calls: &dyn Calls,
) -> (Snapshot, Option<Failure>) {
    let mut snapshot = Snapshot::default();
    let numbers = read_numbers(plan, client, waba_id, calls).await;
    let mut failure = match numbers {
        Ok(numbers) => {
            snapshot.numbers = numbers;
            None
        }
        Err(failure) => Some(failure),
    };
    // A failure of the numbers' figures alone does not affect those of templates.
    if failure.as_ref().is_none_or(is_of_one_request) {
        let rest = read_templates(plan, client, waba_id, calls, &mut snapshot).await;
        failure = failure.or(rest);
    }
    snapshot.complete = failure.is_none();
    (snapshot, failure)
}

fn is_of_one_request(failure: &Failure) -> bool {
    matches!(
        failure.kind(),
        FailureKind::InvalidParameter
            | FailureKind::UnknownField
            | FailureKind::Malformed
            | FailureKind::TooLarge
            | FailureKind::Permission
            | FailureKind::Other
    )
}

async fn read_numbers(
    plan: &InsightsPlan,
    client: &Client,
    waba_id: &WabaId,
    calls: &dyn Calls,
) -> Result<Option<NumbersRead>, Failure> {
    if plan.numbers.is_empty() {
        return Ok(None);
    }
    let mut days: Vec<NumberDay> = Vec::new();
    for span in &plan.numbers {
        let mut read = client.read_number_days(waba_id, *span, calls).await?;
        // The parts of a day are added up later, so a day at the border of two calls must be in one of them only.
        let known: BTreeSet<Timestamp> = days.iter().map(|one| one.day.start).collect();
        read.retain(|one| !known.contains(&one.day.start));
        days.append(&mut read);
    }
    let last_day = plan.number_day;
    days.retain(|one| one.day.start <= last_day.start);
    Ok(Some(NumbersRead { days, last_day }))
}

async fn read_templates(
    plan: &InsightsPlan,
    client: &Client,
    waba_id: &WabaId,
    calls: &dyn Calls,
    snapshot: &mut Snapshot,
) -> Option<Failure> {
    let last_day = plan.template_day;
    let mut first_failure = None;
    for batch in &plan.templates {
        let zone = plan.timezone_id.as_deref();
        let days = client
            .read_template_days(waba_id, &batch.templates, batch.span, zone, calls)
            .await;
        match days {
            Ok(days) => {
                let read = snapshot.templates.get_or_insert_with(|| TemplatesRead {
                    last_day,
                    ..TemplatesRead::default()
                });
                read.templates.extend(batch.templates.iter().cloned());
                // The day that is not over yet would count as complete.
                let complete = days
                    .into_iter()
                    .filter(|one| one.day.start <= last_day.start);
                read.days.extend(complete);
            }
            Err(failure) => match failure.insights_refusal() {
                Some(refusal) => {
                    snapshot.refusal = Some(refusal);
                    return None;
                }
                // A template that Meta does not know any more must not hide the others.
                None if is_of_one_request(&failure) => {
                    first_failure = first_failure.or(Some(failure));
                }
                None => return first_failure.or(Some(failure)),
            },
        }
    }
    first_failure
}

/// How long a poll waits for the first listings of its account, at the most.
pub(super) const WAIT_FOR_LISTINGS: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
