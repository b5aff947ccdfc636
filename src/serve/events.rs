//! The event API, for events that Meta does not report and the business' own applications send.
//!
//! | route | answer |
//! |---|---|
//! | `POST /v1/events` | 200 after every valid event is on disk, with the result of each; 400, 401, 413 or 503 for the whole batch |
//!
//! A batch with a number that no account has is refused as a whole until the first numbers poll of every account
//! has an outcome: one of them may have the number. A failed poll is an outcome too, because some accounts can never
//! be listed. Nothing of the batch is stored, so it can be sent again unchanged; if a part had been stored, the ids
//! of its events would identify the repeats.
//!
//! | route | answer |
//! |---|---|
//! | `GET /v1/openapi.json` | the OpenAPI description |

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;

use super::bearer::bearer;
use super::body::{self, BodyError};
use super::context::{Public, Secrets, note_unread};
use super::error_response::error_response;
use super::reason::{BROKEN_OFF, NOT_STORED, TOO_LARGE, TOO_SLOW, WRONG_PORT};
use super::refusal;
use crate::clock;
use crate::domain::{Collector, Event, PhoneNumberId, WabaId};
use crate::ingest::CustomerHasher;
use crate::ingest::track::{BatchError, EventReader, ParsedEvent};
use crate::state::{Account, Accounts, Change};
use crate::telemetry::{Refused, Telemetry};

/// Maximum size of a batch in bytes. A thousand events take some 200 KiB.
const MAX_BODY: usize = 1024 * 1024;

const OPENAPI: &str = include_str!("openapi.json");

/// Result of one event.
#[derive(Serialize)]
struct BatchOutcome {
    id: String,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

const ACCEPTED: &str = "accepted";
const DUPLICATE: &str = "duplicate";
const REJECTED: &str = "rejected";

const UNAUTHORIZED: &str = "unauthorized";
const NOT_A_BATCH: &str = "not_a_batch";
const NOT_LISTED: &str = "not_listed";

const NO_STORE: &str = "the store cannot commit; send the batch again";

/// How long the application waits before it sends a refused batch again. The first polls take seconds, and retries of
/// a failed one some minutes.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("10");

/// Reasons for refusing a whole batch.
pub(super) const REASONS: [&str; 8] = [
    UNAUTHORIZED,
    TOO_LARGE,
    BROKEN_OFF,
    TOO_SLOW,
    NOT_A_BATCH,
    NOT_STORED,
    WRONG_PORT,
    NOT_LISTED,
];

/// The routes. Initializes their counters to 0.
pub(super) fn router(public: Public) -> Router {
    for result in [ACCEPTED, DUPLICATE, REJECTED] {
        public.telemetry.events.with_label_values(&[result]);
    }
    for reason in REASONS {
        public
            .telemetry
            .event_batches_refused
            .with_label_values(&[reason]);
    }
    Router::new()
        .route("/v1/events", post(events))
        .route("/v1/openapi.json", get(openapi))
        .with_state(public)
}

/// The routes while the store is not open.
pub(super) fn router_without_store(telemetry: Arc<Telemetry>) -> Router {
    let refuse = async |State(telemetry): State<Arc<Telemetry>>, headers: HeaderMap, body: Body| {
        body::discard(&headers, body);
        let refused = &telemetry.event_batches_refused;
        refused.with_label_values(&[NOT_STORED]).inc();
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let how = [(header::RETRY_AFTER, RETRY_AFTER)];
        let why = error_response(status, NO_STORE);
        refusal::mark((how, why).into_response(), Refused::EventBatch, NOT_STORED)
    };
    Router::new()
        .route("/v1/events", post(refuse))
        .route("/v1/openapi.json", get(openapi))
        .with_state(telemetry)
}

async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

async fn events(State(public): State<Public>, headers: HeaderMap, body: Body) -> Response {
    let secrets = public.secrets.load_full();
    let Some((customers, token)) = secrets.tracked().zip(secrets.events.as_ref()) else {
        body::discard(&headers, body);
        let how = "the event API is disabled; set trackers.token_file\n";
        return (StatusCode::NOT_FOUND, how).into_response();
    };
    if !bearer(&headers).is_some_and(|sent| token.knows(sent)) {
        body::discard(&headers, body);
        let mut refusal = refuse(
            &public,
            StatusCode::UNAUTHORIZED,
            UNAUTHORIZED,
            "send the token: Authorization: Bearer ...",
        );
        let how = HeaderValue::from_static("Bearer");
        refusal.headers_mut().insert(header::WWW_AUTHENTICATE, how);
        return refusal;
    }
    let whole = match public.body_budget.read(&headers, body, MAX_BODY).await {
        Ok(whole) => whole,
        Err(error) => return refuse_body(&public, error),
    };
    match read_with_others(&public, &secrets, customers, &whole.bytes).await {
        Ok(ParsedBatch {
            is_too_early: true, ..
        }) => {
            let message = "the phone numbers of an account have not been read yet, and a phone_number_id of this \
                           batch may be one of them; nothing is stored, send the batch again";
            refuse_for_now(&public, NOT_LISTED, message)
        }
        Ok(ParsedBatch { items, .. }) => commit(&public, items).await,
        Err(error) => {
            let message = error.to_string();
            refuse(&public, StatusCode::BAD_REQUEST, NOT_A_BATCH, &message)
        }
    }
}

/// A parsed batch.
struct ParsedBatch {
    items: Vec<ParsedEvent>,
    /// Whether a number is unknown while the first numbers poll of an account has no outcome yet.
    is_too_early: bool,
    /// Numbers that no account in memory has.
    unknown: BTreeSet<PhoneNumberId>,
}

/// Parses a batch. A number that is unknown to this replica may belong to an account of another one.
async fn read_with_others(
    public: &Public,
    secrets: &Secrets,
    customers: &CustomerHasher,
    body: &[u8],
) -> Result<ParsedBatch, BatchError> {
    let batch = read(public, secrets, customers, body)?;
    if batch.unknown.is_empty() || !public.store.is_shared() {
        return Ok(batch);
    }
    for number in &batch.unknown {
        note_unread(public.store.read_number(number).await);
    }
    read(public, secrets, customers, body)
}

fn read(
    public: &Public,
    secrets: &Secrets,
    customers: &CustomerHasher,
    body: &[u8],
) -> Result<ParsedBatch, BatchError> {
    // One snapshot for the whole batch.
    let accounts = public.store.all_accounts();
    let unknown = RefCell::new(BTreeSet::new());
    let reader = EventReader {
        customers,
        trackers: &secrets.trackers,
        receipt: clock::receipt(),
        account_of: |number: &PhoneNumberId| {
            let account = account_of(&accounts, number);
            if account.is_none() {
                unknown.borrow_mut().insert(number.clone());
            }
            account
        },
    };
    let items = reader.read(body)?;
    let unknown = unknown.into_inner();
    let is_too_early = !unknown.is_empty() && awaits_first_poll(public, secrets, &accounts);
    Ok(ParsedBatch {
        items,
        is_too_early,
        unknown,
    })
}

/// Whether this process has not yet tried to list the numbers of some account. Lost accounts are not polled.
fn awaits_first_poll(public: &Public, secrets: &Secrets, accounts: &Accounts) -> bool {
    let (polls, assignments) = (&public.telemetry.polls, &secrets.assignments);
    let lost = assignments.lost();
    let numbers = Collector::Numbers;
    let is_read = |(waba_id, account): (&WabaId, &Arc<Account>)| {
        let app = assignments.app_of(waba_id);
        account.last_success(numbers).is_some()
            || lost.contains(waba_id)
            || app.is_some_and(|app| polls.has_outcome(app, waba_id, numbers))
    };
    !accounts.iter().all(is_read)
}

fn refuse_body(public: &Public, error: BodyError) -> Response {
    let (status, reason, message) = match error {
        BodyError::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            TOO_LARGE,
            "the batch is larger than 1 MiB; send smaller batches",
        ),
        BodyError::Disconnected => (
            StatusCode::BAD_REQUEST,
            BROKEN_OFF,
            "the body ended early; send it again",
        ),
        BodyError::TooSlow => (
            StatusCode::REQUEST_TIMEOUT,
            TOO_SLOW,
            "the body took too long; send it again",
        ),
    };
    refuse(public, status, reason, message)
}

/// The watched account that has this number, according to polls or messages.
fn account_of(accounts: &Accounts, number: &PhoneNumberId) -> Option<WabaId> {
    let mut owners = accounts
        .iter()
        .filter(|(_, account)| account.has_number(number));
    owners.next().map(|(waba_id, _)| waba_id.clone())
}

/// Commits the valid events, and responds afterwards.
async fn commit(public: &Public, items: Vec<ParsedEvent>) -> Response {
    let (mut good, mut outcomes): (Vec<Event>, Vec<BatchOutcome>) = (Vec::new(), Vec::new());
    let mut places = Vec::new();
    for ParsedEvent { id, outcome } in items {
        let error = match outcome {
            Ok(event) => {
                places.push(outcomes.len());
                good.push(event);
                None
            }
            Err(error) => Some(error),
        };
        let result = if error.is_some() { REJECTED } else { ACCEPTED };
        outcomes.push(BatchOutcome { id, result, error });
    }
    let Ok(changes) = public.store.commit_with(good, None).await else {
        return refuse_for_now(public, NOT_STORED, NO_STORE);
    };
    for (place, change) in places.into_iter().zip(changes) {
        note_change(&mut outcomes[place], &change);
    }
    for outcome in &outcomes {
        public
            .telemetry
            .events
            .with_label_values(&[outcome.result])
            .inc();
    }
    Json(serde_json::json!({ "results": outcomes })).into_response()
}

fn note_change(outcome: &mut BatchOutcome, change: &Change) {
    if change.duplicate {
        outcome.result = DUPLICATE;
    } else if change.unwatched || change.refused {
        outcome.result = REJECTED;
        outcome.error = Some("phone_number_id: messages of this number are not counted".to_owned());
    }
}

fn refuse_for_now(public: &Public, reason: &'static str, message: &str) -> Response {
    let mut refusal = refuse(public, StatusCode::SERVICE_UNAVAILABLE, reason, message);
    refusal
        .headers_mut()
        .insert(header::RETRY_AFTER, RETRY_AFTER);
    refusal
}

fn refuse(public: &Public, status: StatusCode, reason: &'static str, message: &str) -> Response {
    let refused = &public.telemetry.event_batches_refused;
    refused.with_label_values(&[reason]).inc();
    let answer = error_response(status, message);
    refusal::mark(answer, Refused::EventBatch, reason)
}
