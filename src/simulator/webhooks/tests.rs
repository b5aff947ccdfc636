//! The sender against a small callback: signatures, retries, and every mode of delivery.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use serde_json::Value;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::simulator::webhooks::{Attempt, DeliveryState, Retries, Travel, WebhookSwitch};
use crate::simulator::world::{Account, PhoneNumber};
use crate::simulator::{
    Endpoint, Fault, Handle, Simulation, SimulationOptions, World, WorldChange, signature,
};

const SECRET: &str = "simulated-app-secret";

/// The received requests, and the statuses to respond with before 200.
#[derive(Debug, Default)]
struct Inbox {
    posts: Vec<(String, String)>,
    answers: Vec<u16>,
}

type Callback = Arc<Mutex<Inbox>>;

async fn receive(State(inbox): State<Callback>, headers: HeaderMap, body: String) -> StatusCode {
    let signature = headers["x-hub-signature-256"]
        .to_str()
        .expect("text")
        .to_owned();
    let mut inbox = inbox.lock().expect("no panics");
    inbox.posts.push((signature, body));
    let status = inbox.answers.pop().unwrap_or(200);
    StatusCode::from_u16(status).expect("a status")
}

async fn challenge(Query(query): Query<Vec<(String, String)>>) -> Result<String, StatusCode> {
    let value = |name: &str| {
        query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
    };
    if value("hub.verify_token").as_deref() != Some("simulated-verify-token") {
        return Err(StatusCode::FORBIDDEN);
    }
    value("hub.challenge").ok_or(StatusCode::BAD_REQUEST)
}

struct Scene {
    handle: Handle,
    inbox: Callback,
    _stop: DropGuard,
}

impl Scene {
    async fn open() -> Self {
        let inbox = Callback::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let callback_url = format!(
            "http://{}/webhook",
            listener.local_addr().expect("an address")
        );
        let router = Router::new()
            .route("/webhook", get(challenge).post(receive))
            .with_state(Arc::clone(&inbox));
        tokio::spawn(axum::serve(listener, router).into_future());

        let world = World::empty()
            .with_account(Account::new("800100", "Fern & Moss"))
            .with_phone_number(
                "800100",
                PhoneNumber::new("900100", "+1 555-010-0199", "Fern & Moss"),
            );
        let options = SimulationOptions {
            world: Some(world),
            callback_url: Some(callback_url),
            retries: Retries {
                first_delay: Duration::from_millis(1),
                max_attempts: 3,
            },
            speed: 1_000.0,
            ..SimulationOptions::default()
        };
        let simulation = Simulation::bind(options).await.expect("a free port");
        let handle = simulation.handle();
        let stop = CancellationToken::new();
        tokio::spawn(simulation.run(stop.clone()));
        Self {
            handle,
            inbox,
            _stop: stop.drop_guard(),
        }
    }

    async fn flag(&self, travel: Travel) -> Vec<(String, String)> {
        let change = WorldChange::NumberFlagged {
            phone_number_id: "900100".into(),
        };
        self.handle
            .change_all(&[change], travel)
            .expect("it can happen");
        self.handle.settled().await;
        self.inbox.lock().expect("no panics").posts.clone()
    }

    fn last_state(&self) -> DeliveryState {
        self.handle.deliveries().last().expect("a delivery").state
    }
}

#[tokio::test]
async fn a_webhook_is_signed_over_the_received_bytes() {
    let scene = Scene::open().await;
    let posts = scene.flag(Travel::Sent).await;
    let (signature, body) = &posts[0];
    assert_eq!(*signature, signature::header_value(SECRET, body.as_bytes()));
    let envelope: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(envelope["entry"][0]["id"], "800100");
    assert_eq!(
        envelope["entry"][0]["changes"][0]["value"]["event"],
        "FLAGGED"
    );
    assert_eq!(scene.last_state(), DeliveryState::Delivered);
}

#[tokio::test]
async fn only_200_is_a_success_and_others_are_retried() {
    let scene = Scene::open().await;
    scene.inbox.lock().expect("no panics").answers = vec![202, 500];
    assert_eq!(scene.flag(Travel::Sent).await.len(), 3);
    let attempts = scene.handle.deliveries()[0].attempts.clone();
    assert_eq!(
        attempts,
        [
            Attempt::Answered(500),
            Attempt::Answered(202),
            Attempt::Answered(200)
        ]
    );
    scene.inbox.lock().expect("no panics").answers = vec![500; 9];
    assert_eq!(scene.flag(Travel::Sent).await.len(), 6);
    assert_eq!(scene.last_state(), DeliveryState::GivenUp);
}

#[tokio::test]
async fn webhooks_are_lost_duplicated_and_forged_on_request() {
    let scene = Scene::open().await;
    assert_eq!(scene.flag(Travel::Lost).await, []);
    assert_eq!(scene.last_state(), DeliveryState::Lost);
    let posts = scene.flag(Travel::Repeated).await;
    assert_eq!(posts.len(), 2);
    assert_eq!(posts[0], posts[1]);
    let posts = scene.flag(Travel::WrongSignature).await;
    let (signature, body) = &posts[2];
    assert_ne!(*signature, signature::header_value(SECRET, body.as_bytes()));
}

#[tokio::test]
async fn a_late_webhook_arrives_after_later_changes() {
    let scene = Scene::open().await;
    let late = WorldChange::NumberFlagged {
        phone_number_id: "900100".into(),
    };
    scene
        .handle
        .change_all(&[late], Travel::Late { seconds: 300 })
        .expect("it can happen");
    let posts = scene.flag(Travel::Sent).await;
    let numbers: Vec<bool> = posts
        .iter()
        .map(|(_, body)| body.starts_with(r#"{"entry""#))
        .collect();
    // The first created delivery has the odd key order, and arrives second.
    assert_eq!(numbers, [false, true]);
}

#[tokio::test]
async fn nothing_is_sent_without_a_subscription_or_while_webhooks_are_off() {
    let scene = Scene::open().await;
    scene
        .handle
        .change(WorldChange::SubscriptionLost {
            waba_id: "800100".into(),
        })
        .expect("it can happen");
    scene.flag(Travel::Sent).await;
    scene
        .handle
        .change(WorldChange::SubscriptionRegained {
            waba_id: "800100".into(),
        })
        .expect("it can happen");
    scene.handle.webhooks_on(false);
    assert_eq!(scene.flag(Travel::Sent).await, []);
    assert!(scene.handle.deliveries().is_empty());
    scene.handle.switch_webhooks(WebhookSwitch::Lost);
    scene.flag(Travel::Sent).await;
    assert_eq!(scene.last_state(), DeliveryState::Lost);
}

#[tokio::test]
async fn the_handshake_needs_the_challenge_and_the_verify_token() {
    let scene = Scene::open().await;
    assert_eq!(scene.handle.verify_callback().await, Ok(()));
    scene
        .handle
        .edit(|world| world.app.verify_token = "another word".into());
    assert_eq!(
        scene.handle.verify_callback().await,
        Err("HTTP Status Code = 403; HTTP Message = Forbidden".to_owned())
    );
}

/// Whatever proxy the environment names.
fn client() -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy().build();
    client.expect("a client")
}

#[tokio::test]
async fn a_game_day_is_controlled_over_http() {
    let scene = Scene::open().await;
    let client = client();
    let url = format!("{}/simulator", scene.handle.graph_url());
    let post =
        |path: &str, body: &'static str| client.post(format!("{url}/{path}")).body(body).send();
    let happened = post(
        "changes",
        r#"{"change":"number_flagged","phone_number_id":"900100","travel":"lost"}"#,
    )
    .await;
    assert_eq!(happened.expect("an answer").status(), 200);
    assert_eq!(
        scene
            .handle
            .look(|world| world.phone_numbers["900100"].status.clone()),
        "FLAGGED"
    );
    let unknown = post(
        "changes",
        r#"{"change":"number_flagged","phone_number_id":"1"}"#,
    )
    .await
    .expect("an answer");
    assert_eq!(unknown.status(), 404);
    let misspelt = post("changes", r#"{"change":"number_flaged"}"#)
        .await
        .expect("an answer");
    assert_eq!(misspelt.status(), 400);
    assert!(
        misspelt
            .text()
            .await
            .expect("text")
            .contains("number_flagged")
    );
    let unusual = post("webhooks", r#"{"quirks":7}"#)
        .await
        .expect("an answer");
    let settings = unusual.text().await.expect("text");
    assert!(settings.contains(r#""quirks": 1.0"#), "{settings}");
    for settings in [r#"{"quirks":0}"#, r#"{"webhooks":"off"}"#] {
        post("webhooks", settings).await.expect("an answer");
    }
    assert!(scene.flag(Travel::Sent).await.is_empty());
    let world = client
        .get(format!("{url}/world"))
        .send()
        .await
        .expect("an answer")
        .text()
        .await
        .expect("text");
    assert!(
        world.contains("FLAGGED")
            && !world.contains(SECRET)
            && !world.contains("simulated-access-token")
    );
}

#[tokio::test]
async fn a_hanging_response_does_not_delay_the_stop() {
    let simulation = Simulation::bind(SimulationOptions::default())
        .await
        .expect("a free port");
    let handle = simulation.handle();
    handle.fault(
        None,
        None,
        Fault::Hang {
            milliseconds: 3_600_000,
        },
    );
    let stop = CancellationToken::new();
    let running = tokio::spawn(simulation.run(stop.clone()));
    let call = client().get(format!("{}/v25.0/me", handle.graph_url()));
    tokio::spawn(call.send());
    handle
        .until(|handle| handle.request_count(Endpoint::Me) == 1)
        .await;
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(60), running)
        .await
        .expect("at once")
        .expect("no panic")
        .expect("no error");
}

#[tokio::test]
async fn the_story_is_played_and_stops_at_once() {
    let options = SimulationOptions {
        play_story: true,
        speed: 1_000.0,
        ..SimulationOptions::default()
    };
    let simulation = Simulation::bind(options).await.expect("a free port");
    let handle = simulation.handle();
    let stop = CancellationToken::new();
    let running = tokio::spawn(simulation.run(stop.clone()));
    // Without a callback, everything is lost and recorded.
    handle
        .until(|handle| {
            handle
                .deliveries()
                .iter()
                .any(|delivery| delivery.fields == ["account_alerts"])
        })
        .await;
    handle
        .until(|handle| {
            handle
                .deliveries()
                .iter()
                .any(|delivery| delivery.fields == ["messages"])
        })
        .await;
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(60), running)
        .await
        .expect("at once")
        .expect("no panic")
        .expect("no error");
}
