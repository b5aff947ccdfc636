//! `GET /api/v1/history`: the transitions of attributes, with time and source. JSON or CSV.
//!
//! | parameter | meaning | default |
//! |---|---|---|
//! | `waba_id` | transitions of this account | all |
//! | `entity` | `account`, `phone_number` or `template`; or an id | all |
//! | `attribute` | such as `quality_rating`, `status`, `messaging_limit` | all |
//! | `since`, `until` | RFC 3339, Unix seconds, or an age (`30d`) | the last 30 days |
//! | `limit` | maximum number of transitions in the response, up to 10,000 | 1,000 |
//! | `after` | position to continue from: `next` of the previous response | the start |
//! | `offset` | number of transitions to skip, up to 10,000; `after` has no limit | 0 |
//! | `format` | `json` or `csv` | `json` |

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus::IntCounter;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::context::Operator;
use super::error_response::error_response;
use super::refusal;
use crate::clock;
use crate::domain::{Timestamp, WabaId};
use crate::state::Entity;
use crate::store::{Cursor, HistoryQuery, HistoryRow, Unreadable};
use crate::telemetry::{Refused, Telemetry};

/// Some 2 MB of JSON. Longer results are paged.
const MAX_LIMIT: u32 = 10_000;

const DEFAULT_LIMIT: u32 = 1_000;

/// Maximum offset, because skipped rows have to be read. `after` continues anywhere without that cost.
const MAX_OFFSET: u32 = 10_000;

/// Maximum number of concurrent responses; more wait. On two cores, this leaves one to everything else.
pub(super) const MAX_ANSWERS: usize = 1;

/// Maximum wait of a request for its turn. A page takes milliseconds; clients that wait longer should retry.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(5);

/// Reason label of requests that timed out waiting for their turn, or whose query took too long.
pub(super) const BUSY: &str = "history_busy";

/// Counts the requests that were refused because the history was busy.
pub(super) fn refused(telemetry: &Telemetry) -> IntCounter {
    refusal::of_operator(telemetry, BUSY)
}

const DEFAULT_SINCE: &str = "30d";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HistoryParameters {
    waba_id: Option<String>,
    entity: Option<String>,
    attribute: Option<String>,
    since: Option<String>,
    until: Option<String>,
    limit: Option<u32>,
    offset: Option<u32>,
    after: Option<String>,
    format: Option<AnswerFormat>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum AnswerFormat {
    #[default]
    Json,
    Csv,
}

/// One transition, with the same fields in both formats.
#[derive(Debug, Serialize)]
struct TransitionRecord {
    at: String,
    waba_id: String,
    entity: String,
    id: String,
    attribute: String,
    from: Option<String>,
    to: String,
    source: String,
}

#[derive(Debug, Serialize)]
struct HistoryPage {
    since: String,
    until: String,
    transitions: Vec<TransitionRecord>,
    #[serde(flatten)]
    next: NextPage,
}

/// How to request the next page. Empty if this is the last one.
#[derive(Debug, Serialize)]
struct NextPage {
    next: Option<String>,
    next_offset: Option<u32>,
}

pub(super) async fn history(
    State(operator): State<Operator>,
    parameters: Result<Query<HistoryParameters>, QueryRejection>,
    answers: Arc<Semaphore>,
) -> Response {
    let parameters = match parameters {
        Ok(Query(parameters)) => parameters,
        Err(rejection) => return refuse(&rejection.body_text()),
    };
    let Ok(Ok(_one_of_few)) = timeout(MAX_WAIT, answers.acquire()).await else {
        return busy(
            &operator,
            "too many concurrent history requests; try again later",
        );
    };
    match answer(&operator, &parameters).await {
        Ok(response) => response,
        Err(HistoryError::Wrong(why)) => refuse(&why),
        Err(HistoryError::Unreadable(why @ Unreadable::TooSlow)) => {
            busy(&operator, &why.to_string())
        }
        Err(HistoryError::Unreadable(why)) => {
            tracing::error!(%why, "could not read the history");
            error_response(StatusCode::SERVICE_UNAVAILABLE, &why.to_string())
        }
    }
}

/// A response that asks the client to retry later.
pub(super) fn busy(operator: &Operator, why: &str) -> Response {
    refused(&operator.telemetry).inc();
    let retry = [(header::RETRY_AFTER, MAX_WAIT.as_secs().to_string())];
    let answer = (retry, error_response(StatusCode::SERVICE_UNAVAILABLE, why)).into_response();
    refusal::mark(answer, Refused::Request, BUSY)
}

enum HistoryError {
    Wrong(String),
    Unreadable(Unreadable),
}

async fn answer(
    operator: &Operator,
    parameters: &HistoryParameters,
) -> Result<Response, HistoryError> {
    let question = question(parameters, clock::now()).map_err(HistoryError::Wrong)?;
    let limit = checked_limit(parameters.limit).map_err(HistoryError::Wrong)?;
    let offset = parameters.offset.unwrap_or(0);
    if offset > MAX_OFFSET {
        return Err(HistoryError::Wrong(format!(
            "offset: must be at most {MAX_OFFSET}; to read further, set after to the value of next in the previous response"
        )));
    }
    // One row more than requested shows whether a next page exists.
    let rows = operator.store.history().rows(&question, limit + 1, offset);
    let mut rows = rows.await.map_err(HistoryError::Unreadable)?;
    let is_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let last = rows.last().filter(|_| is_more);
    let next = NextPage {
        next: last.map(|last| last.cursor().to_string()),
        next_offset: is_more.then(|| offset.saturating_add(limit)),
    };
    let transitions: Vec<_> = rows.into_iter().map(TransitionRecord::from).collect();
    Ok(match parameters.format.unwrap_or_default() {
        AnswerFormat::Csv => csv(&transitions, next),
        AnswerFormat::Json => Json(HistoryPage {
            since: clock::calendar(question.since),
            until: clock::calendar(question.until),
            transitions,
            next,
        })
        .into_response(),
    })
}

/// The requested number of rows, or the default.
pub(super) fn checked_limit(limit: Option<u32>) -> Result<u32, String> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    let is_allowed = (1..=MAX_LIMIT).contains(&limit);
    is_allowed
        .then_some(limit)
        .ok_or_else(|| format!("limit: must be 1 to {MAX_LIMIT}"))
}

fn question(parameters: &HistoryParameters, now: Timestamp) -> Result<HistoryQuery, String> {
    let moment = |name: &str, text: &Option<String>, default: &str| {
        let text = text.as_deref().unwrap_or(default);
        clock::moment(text, now).map_err(|error| format!("{name}: {error}"))
    };
    let since = moment("since", &parameters.since, DEFAULT_SINCE)?;
    let until = moment("until", &parameters.until, "now")?;
    if since > until {
        return Err("since: must not be after until".to_owned());
    }
    let is_id = |text: &str| WabaId::parse(text).is_some();
    let waba_id = match parameters.waba_id.as_deref() {
        Some(id) => {
            Some(WabaId::parse(id).ok_or("waba_id: must be the digits of an account's id")?)
        }
        None => None,
    };
    let (entity, entity_id) = match parameters.entity.as_deref() {
        None => (None, None),
        Some(id) if is_id(id) => (None, Some(id.to_owned())),
        Some(kind) => {
            let known = Entity::KINDS.into_iter().find(|known| *known == kind);
            let kinds = Entity::KINDS.join(", ");
            let known = known.ok_or_else(|| format!("entity: must be an id, or one of {kinds}"))?;
            (Some(known), None)
        }
    };
    let after = match parameters.after.as_deref() {
        None => None,
        Some(text) => {
            let after = Cursor::parse(text);
            Some(
                after
                    .ok_or("after: must be the unchanged value of next in the previous response")?,
            )
        }
    };
    if after.is_some() && parameters.offset.is_some() {
        return Err("offset: cannot be combined with after; remove it".to_owned());
    }
    Ok(HistoryQuery {
        waba_id,
        entity,
        entity_id,
        attribute: parameters.attribute.clone(),
        since,
        until,
        after,
    })
}

impl From<HistoryRow> for TransitionRecord {
    fn from(row: HistoryRow) -> Self {
        Self {
            at: clock::calendar(row.at),
            waba_id: row.waba_id,
            entity: row.entity,
            id: row.entity_id,
            attribute: row.attribute,
            from: row.from,
            to: row.to,
            source: row.source,
        }
    }
}

/// The rows as CSV. If there is a next page, headers contain its position.
fn csv(transitions: &[TransitionRecord], next: NextPage) -> Response {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    let header = [
        "at",
        "waba_id",
        "entity",
        "id",
        "attribute",
        "from",
        "to",
        "source",
    ];
    let written = writer.write_record(header).and_then(|()| {
        transitions
            .iter()
            .try_for_each(|transition| writer.serialize(transition))
    });
    let text = written.ok().and_then(|()| writer.into_inner().ok());
    let text = text.expect("a vector takes every byte");
    let kind = [(header::CONTENT_TYPE, "text/csv; charset=utf-8")];
    match (next.next, next.next_offset) {
        (Some(next), Some(offset)) => {
            let headers = [("x-next", next), ("x-next-offset", offset.to_string())];
            (kind, headers, text).into_response()
        }
        _ => (kind, text).into_response(),
    }
}

pub(super) fn refuse(why: &str) -> Response {
    error_response(StatusCode::BAD_REQUEST, why)
}
