//! The two routes: `GET /` as a page, `GET /api/v1/status` as JSON.
//!
//! | parameter | meaning | default |
//! |---|---|---|
//! | `waba_id` | only this account | all, worst first |
//! | `q` | only accounts of which an id, a name or a phone number contains this text | all, worst first |
//! | `limit` | maximum number of accounts in the response, up to 100 | 20 |
//! | `offset` | number of accounts to skip: `next_offset` of the previous response | 0 |
//!
//! A response depends on all accounts only by their digests, see `digest.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::figures::Figures;
use super::overview::Overview;
use super::selection::{AccountSearch, AccountSelection};
use super::timeline::{DRAWN, MAX_STEPS, ShownSteps, WINDOW};
use super::{Facts, Status, confusing, page};
use crate::clock;
use crate::domain::WabaId;
use crate::insight::{confusing_steps, experiments};
use crate::serve::context::Operator;
use crate::serve::error_response::error_response;
use crate::serve::experiment_record::ExperimentRecord;
use crate::telemetry::Examination;

/// Maximum number of accounts in one response, which may then have some 20 MB.
const MAX_LIMIT: usize = 100;

pub(super) const DEFAULT_LIMIT: usize = 20;

/// Maximum number of concurrent responses; more wait. Each may take some megabytes.
pub const MAX_ANSWERS: usize = 2;

/// The query parameters.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusParameters {
    waba_id: Option<String>,
    q: Option<String>,
    limit: Option<usize>,
    offset: Option<usize>,
}

/// The result of the extractor.
pub type ExtractedParameters = Result<Query<StatusParameters>, QueryRejection>;

/// Why a request was refused.
enum StatusError {
    Wrong(String),
    NotWatched(String),
    Stopping,
}

/// How the status is written. The JSON has no experiments, which take milliseconds of CPU time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StatusForm {
    Page,
    Json,
}

/// The page.
pub async fn page(
    operator: Operator,
    asked: ExtractedParameters,
    answers: Arc<Semaphore>,
) -> Response {
    let draw = |status: &Status| Html(page::draw(status)).into_response();
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            page::content_security_policy(),
        ),
    ];
    let form = StatusForm::Page;
    match answer(operator, asked, &answers, form, draw).await {
        Ok(page) => (headers, page).into_response(),
        Err(refusal) => {
            let (status, why) = refusal.status_and_text();
            (status, headers, format!("{why}\n")).into_response()
        }
    }
}

/// The status as JSON.
pub async fn json(
    operator: Operator,
    asked: ExtractedParameters,
    answers: Arc<Semaphore>,
) -> Response {
    let write = |status: &Status| Json(status).into_response();
    let form = StatusForm::Json;
    match answer(operator, asked, &answers, form, write).await {
        Ok(json) => ([(header::CACHE_CONTROL, "no-store")], json).into_response(),
        Err(refusal) => {
            let (status, why) = refusal.status_and_text();
            error_response(status, &why)
        }
    }
}

async fn answer(
    operator: Operator,
    asked: ExtractedParameters,
    answers: &Semaphore,
    form: StatusForm,
    write: impl FnOnce(&Status) -> Response + Send + 'static,
) -> Result<Response, StatusError> {
    let Query(parameters) = asked.map_err(|rejection| StatusError::Wrong(rejection.body_text()))?;
    let _one_of_few = answers.acquire().await.map_err(|_| StatusError::Stopping)?;
    let store = Arc::clone(&operator.store);
    operator.read_others().await;
    // A large fleet takes milliseconds of CPU time, so this must not block the threads that serve webhooks.
    let examination = operator.store.last_examination().await;
    let examination = examination.map_err(|error| error.to_string());
    let looked = tokio::task::spawn_blocking(move || {
        let mut facts = facts(&operator, examination, form);
        let mut overview = Overview::new(&facts, &operator.digests);
        let order = std::mem::take(&mut overview.order);
        let selection = select(&parameters, &facts, order)?;
        let shown: BTreeSet<WabaId> = selection.shown.iter().cloned().collect();
        facts.figures.keep_only(&shown);
        Ok((facts, overview, selection, shown))
    });
    let (facts, overview, selection, shown) = looked.await.map_err(|_| StatusError::Stopping)??;
    let window = (facts.now.minus(WINDOW), facts.now);
    let recent = store
        .history()
        .recent(&shown, &DRAWN, window, MAX_STEPS)
        .await;
    let written = tokio::task::spawn_blocking(move || {
        let steps = recent.map(|recent| ShownSteps::new(recent, facts.now));
        let steps = steps.as_ref().map_err(|unreadable| unreadable.to_string());
        if let Err(why) = &steps {
            tracing::error!(%why, "could not read timelines; showing the status without them");
        }
        write(&Status::new(&facts, overview, selection, steps))
    });
    written.await.map_err(|_| StatusError::Stopping)
}

fn facts(
    operator: &Operator,
    examination: Result<Option<Examination>, String>,
    form: StatusForm,
) -> Facts {
    let now = clock::now();
    let others = operator.store.last_reading_of_others();
    let accounts = operator.accounts();
    let options = operator.options.load_full();
    let is_wanted = |_: &str| form == StatusForm::Page;
    let reports = experiments::reports(&options.experiments, &accounts, is_wanted);
    let numbers = accounts.values().flat_map(|account| account.traffic());
    let journeys = numbers.map(|traffic| &traffic.journeys);
    let confusing_steps = confusing_steps::worst(journeys, &options.journeys, confusing::SHOWN);
    Facts {
        confusing_steps,
        experiments: reports.iter().map(ExperimentRecord::new).collect(),
        accounts,
        numbers_of_several: operator.store.numbers_of_several(),
        access: operator.access.read(),
        assignments: operator.assignments.load_full(),
        watched: watched(operator),
        figures: Figures::new(&operator.telemetry),
        callback: operator.options.load().callback.clone(),
        unions: Arc::clone(&operator.send_gate.unions),
        store: operator.store.is_sound().map_err(|error| error.to_string()),
        others: others.map(|(accounts, age)| (accounts, now.minus(age))),
        examination,
        now,
    }
}

fn watched(operator: &Operator) -> BTreeMap<String, usize> {
    let mut watched = BTreeMap::new();
    for (app, _, count) in operator.assignments.load().counts() {
        *watched.entry(app.to_owned()).or_default() += count;
    }
    watched
}

fn select(
    parameters: &StatusParameters,
    facts: &Facts,
    order: Vec<WabaId>,
) -> Result<AccountSelection, StatusError> {
    let limit = parameters.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(StatusError::Wrong(format!(
            "limit: must be 1 to {MAX_LIMIT}"
        )));
    }
    // A form sends an empty field too.
    let asked = parameters.q.as_deref().map(str::trim);
    let asked = asked.filter(|text| !text.is_empty());
    let mut search = None;
    let offset = parameters.offset.unwrap_or(0);
    let found = match (&parameters.waba_id, asked) {
        (Some(_), Some(_)) => {
            let text = "waba_id: cannot be combined with q; leave out one of them";
            return Err(StatusError::Wrong(text.to_owned()));
        }
        (Some(waba_id), None) => vec![watched_account(waba_id, facts)?],
        (None, Some(text)) => {
            let made = AccountSearch::new(text).map_err(StatusError::Wrong)?;
            search.insert(made).find(facts, &order)
        }
        (None, None) => order,
    };
    Ok(AccountSelection {
        found: found.len(),
        shown: found.into_iter().skip(offset).take(limit).collect(),
        search,
        offset,
        limit,
    })
}

fn watched_account(waba_id: &str, facts: &Facts) -> Result<WabaId, StatusError> {
    let waba_id = WabaId::parse(waba_id).ok_or_else(|| {
        StatusError::Wrong("waba_id: must be the digits of an account's id".to_owned())
    })?;
    if !facts.accounts.contains_key(&waba_id) {
        return Err(StatusError::NotWatched(format!(
            "waba_id: {waba_id} is not watched"
        )));
    }
    Ok(waba_id)
}

impl StatusError {
    fn status_and_text(self) -> (StatusCode, String) {
        match self {
            Self::Wrong(why) => (StatusCode::BAD_REQUEST, why),
            Self::NotWatched(why) => (StatusCode::NOT_FOUND, why),
            Self::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping".to_owned()),
        }
    }
}
