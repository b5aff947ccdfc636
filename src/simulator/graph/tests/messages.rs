//! The send call over HTTP.

use serde_json::{Value, json};

use super::{NUMBER, RunningSimulator, TOKEN, WABA, body, small_world};
use crate::simulator::Endpoint;
use crate::simulator::world::MESSAGING_SCOPE;

const PATH: &str = "900100/messages";

fn text() -> Value {
    json!({
        "messaging_product": "whatsapp", "to": "15550100111", "type": "text",
        "text": {"body": "Which day suits you?"}, "biz_opaque_callback_data": "journey=booking&step=date",
    })
}

async fn post(simulator: &RunningSimulator, path: &str, token: &str, message: &Value) -> Value {
    let url = format!("{}/v25.0/{path}", simulator.handle.graph_url());
    let request = simulator.client.post(url).bearer_auth(token);
    let request = request.header("content-type", "application/json");
    let response = request.body(message.to_string()).send().await;
    body(response.expect("an answer")).await
}

#[tokio::test]
async fn a_message_is_accepted_and_its_statuses_follow_with_the_callback_data() {
    let simulator = RunningSimulator::new(small_world()).await;
    // Some fail; each has statuses.
    let mut ids = Vec::new();
    for _ in 0..5 {
        let answer = post(&simulator, PATH, TOKEN, &text()).await;
        assert_eq!(answer["messaging_product"], "whatsapp");
        let contact = json!({"input": "15550100111", "wa_id": "15550100111"});
        assert_eq!(answer["contacts"], json!([contact]));
        ids.push(
            answer["messages"][0]["id"]
                .as_str()
                .expect("text")
                .to_owned(),
        );
    }
    simulator.handle.settled().await;
    let deliveries = simulator.handle.deliveries();
    for id in ids {
        let about = deliveries.iter().filter(|one| one.body.contains(&id));
        let first = about.clone().next().expect("a status");
        assert!(first.body.contains("journey=booking&step=date"));
        assert!(first.fields.iter().all(|field| field == "messages"));
    }
    assert_eq!(simulator.handle.request_count(Endpoint::Messages), 5);
}

#[tokio::test]
async fn token_scope_and_quota_are_checked() {
    let simulator = RunningSimulator::new(small_world()).await;
    let code = |answer: &Value| answer["error"]["code"].as_u64();
    let unknown = post(&simulator, PATH, "another-token", &text()).await;
    assert_eq!(code(&unknown), Some(190));
    let elsewhere = post(&simulator, "900999/messages", TOKEN, &text()).await;
    assert_eq!(code(&elsewhere), Some(100));
    let mut invalid = text();
    invalid["to"] = "nobody".into();
    let invalid = post(&simulator, PATH, TOKEN, &invalid).await;
    assert_eq!(code(&invalid), Some(131_009));
    let product = &invalid["error"]["error_data"]["messaging_product"];
    assert_eq!(product, "whatsapp");
    simulator.handle.edit(|world| {
        let account = world.accounts.get_mut(WABA).expect("the account");
        account.registered = false;
    });
    let mut answers = 0;
    while code(&post(&simulator, PATH, TOKEN, &text()).await).is_none() {
        answers += 1;
    }
    // The one that was not valid counts too.
    assert_eq!(answers, 199);
    simulator.handle.edit(|world| {
        world.app.token.scopes.remove(MESSAGING_SCOPE);
    });
    let missing = post(&simulator, PATH, TOKEN, &text()).await;
    assert_eq!(code(&missing), Some(200));
}

#[tokio::test]
async fn customers_are_started_and_counted_by_the_control_api() {
    let simulator = RunningSimulator::new(small_world()).await;
    let url = format!("{}/simulator/customers", simulator.handle.graph_url());
    let start = json!({"phone_number_id": NUMBER, "customers": 3, "goals": ["yes"]});
    let request = simulator.client.post(&url).body(start.to_string());
    let started = body(request.send().await.expect("an answer")).await;
    assert_eq!(started, json!({"customers": 3, "finished": 0}));
    let started =
        |handle: &crate::simulator::Handle| handle.customer_figures().values().sum::<u64>();
    simulator.handle.until(|handle| started(handle) == 3).await;
    let answer = simulator.client.get(&url).send().await;
    let shown = body(answer.expect("an answer")).await;
    let figure = &shown["figures"][0]["figure"];
    assert_eq!(figure["name"], "conversations_started");
    assert_eq!(figure["phone_number_id"], NUMBER);
    let unknown = json!({"phone_number_id": "1", "customers": 1});
    let request = simulator.client.post(&url).body(unknown.to_string());
    assert_eq!(request.send().await.expect("an answer").status(), 404);
}
