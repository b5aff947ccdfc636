//! `GET /api/v1/experiments`: the declared experiments with their current figures, as JSON.
//!
//! The figures are those of all replicas.

use std::sync::Arc;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::Semaphore;

use super::context::Operator;
use super::error_response::error_response;
use super::experiment_record::ExperimentRecord;
use crate::clock;
use crate::insight::experiments;

/// Number of concurrent responses; others wait.
pub(super) const MAX_ANSWERS: usize = 2;

#[derive(Debug, Serialize)]
struct ExperimentsPage {
    at: String,
    experiments: Vec<ExperimentRecord>,
}

pub(super) async fn experiments(operator: Operator, answers: Arc<Semaphore>) -> Response {
    let stopping = || error_response(StatusCode::SERVICE_UNAVAILABLE, "stopping");
    let Ok(_one_of_few) = answers.acquire().await else {
        return stopping();
    };
    operator.read_others().await;
    // The users still needed are searched for, which takes milliseconds of CPU time with many experiments.
    let answer = tokio::task::spawn_blocking(move || {
        let options = operator.options.load_full();
        let accounts = operator.accounts();
        let reports = experiments::reports(&options.experiments, &accounts, |_| true);
        let page = ExperimentsPage {
            at: clock::calendar(clock::now()),
            experiments: reports.iter().map(ExperimentRecord::new).collect(),
        };
        ([(header::CACHE_CONTROL, "no-store")], Json(page)).into_response()
    });
    answer.await.unwrap_or_else(|_| stopping())
}
