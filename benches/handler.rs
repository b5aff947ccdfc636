//! The whole webhook route without a socket, compared with a route that does nothing, and with a route of minimal
//! ingestion: HMAC, a `serde_json::Value`, one counter. The exporter's route runs with the store in memory, and with a
//! store that is durable before each response.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::post;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hmac::{Hmac, KeyInit, Mac};
use prometheus::IntCounter;
use secrecy::SecretString;
use sha2::Sha256;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tower::ServiceExt;
use whatsapp_business_exporter::domain::WabaId;
use whatsapp_business_exporter::domain::send_gate::SendPolicy;
use whatsapp_business_exporter::expose::{Options, StateSets, TemplateDetail};
use whatsapp_business_exporter::ingest::poll::{Budget, Budgets, Cadences, Poller};
use whatsapp_business_exporter::ingest::webhook::{Verifier, VerifyTokens};
use whatsapp_business_exporter::ingest::{CustomerHasher, CustomerKey};
use whatsapp_business_exporter::serve::{BodyBudget, Public, Secrets, SendGate, public};
use whatsapp_business_exporter::store::{Location, Store};
use whatsapp_business_exporter::telemetry::Telemetry;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const SIGNATURE: &str = "x-hub-signature-256";

/// An event of a new template each time, because repeats would cost less.
fn body(number: u64) -> Bytes {
    let template = 7_001_002_003_000_000 + number % 500;
    let time = 1_774_000_000 + number;
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"800100200300400","time":{time},"changes":[{{"field":"message_template_status_update","value":{{"event":"PAUSED","message_template_id":{template},"message_template_name":"spring_offer","message_template_language":"en_US","reason":null,"other_info":{{"title":"FIRST_PAUSE","description":"Paused for 3 hours."}}}}}}]}}]}}"#
    )
    .into()
}

fn keyed() -> Hmac<Sha256> {
    Hmac::new_from_slice(SECRET.as_bytes()).expect("any key")
}

fn request(body: Bytes) -> Request<Body> {
    let mut mac = keyed();
    mac.update(&body);
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    let request = Request::post("/webhook").header(SIGNATURE, signature);
    request.body(Body::from(body)).expect("a request")
}

/// Every other one answers the one before it.
fn message(number: u64) -> Bytes {
    let customer = format!("1555{:08}", number / 2 % 20_000);
    let time = 1_774_000_000 + number;
    let content = if number.is_multiple_of(2) {
        format!(
            r#""messages":[{{"from":"{customer}","id":"wamid.{number}","timestamp":"{time}","type":"text","text":{{"body":"Is this still available?"}}}}]"#
        )
    } else {
        format!(
            r#""statuses":[{{"recipient_id":"{customer}","id":"wamid.{number}","timestamp":"{time}","status":"sent"}}]"#
        )
    };
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"800100200300400","changes":[{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550100199","phone_number_id":"900100200300400"}},{content}}}}}]}}]}}"#
    )
    .into()
}

fn requests(bodies: impl Iterator<Item = Bytes>) -> Vec<Request<Body>> {
    bodies.map(request).collect()
}

fn bare() -> Router {
    Router::new().route("/webhook", post(|_: Bytes| async { StatusCode::OK }))
}

fn least() -> Router {
    let counter = IntCounter::new("deliveries_total", "Deliveries.").expect("valid");
    let handler = move |headers: HeaderMap, body: Bytes| async move {
        let mut mac = keyed();
        mac.update(&body);
        let header = headers[SIGNATURE].to_str().unwrap_or_default();
        let signature = hex::decode(header.trim_start_matches("sha256=")).unwrap_or_default();
        if mac.verify_slice(&signature).is_err() {
            return StatusCode::UNAUTHORIZED;
        }
        match serde_json::from_slice::<serde_json::Value>(&body) {
            Ok(value) => {
                black_box(value);
                counter.inc();
                StatusCode::OK
            }
            Err(_) => StatusCode::BAD_REQUEST,
        }
    };
    Router::new().route("/webhook", post(handler))
}

async fn exporter(location: &Location, tracks_messages: bool) -> Router {
    let telemetry = Arc::new(Telemetry::new());
    let store = Store::open(
        location,
        Duration::from_secs(86_400),
        Arc::clone(&telemetry),
    )
    .await;
    let store = Arc::new(store.expect("a store"));
    let watched = store
        .watch(WabaId::parse("800100200300400").into_iter().collect())
        .await;
    watched.expect("a sound store");
    let day = Duration::from_secs(86_400);
    let cadences = Cadences {
        numbers: day,
        account: day,
        templates: day,
        insights: None,
        startup_spread: day,
    };
    let budgets = Arc::new(Mutex::new(Budgets::new(Budget::new(1, 1.0))));
    let poller = Poller::new(
        BTreeMap::new(),
        cadences,
        budgets,
        Arc::clone(&store),
        Arc::clone(&telemetry),
    );
    let trigger = poller.trigger();
    let secrets = Secrets {
        verifier: Verifier::new(&[("main".into(), SecretString::from(SECRET))]),
        tokens: VerifyTokens::new(&[]),
        customers: CustomerHasher::new(&CustomerKey::from_app_secret(&SECRET.into())),
        tracks_messages,
        events: None,
        gate: None,
        trackers: Arc::default(),
        assignments: Arc::default(),
    };
    let secrets = Arc::new(ArcSwap::from_pointee(secrets));
    let send_gate = send_gate(&store, &telemetry);
    let public = Public {
        secrets,
        store,
        drill: Arc::default(),
        telemetry,
        send_gate,
        trigger: Arc::new(ArcSwap::from_pointee(trigger)),
        forget: mpsc::channel(1).0,
        relay: Arc::default(),
        wrong_apps: Arc::default(),
        previous_secrets: Arc::default(),
        body_budget: BodyBudget::default(),
    };
    public::router(public, false)
}

fn send_gate(store: &Arc<Store>, telemetry: &Arc<Telemetry>) -> SendGate {
    let policy = SendPolicy {
        max_age: Duration::from_secs(86_400),
        effects: BTreeMap::new(),
    };
    let options = Options {
        template_detail: TemplateDetail::All,
        state_sets: StateSets::Full,
        created_timestamps: false,
        template_state_sets: StateSets::Full,
        template_series_limit: 0,
        business_hours: None,
        callback: None,
        journeys: whatsapp_business_exporter::domain::journey::Journeys(Vec::new()),
        campaigns: Vec::new(),
        experiments: whatsapp_business_exporter::domain::experiment::Experiments(Vec::new()),
        polls_insights: false,
    };
    SendGate {
        unions: Arc::default(),
        store: Arc::clone(store),
        telemetry: Arc::clone(telemetry),
        policy: Arc::new(ArcSwap::from_pointee(policy)),
        access: Arc::default(),
        assignments: Arc::default(),
        options: Arc::new(ArcSwap::from_pointee(options)),
    }
}

/// Number of senders, each of which waits for the response before it sends again, as in a busy hour.
const SENDERS: usize = 256;

/// What each of them sends in one round.
const IN_A_ROUND: usize = 4;

fn measure(criterion: &mut Criterion, senders: usize) {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let on_disk = Location::File(folder.path().join("state.db"));
    let mut group = criterion.benchmark_group(format!("webhook route, {senders} senders"));
    let deliveries = senders * IN_A_ROUND;
    group.throughput(Throughput::Elements(deliveries as u64));
    let routes = [
        ("bare", bare()),
        ("hmac, Value, counter", least()),
        (
            "exporter, store in memory",
            runtime.block_on(exporter(&Location::Memory, false)),
        ),
        (
            "exporter, store on disk",
            runtime.block_on(exporter(&on_disk, false)),
        ),
    ];
    for (name, router) in routes {
        let mut numbers = 0..;
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || requests(numbers.by_ref().take(deliveries).map(body)),
                |requests| runtime.block_on(send_all(&router, requests)),
                criterion::BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

async fn send_all(router: &Router, mut requests: Vec<Request<Body>>) {
    let mut senders = JoinSet::new();
    while !requests.is_empty() {
        let mine = requests.split_off(requests.len() - IN_A_ROUND);
        senders.spawn(send(router.clone(), mine));
    }
    while let Some(sent) = senders.join_next().await {
        sent.expect("no panic");
    }
}

async fn send(router: Router, requests: Vec<Request<Body>>) {
    for request in requests {
        let answer = router.clone().oneshot(request).await.expect("infallible");
        assert_eq!(answer.status(), StatusCode::OK);
    }
}

/// The cost of reading messages: a customer's message or the response to it, with trackers off and on.
fn messages(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut group = criterion.benchmark_group("messages webhooks, 256 senders");
    let deliveries = SENDERS * IN_A_ROUND;
    group.throughput(Throughput::Elements(deliveries as u64));
    for (name, trackers) in [("trackers off", false), ("trackers on", true)] {
        let on_disk = Location::File(folder.path().join(format!("{trackers}.db")));
        let router = runtime.block_on(exporter(&on_disk, trackers));
        let mut numbers = 0..;
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || requests(numbers.by_ref().take(deliveries).map(message)),
                |requests| runtime.block_on(send_all(&router, requests)),
                criterion::BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn handler(criterion: &mut Criterion) {
    measure(criterion, 1);
    measure(criterion, SENDERS);
    messages(criterion);
}

criterion_group!(benches, handler);
criterion_main!(benches);
