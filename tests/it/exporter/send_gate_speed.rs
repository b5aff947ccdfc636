//! How long a decision takes over a real socket, with ten thousand accounts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use whatsapp_business_exporter::clock;
use whatsapp_business_exporter::domain::account::{self, ReviewStatus};
use whatsapp_business_exporter::domain::message::{Category, Status, Update, WebhookUpdate};
use whatsapp_business_exporter::domain::send_gate::SendPolicy;
use whatsapp_business_exporter::domain::track::Trackers;
use whatsapp_business_exporter::domain::{
    BusinessId, CanSendMessage, DeliveryKey, EntityHealth, Event, Fact, Health, HealthEntity,
    Listing, MessagingLimit, PhoneNumberId, QualityRating, RecipientKey, Source, TemplateId,
    WabaId, number, template,
};
use whatsapp_business_exporter::ingest::poll::{Budget, Budgets, Cadences, Poller};
use whatsapp_business_exporter::ingest::webhook::{Verifier, VerifyTokens};
use whatsapp_business_exporter::ingest::{CustomerHasher, CustomerKey};
use whatsapp_business_exporter::serve::{BodyBudget, Public, Secrets, SendGate, public};
use whatsapp_business_exporter::store::{Location, Store};
use whatsapp_business_exporter::telemetry::Telemetry;

use crate::support::{ALL_TEMPLATES, measured};

const ACCOUNTS: usize = 10_000;
const TEMPLATES: usize = 20;
const REQUESTS: usize = 3_000;
const CUSTOMERS: usize = 100_000;

/// Each account has one number.
const NUMBERS_OF_PORTFOLIO: usize = 10;
const TOKEN: &str = "a-token-for-the-gate";

/// The promised limit.
const P99: Duration = Duration::from_millis(5);

fn waba_id(which: usize) -> WabaId {
    WabaId::parse(&format!("8{which:014}")).expect("digits")
}

fn number_id(which: usize) -> String {
    format!("9{which:014}")
}

fn health() -> Health {
    let entity = EntityHealth {
        kind: HealthEntity::Waba,
        can_send_message: CanSendMessage::Available,
    };
    Health::new(vec![entity], None).expect("an entity")
}

/// The three polls of an account.
fn polls(which: usize) -> [Fact; 3] {
    let mut account = account::Snapshot::new();
    account.health = Some(health());
    account.review_status = Some(ReviewStatus::Approved);
    let portfolio = which / NUMBERS_OF_PORTFOLIO;
    account.business_id = BusinessId::parse(&format!("7{portfolio:014}"));
    let id = PhoneNumberId::parse(&number_id(which)).expect("digits");
    let mut number = number::Snapshot::new(id);
    number.status = Some(number::Status::Connected);
    number.quality_rating = Some(QualityRating::Green);
    number.health = Some(health());
    number.messaging_limit = Some(MessagingLimit::Unlimited);
    let templates = (0..TEMPLATES).map(|template| {
        let id = TemplateId::parse(&format!("7{which:012}{template:03}")).expect("digits");
        let mut snapshot = template::Snapshot::new(id);
        snapshot.name = Some(format!("offer_{template}").into());
        snapshot.language = Some("en_US".into());
        snapshot.status = Some(template::Status::Approved);
        snapshot.quality_rating = Some(QualityRating::Green);
        snapshot
    });
    [
        Fact::AccountRead(account),
        Fact::NumbersListed(Listing {
            objects: vec![number],
            complete: true,
        }),
        Fact::TemplatesListed(
            Listing {
                objects: templates.collect(),
                complete: true,
            },
            template::Totals::default(),
        ),
    ]
}

async fn fleet(telemetry: &Arc<Telemetry>) -> Arc<Store> {
    let day = Duration::from_secs(86_400);
    let store = Store::open(&Location::Memory, day, Arc::clone(telemetry)).await;
    let store = Arc::new(store.expect("a store"));
    let watched = store.watch((0..ACCOUNTS).map(waba_id).collect()).await;
    watched.expect("a sound store");
    let trackers = Trackers {
        reads_messages: true,
        ..Trackers::default()
    };
    let tracked = store.track(Arc::new(trackers)).await;
    tracked.expect("a sound store");
    for chunk in (0..ACCOUNTS).collect::<Vec<_>>().chunks(500) {
        let events = chunk.iter().flat_map(|which| {
            polls(*which).map(|fact| Event {
                waba_id: waba_id(*which),
                observed_at: clock::now(),
                source: Source::Poll,
                fact,
            })
        });
        store.commit(events.collect()).await.expect("a commit");
    }
    store
}

fn public(store: Arc<Store>, telemetry: Arc<Telemetry>) -> Public {
    let day = Duration::from_secs(86_400);
    let cadences = Cadences {
        numbers: day,
        account: day,
        templates: day,
        insights: None,
        startup_spread: day,
    };
    let budgets = Arc::new(Mutex::new(Budgets::new(Budget::new(1, 1.0))));
    let (polled, told) = (Arc::clone(&store), Arc::clone(&telemetry));
    let trigger = Poller::new(BTreeMap::new(), cadences, budgets, polled, told).trigger();
    let key = CustomerKey::from_app_secret(&"0123456789abcdef".into());
    let secrets = Secrets {
        verifier: Verifier::new(&[]),
        tokens: VerifyTokens::new(&[]),
        customers: CustomerHasher::new(&key),
        tracks_messages: true,
        events: None,
        gate: Some(VerifyTokens::new(&[SecretString::from(TOKEN)])),
        trackers: Arc::default(),
        assignments: Arc::default(),
    };
    let policy = SendPolicy {
        max_age: day,
        effects: BTreeMap::new(),
    };
    Public {
        secrets: Arc::new(ArcSwap::from_pointee(secrets)),
        send_gate: SendGate {
            unions: Arc::default(),
            store: Arc::clone(&store),
            telemetry: Arc::clone(&telemetry),
            policy: Arc::new(ArcSwap::from_pointee(policy)),
            access: Arc::default(),
            assignments: Arc::default(),
            options: Arc::new(ArcSwap::from_pointee(ALL_TEMPLATES.clone())),
        },
        store,
        drill: Arc::default(),
        telemetry,
        trigger: Arc::new(ArcSwap::from_pointee(trigger)),
        forget: mpsc::channel(1).0,
        relay: Arc::default(),
        wrong_apps: Arc::default(),
        previous_secrets: Arc::default(),
        body_budget: BodyBudget::default(),
    }
}

/// One delivery to each customer of the first portfolio, by its ten numbers in turn. Every tenth customer has one more,
/// from another number.
async fn deliver(store: &Store) {
    let delivered = (0..CUSTOMERS).flat_map(|customer| {
        let again = (customer % 10 == 0).then_some(customer + 1);
        [Some(customer), again]
            .into_iter()
            .flatten()
            .map(move |from| (customer, from % NUMBERS_OF_PORTFOLIO))
    });
    let events: Vec<Event> = delivered.map(|(to, from)| delivery(to, from)).collect();
    for chunk in events.chunks(2_000) {
        store.commit(chunk.to_vec()).await.expect("a commit");
    }
}

fn delivery(customer: usize, from: usize) -> Event {
    let now = clock::now();
    Event {
        waba_id: waba_id(from),
        observed_at: now,
        source: Source::Webhook(DeliveryKey((customer * 100 + from) as u128)),
        fact: Fact::Message(WebhookUpdate {
            phone_number_id: PhoneNumberId::parse(&number_id(from)).expect("digits"),
            received_at: now,
            recipient: Some(RecipientKey(hash(customer)).into()),
            update: Update::Status {
                to: None,
                status: Status::Delivered,
                category: Category::Marketing,
                errors: Vec::new(),
                mark: None,
            },
        }),
    }
}

/// Keys are hashes: their order is not the order of the deliveries.
fn hash(customer: usize) -> u128 {
    let mut random = fastrand::Rng::with_seed(customer as u64);
    random.u128(..)
}

/// Serves the fleet, and measures decisions about random numbers among the first so many accounts. Each response must
/// contain the text.
async fn measure(store: Arc<Store>, telemetry: Arc<Telemetry>, accounts: usize, expected: &str) {
    let router = public::router(public(store, telemetry), false);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound port");
    tokio::spawn(async move { axum::serve(listener, router).await });
    // An error means that another test has installed it.
    drop(rustls::crypto::ring::default_provider().install_default());
    let http = reqwest::Client::new();
    let mut random = fastrand::Rng::with_seed(1);
    let mut took = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let (number, template) = (random.usize(..accounts), random.usize(..TEMPLATES));
        let number = number_id(number);
        let url = format!(
            "http://{address}/api/v1/gate?phone_number_id={number}&template=offer_{template}&language=en_US&recipients=5000"
        );
        let request = http.get(url).bearer_auth(TOKEN);
        let began = Instant::now();
        let answer = request.send().await.expect("it answers");
        let text = answer.text().await.expect("text");
        took.push(began.elapsed());
        assert!(text.contains(expected), "{text}");
    }
    took.sort_unstable();
    let of = |share: usize| took[REQUESTS * share / 1_000];
    let [half, p99, p999] = [of(500), of(990), of(999)];
    measured(&format!(
        "{REQUESTS} decisions about {accounts} of {ACCOUNTS} accounts: p50 {half:?}, p99 {p99:?}, p99.9 {p999:?}"
    ));
    assert!(p99 < P99, "{p99:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures; run it alone"]
async fn decisions_of_ten_thousand_accounts_are_fast() {
    let telemetry = Arc::new(Telemetry::new());
    let store = fleet(&telemetry).await;
    measure(store, telemetry, ACCOUNTS, r#""verdict":"go""#).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures; run it alone"]
async fn decisions_of_a_portfolio_with_a_hundred_thousand_customers_are_fast() {
    let telemetry = Arc::new(Telemetry::new());
    let store = fleet(&telemetry).await;
    deliver(&store).await;
    let expected = format!(r#""used":{CUSTOMERS}"#);
    measure(store, telemetry, NUMBERS_OF_PORTFOLIO, &expected).await;
}
