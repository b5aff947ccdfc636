//! `GET /api/v1/insights`: the daily figures of templates and phone numbers, as JSON or CSV.
//!
//! | parameter | meaning | default |
//! |---|---|---|
//! | `waba_id` | only this account | all |
//! | `template_id` | only this template | all, and phone numbers |
//! | `phone_number_id` | only this phone number | all, and templates |
//! | `from`, `to` | days that start in this period | the 90 days that are stored |
//! | `limit` | number of rows, up to 10,000 | 1,000 |
//! | `offset` | number of rows to skip | 0 |
//! | `format` | `json` or `csv` | `json` |

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::context::Operator;
use super::error_response::error_response;
use super::history::{AnswerFormat, MAX_WAIT, busy, checked_limit, refuse};
use crate::clock;
use crate::domain::{PhoneNumberId, TemplateId, Timestamp, WabaId, Word};
use crate::insight::category_cost::units;
use crate::state::insights::{NumberDay, TemplateDay};
use crate::state::{Account, Accounts};

const DEFAULT_FROM: &str = "100d";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InsightsParameters {
    waba_id: Option<String>,
    template_id: Option<String>,
    phone_number_id: Option<String>,
    from: Option<String>,
    to: Option<String>,
    limit: Option<u32>,
    offset: Option<u32>,
    format: Option<AnswerFormat>,
}

/// The requested rows.
struct InsightsQuery {
    waba_id: Option<WabaId>,
    template_id: Option<TemplateId>,
    phone_number_id: Option<PhoneNumberId>,
    from: Timestamp,
    to: Timestamp,
}

/// One day of a template, or of a phone number's category and type of price, with the same fields in both formats.
#[derive(Debug, Default, Serialize)]
struct DayRecord {
    start: String,
    waba_id: String,
    template_id: Option<String>,
    phone_number_id: Option<String>,
    category: Option<&'static str>,
    pricing_type: Option<&'static str>,
    sent: Option<u64>,
    delivered: Option<u64>,
    read: Option<u64>,
    clicked: Option<u64>,
    replied: Option<u64>,
    volume: Option<u64>,
    cost: Option<f64>,
    currency: Option<String>,
}

#[derive(Debug, Serialize)]
struct InsightsPage {
    from: String,
    to: String,
    days: Vec<DayRecord>,
    next_offset: Option<u32>,
}

pub(super) async fn insights(
    State(operator): State<Operator>,
    parameters: Result<Query<InsightsParameters>, QueryRejection>,
    answers: Arc<Semaphore>,
) -> Response {
    let parameters = match parameters {
        Ok(Query(parameters)) => parameters,
        Err(rejection) => return refuse(&rejection.body_text()),
    };
    let Ok(Ok(_one_of_few)) = timeout(MAX_WAIT, answers.acquire()).await else {
        return busy(
            &operator,
            "too many concurrent requests for history and insights; try again later",
        );
    };
    operator.read_others().await;
    // Millions of days take seconds of CPU time, which must not block the threads that serve webhooks.
    let answer = tokio::task::spawn_blocking(move || {
        let answer = answer(&operator.accounts(), &parameters, clock::now());
        answer.unwrap_or_else(|why| refuse(&why))
    });
    let stopping = || error_response(StatusCode::SERVICE_UNAVAILABLE, "stopping");
    answer.await.unwrap_or_else(|_| stopping())
}

fn answer(
    accounts: &Accounts,
    parameters: &InsightsParameters,
    now: Timestamp,
) -> Result<Response, String> {
    let query = query(parameters, now)?;
    let limit = checked_limit(parameters.limit)?;
    let offset = parameters.offset.unwrap_or(0);
    let rows = accounts
        .iter()
        .filter(|(id, _)| query.waba_id.as_ref().is_none_or(|wanted| wanted == *id));
    let rows = rows.flat_map(|(id, account)| records(id, account, &query));
    // One row more than requested shows whether a next page exists.
    let mut days: Vec<DayRecord> = rows
        .skip(offset as usize)
        .take(limit as usize + 1)
        .collect();
    let is_more = days.len() > limit as usize;
    days.truncate(limit as usize);
    let next_offset = is_more.then(|| offset.saturating_add(limit));
    Ok(match parameters.format.unwrap_or_default() {
        AnswerFormat::Csv => csv(&days, next_offset),
        AnswerFormat::Json => Json(InsightsPage {
            from: clock::calendar(query.from),
            to: clock::calendar(query.to),
            days,
            next_offset,
        })
        .into_response(),
    })
}

fn query(parameters: &InsightsParameters, now: Timestamp) -> Result<InsightsQuery, String> {
    let moment = |name: &str, text: &Option<String>, default: &str| {
        let text = text.as_deref().unwrap_or(default);
        clock::moment(text, now).map_err(|error| format!("{name}: {error}"))
    };
    let from = moment("from", &parameters.from, DEFAULT_FROM)?;
    let to = moment("to", &parameters.to, "now")?;
    if from > to {
        return Err("from: must not be after to".to_owned());
    }
    Ok(InsightsQuery {
        waba_id: id("waba_id", parameters.waba_id.as_deref(), WabaId::parse)?,
        template_id: id(
            "template_id",
            parameters.template_id.as_deref(),
            TemplateId::parse,
        )?,
        phone_number_id: id(
            "phone_number_id",
            parameters.phone_number_id.as_deref(),
            PhoneNumberId::parse,
        )?,
        from,
        to,
    })
}

fn id<T>(
    name: &str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, String> {
    let parsed = text.map(|text| parse(text).ok_or_else(|| format!("{name}: must be digits")));
    parsed.transpose()
}

/// The rows of an account: its templates, then its phone numbers, each oldest first.
fn records<'a>(
    waba_id: &'a WabaId,
    account: &'a Account,
    query: &'a InsightsQuery,
) -> impl Iterator<Item = DayRecord> + 'a {
    let is_within = move |start: Timestamp| query.from <= start && start < query.to;
    let templates = account.all_template_insights().filter(move |one| {
        let wanted = query.template_id.as_ref();
        query.phone_number_id.is_none() && wanted.is_none_or(|wanted| *wanted == one.id)
    });
    let templates = templates.flat_map(move |one| {
        let days = one.days().iter().filter(move |day| is_within(day.start));
        days.map(move |day| of_template(waba_id, account, &one.id, day))
    });
    let numbers = account.all_number_insights().filter(move |one| {
        let wanted = query.phone_number_id.as_ref();
        query.template_id.is_none() && wanted.is_none_or(|wanted| *wanted == one.id)
    });
    let numbers = numbers.flat_map(move |one| {
        let days = one.days().iter().filter(move |day| is_within(day.start));
        days.map(move |day| of_number(waba_id, account, &one.id, day))
    });
    templates.chain(numbers)
}

fn of_template(
    waba_id: &WabaId,
    account: &Account,
    id: &TemplateId,
    day: &TemplateDay,
) -> DayRecord {
    let figures = day.figures;
    DayRecord {
        template_id: Some(id.to_string()),
        sent: figures.sent,
        delivered: figures.delivered,
        read: figures.read,
        clicked: figures.clicked,
        replied: figures.replied,
        ..record(waba_id, account, day.start, figures.spent)
    }
}

fn of_number(
    waba_id: &WabaId,
    account: &Account,
    id: &PhoneNumberId,
    day: &NumberDay,
) -> DayRecord {
    DayRecord {
        phone_number_id: Some(id.to_string()),
        category: Some(day.category.as_str()),
        pricing_type: Some(day.pricing_type.as_str()),
        volume: Some(day.volume),
        ..record(waba_id, account, day.start, day.cost)
    }
}

fn record(waba_id: &WabaId, account: &Account, start: Timestamp, cost: Option<u64>) -> DayRecord {
    let cost = cost.map(|cost| units(i64::try_from(cost).unwrap_or(i64::MAX)));
    DayRecord {
        start: clock::calendar(start),
        waba_id: waba_id.to_string(),
        currency: cost.and_then(|_| account.currency.value().cloned()),
        cost,
        ..DayRecord::default()
    }
}

/// The rows as CSV. If there is a next page, a header contains its offset.
fn csv(days: &[DayRecord], next_offset: Option<u32>) -> Response {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    let header = [
        "start",
        "waba_id",
        "template_id",
        "phone_number_id",
        "category",
        "pricing_type",
        "sent",
        "delivered",
        "read",
        "clicked",
        "replied",
        "volume",
        "cost",
        "currency",
    ];
    let written = writer
        .write_record(header)
        .and_then(|()| days.iter().try_for_each(|day| writer.serialize(day)));
    let text = written.ok().and_then(|()| writer.into_inner().ok());
    let text = text.expect("a vector takes every byte");
    let kind = [(header::CONTENT_TYPE, "text/csv; charset=utf-8")];
    match next_offset {
        Some(offset) => (kind, [("x-next-offset", offset.to_string())], text).into_response(),
        None => (kind, text).into_response(),
    }
}
