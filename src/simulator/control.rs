//! The control API of game days, on the same listener under `/simulator/`.
//!
//! | call | effect |
//! |---|---|
//! | `GET /simulator/` | lists the calls |
//! | `GET /simulator/world` | state of the simulated Meta |
//! | `POST /simulator/changes` | applies a change; `travel` sets how its webhook is delivered |
//! | `POST /simulator/webhooks` | `{"webhooks":"on"}`, `off` or `lost`; `callback_url` sets their URL, `quirks` the share of unusual forms |
//! | `POST /simulator/faults`, `DELETE` | sets a fault, clears them all |
//! | `POST /simulator/customers`, `GET` | lets customers write to a number; what an exporter must show about them |
//! | `GET /simulator/requests`, `GET /simulator/deliveries` | latest calls and webhooks |

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::change::WorldChange;
use super::customers::StartError;
use super::fault::Fault;
use super::graph::Endpoint;
use super::handle::Handle;
use super::webhooks::{Travel, WebhookSwitch};

const HELP: &str = r#"The simulated Meta. Control API:

GET    /simulator/world       state of the simulated Meta: ids, ratings, statuses
POST   /simulator/changes     apply a change, for example
         {"change":"number_flagged","phone_number_id":"900100200300401"}
         {"change":"quality_rating_changed","phone_number_id":"900100200300401","quality_rating":"RED"}
         {"change":"template_paused","template_id":"...","pause":"first","travel":"lost"}
         {"change":"token_expired"}   {"change":"token_renewed"}
         {"change":"rate_limited","waba_id":"800100200300401","code":80008,"regain_minutes":5}
       travel: "sent" (default), "lost", "repeated", {"late":{"seconds":10}}, "wrong_signature"
       the response to an unknown change lists the known ones
POST   /simulator/webhooks    {"webhooks":"on"}, "off" or "lost"; {"callback_url":"http://127.0.0.1:10133/webhook"}
         {"quirks":0.2} sends a fifth of the webhooks in an unusual but documented form, 0 none
POST   /simulator/faults      inject a fault into responses, for example
         {"fault":"hang","milliseconds":5000,"endpoint":"phone_numbers","times":3}
         {"fault":"graph_error","status":400,"code":80008,"message":"(#80008) too many calls"}
       default: all endpoints, until the fault is cleared
DELETE /simulator/faults      clear all faults
POST   /simulator/customers   customers write to a number, and answer what is sent to them by POST /v25.0/{id}/messages
         {"phone_number_id":"900100200300401","customers":20,"goals":["yes"]}
         goals: ids of the buttons or rows that give customers what they came for
GET    /simulator/customers   what an exporter must show about them once they have been silent for long enough
GET    /simulator/requests    the latest calls to the Graph API
GET    /simulator/deliveries  the latest webhooks and the responses to them

Everything else is the Graph API: /v25.0/{id}?fields=...
"#;

/// The control API's routes.
pub(super) fn router(handle: Handle) -> Router {
    Router::new()
        .route("/simulator/", get(async || HELP))
        .route(
            "/simulator/world",
            get(async |State(handle): State<Handle>| pretty(&handle.look(|world| json!(world)))),
        )
        .route("/simulator/changes", post(change))
        .route("/simulator/webhooks", post(webhooks))
        .route("/simulator/faults", post(fault).delete(clear_faults))
        .route("/simulator/customers", post(start_customers).get(customers))
        .route(
            "/simulator/requests",
            get(async |State(handle): State<Handle>| pretty(&handle.requests())),
        )
        .route(
            "/simulator/deliveries",
            get(async |State(handle): State<Handle>| pretty(&handle.deliveries())),
        )
        .with_state(handle)
}

/// Why a call was refused, as one line of text.
struct ControlError(StatusCode, String);

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        (self.0, format!("{}\n", self.1)).into_response()
    }
}

async fn change(State(handle): State<Handle>, body: String) -> Result<Response, ControlError> {
    let mut body = object(&body)?;
    let travel = match body.remove("travel") {
        None => Travel::Sent,
        Some(travel) => read(travel)?,
    };
    let change: WorldChange = read(Value::Object(body))?;
    let webhooks = handle
        .change_all(&[change], travel)
        .map_err(|error| ControlError(StatusCode::NOT_FOUND, error.to_string()))?;
    Ok(pretty(&json!({"travel": travel, "webhooks": webhooks})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookSettings {
    webhooks: Option<WebhookSwitch>,
    callback_url: Option<String>,
    quirks: Option<f64>,
}

async fn webhooks(State(handle): State<Handle>, body: String) -> Result<Response, ControlError> {
    let settings: WebhookSettings = read(Value::Object(object(&body)?))?;
    if let Some(switch) = settings.webhooks {
        handle.switch_webhooks(switch);
    }
    if let Some(callback_url) = settings.callback_url {
        handle.set_callback_url(Some(callback_url));
    }
    if let Some(rate) = settings.quirks {
        handle.set_quirks(rate);
    }
    let callback_url = handle.look(|world| world.app.callback_url.clone());
    let state = handle.shared.lock();
    Ok(pretty(&json!({
        "webhooks": state.outbox.switch,
        "callback_url": callback_url,
        "quirks": state.outbox.quirks.rate(),
    })))
}

async fn fault(State(handle): State<Handle>, body: String) -> Result<Response, ControlError> {
    let mut body = object(&body)?;
    let endpoint: Option<Endpoint> = body.remove("endpoint").map(read).transpose()?;
    let times: Option<u32> = body.remove("times").map(read).transpose()?;
    let fault: Fault = read(Value::Object(body))?;
    let id = handle.fault(endpoint, times, fault);
    Ok(pretty(&json!({ "id": id })))
}

async fn clear_faults(State(handle): State<Handle>) -> Response {
    handle.clear_faults();
    pretty(&json!({"faults": []}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCustomers {
    phone_number_id: String,
    customers: usize,
    #[serde(default)]
    goals: Vec<String>,
}

async fn start_customers(
    State(handle): State<Handle>,
    body: String,
) -> Result<Response, ControlError> {
    let new: NewCustomers = read(Value::Object(object(&body)?))?;
    handle
        .start_customers(&new.phone_number_id, new.customers, &new.goals)
        .map_err(|error| {
            let status = match error {
                StartError::TooMany => StatusCode::BAD_REQUEST,
                StartError::NoSuchNumber(_) => StatusCode::NOT_FOUND,
            };
            ControlError(status, error.to_string())
        })?;
    Ok(pretty(&handle.customers()))
}

async fn customers(State(handle): State<Handle>) -> Response {
    let figures = handle.customer_figures().into_iter();
    let figures: Vec<Value> = figures
        .map(|(figure, value)| json!({"figure": figure, "value": value}))
        .collect();
    pretty(&json!({"customers": handle.customers(), "figures": figures}))
}

fn object(body: &str) -> Result<serde_json::Map<String, Value>, ControlError> {
    serde_json::from_str(body).map_err(|error| bad_request(&error))
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, ControlError> {
    serde_json::from_value(value).map_err(|error| bad_request(&error))
}

fn bad_request(error: &serde_json::Error) -> ControlError {
    ControlError(
        StatusCode::BAD_REQUEST,
        format!("cannot parse the request: {error}; GET /simulator/ lists the calls"),
    )
}

fn pretty(value: &impl Serialize) -> Response {
    let text =
        serde_json::to_string_pretty(value).expect("plain data with text keys is always JSON");
    ([(header::CONTENT_TYPE, "application/json")], text + "\n").into_response()
}
