//! `GET /api/v1/explain`: why the quality rating of a phone number probably fell.
//!
//! | parameter | meaning | default |
//! |---|---|---|
//! | `phone_number_id` | the phone number | required |

use std::sync::Arc;

use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::context::{Operator, note_unread};
use super::error_response::error_response;
use super::status::causes::FallCauses;
use super::status::value::{MetaWord, Moment};
use crate::clock;
use crate::domain::{PhoneNumberId, QualityRating, Timestamp, WabaId};
use crate::insight::attribution;
use crate::insight::category_cost::{category_cost, units};
use crate::state::{Account, Accounts, Number, Template};

/// Maximum number of concurrent responses; more wait. An account with thousands of templates takes some megabytes.
pub(super) const MAX_ANSWERS: usize = 2;

/// Maximum number of changes of category of one account in a response.
const MAX_CHANGES: usize = 100;

/// The query parameters.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExplainParameters {
    phone_number_id: Option<String>,
}

/// The response.
#[derive(Debug, Serialize)]
struct ExplainedNumber {
    at: Moment,
    phone_number_id: String,
    display_phone_number: Option<String>,
    verified_name: Option<String>,
    quality_rating: Option<MetaWord<QualityRating>>,
    /// The accounts that list the number.
    waba_ids: Vec<String>,
    #[serde(flatten)]
    causes: FallCauses,
    /// Announced and recent changes of these accounts' templates to MARKETING, with their cost.
    category_changes: Vec<CostlyChange>,
}

/// The cost of a template's change of category.
#[derive(Debug, Serialize)]
struct CostlyChange {
    waba_id: String,
    template_id: String,
    template_name: Option<String>,
    language: Option<String>,
    /// Additional cost in 30 days, in units of the currency. `None` if the account's figures do not show it.
    monthly_cost: Option<f64>,
    currency: Option<String>,
    /// The basis of the estimate, or the reason for its absence.
    message: String,
}

impl CostlyChange {
    /// `None` without such a change.
    fn new(waba_id: &WabaId, account: &Account, template: &Template) -> Option<Self> {
        let cost = category_cost(account, template)?;
        let known = cost.as_ref().ok();
        Some(Self {
            waba_id: waba_id.to_string(),
            template_id: template.id.to_string(),
            template_name: template.name.value().map(ToString::to_string),
            language: template.language.value().map(ToString::to_string),
            monthly_cost: known.map(|cost| units(cost.monthly_difference)),
            currency: known.and_then(|cost| cost.currency.clone()),
            message: cost.map_or_else(|unknown| unknown.to_string(), |cost| cost.to_string()),
        })
    }
}

pub(super) async fn explain(
    operator: Operator,
    parameters: Result<Query<ExplainParameters>, QueryRejection>,
    answers: Arc<Semaphore>,
) -> Response {
    let asked = parameters
        .map_err(|rejection| rejection.body_text())
        .and_then(|Query(parameters)| requested_number(&parameters));
    let id = match asked {
        Ok(id) => id,
        Err(why) => return error_response(StatusCode::BAD_REQUEST, &why),
    };
    let stopping = || error_response(StatusCode::SERVICE_UNAVAILABLE, "stopping");
    let Ok(_one_of_few) = answers.acquire().await else {
        return stopping();
    };
    note_unread(operator.store.read_number(&id).await);
    // Thousands of templates take milliseconds of CPU time, which must not block the threads that serve webhooks.
    let answer = tokio::task::spawn_blocking(move || {
        let (accounts, now) = (operator.accounts_of_number(&id), clock::now());
        match answer(&accounts, &id, now) {
            Some(answer) => ([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response(),
            None => {
                let why = format!("phone_number_id: no watched account has {id}");
                error_response(StatusCode::NOT_FOUND, &why)
            }
        }
    });
    answer.await.unwrap_or_else(|_| stopping())
}

fn requested_number(parameters: &ExplainParameters) -> Result<PhoneNumberId, String> {
    let digits = "the digits of a phone number's id";
    let given = parameters.phone_number_id.as_deref();
    let given = given.ok_or_else(|| format!("phone_number_id: missing; give {digits}"))?;
    PhoneNumberId::parse(given).ok_or_else(|| format!("phone_number_id: must be {digits}"))
}

/// The response for the accounts that have the number. `None` without any.
fn answer(accounts: &Accounts, id: &PhoneNumberId, now: Timestamp) -> Option<ExplainedNumber> {
    let having: Vec<(&WabaId, &Account)> = accounts
        .iter()
        .map(|(waba_id, account)| (waba_id, account.as_ref()))
        .collect();
    if having.is_empty() {
        return None;
    }
    let number = having.iter().find_map(|(_, account)| account.number(id));
    let accounts: Vec<&Account> = having.iter().map(|(_, account)| *account).collect();
    let explanation = attribution::explain(&accounts, id, now);
    let attribute = |read: fn(&Number) -> Option<String>| number.and_then(read);
    Some(ExplainedNumber {
        at: Moment(now),
        phone_number_id: id.to_string(),
        display_phone_number: attribute(|number| number.display_phone_number.value().cloned()),
        verified_name: attribute(|number| number.verified_name.value().cloned()),
        quality_rating: number
            .and_then(|number| number.quality_rating.value())
            .map(MetaWord),
        waba_ids: having.iter().map(|(id, _)| id.to_string()).collect(),
        causes: FallCauses::new(&explanation, now),
        category_changes: category_changes(&having),
    })
}

fn category_changes(accounts: &[(&WabaId, &Account)]) -> Vec<CostlyChange> {
    let of_account = |(waba_id, account): &(&WabaId, &Account)| -> Vec<CostlyChange> {
        let changes = account
            .templates()
            .filter_map(|template| CostlyChange::new(waba_id, account, template));
        changes.take(MAX_CHANGES).collect()
    };
    accounts.iter().flat_map(of_account).collect()
}
