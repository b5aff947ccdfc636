//! The simulated Graph API over real HTTP.

mod fleet;
mod messages;

use std::time::Instant;

use reqwest::{Client, Response};
use serde_json::Value;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Endpoint;
use crate::simulator::world::{Account, PhoneNumber, Template};
use crate::simulator::{
    Fault, Handle, Simulation, SimulationOptions, World, WorldChange, signature,
};

const WABA: &str = "800100";
const NUMBER: &str = "900100";
const TOKEN: &str = "simulated-access-token";

fn small_world() -> World {
    World::empty()
        .with_account(Account::new(WABA, "Café Lumière"))
        .with_phone_number(
            WABA,
            PhoneNumber::new(NUMBER, "+1 555-010-0199", "Fern & Moss"),
        )
        .with_template(WABA, Template::new("7001", "spring_offer"))
}

/// A running simulation with a client. The simulation ends when this is dropped.
struct RunningSimulator {
    handle: Handle,
    client: Client,
    _stop: DropGuard,
}

impl RunningSimulator {
    async fn new(world: World) -> Self {
        let options = SimulationOptions {
            world: Some(world),
            ..SimulationOptions::default()
        };
        let simulation = Simulation::bind(options).await.expect("a free port");
        let handle = simulation.handle();
        let stop = CancellationToken::new();
        tokio::spawn(simulation.run(stop.clone()));
        Self {
            handle,
            client: Client::new(),
            _stop: stop.drop_guard(),
        }
    }

    async fn get(&self, path: &str) -> Response {
        let url = format!("{}/v25.0/{path}", self.handle.graph_url());
        self.client
            .get(url)
            .bearer_auth(TOKEN)
            .send()
            .await
            .expect("an answer")
    }

    async fn json(&self, path: &str) -> Value {
        body(self.get(path).await).await
    }
}

async fn body(response: Response) -> Value {
    serde_json::from_slice(&response.bytes().await.expect("a body")).expect("JSON")
}

fn ids(page: &Value) -> Vec<String> {
    page["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|node| node["id"].as_str().expect("text").to_owned())
        .collect()
}

#[tokio::test]
async fn the_default_fields_of_a_number_never_have_its_status() {
    let meta = RunningSimulator::new(small_world()).await;
    let page = meta.json("800100/phone_numbers").await;
    let number = page["data"][0].as_object().expect("a number");
    assert_eq!(number["quality_rating"], "GREEN");
    assert!(!number.contains_key("status") && !number.contains_key("messaging_limit_tier"));
    assert_eq!(
        page["data"][0]["last_onboarded_time"],
        "2026-02-03T10:11:12+0000"
    );
    assert_eq!(
        meta.json("800100").await["message_template_namespace"],
        "namespace_800100"
    );
}

#[tokio::test]
async fn requested_fields_without_a_value_are_omitted() {
    let meta = RunningSimulator::new(small_world()).await;
    let number = meta.json("900100?fields=status,certificate,quality_score{score},messaging_limit_tier,whatsapp_business_manager_messaging_limit").await;
    assert_eq!(
        number,
        serde_json::json!({
            "id": NUMBER, "status": "CONNECTED", "quality_score": {"score": "GREEN"},
            "whatsapp_business_manager_messaging_limit": "TIER_10K",
        })
    );
}

#[tokio::test]
async fn the_last_page_has_after_but_no_next() {
    let meta = RunningSimulator::new(small_world().with_many_phone_numbers(WABA, 29)).await;
    let first = meta.json("800100/phone_numbers?summary=total_count").await;
    assert_eq!(
        (ids(&first).len(), &first["summary"]["total_count"]),
        (25, &30.into())
    );
    let next = first["paging"]["next"].as_str().expect("more");
    assert!(
        next.starts_with("https://graph.facebook.com/v26.0/800100/phone_numbers?")
            && !next.contains("access_token")
    );
    let after = first["paging"]["cursors"]["after"]
        .as_str()
        .expect("a cursor");
    let last = meta
        .json(&format!("800100/phone_numbers?after={after}"))
        .await;
    assert_eq!(ids(&last).len(), 5);
    assert!(last["paging"]["cursors"]["after"].is_string() && last["paging"].get("next").is_none());
    let beyond = last["paging"]["cursors"]["after"]
        .as_str()
        .expect("a cursor");
    assert_eq!(
        meta.json(&format!("800100/phone_numbers?after={beyond}"))
            .await,
        serde_json::json!({"data": []})
    );
}

#[tokio::test]
async fn an_empty_list_has_no_paging() {
    let meta =
        RunningSimulator::new(World::empty().with_account(Account::new(WABA, "Empty"))).await;
    assert_eq!(
        meta.json("800100/phone_numbers").await,
        serde_json::json!({"data": []})
    );
}

#[tokio::test]
async fn a_token_in_the_query_is_repeated_in_next_and_recorded() {
    let meta = RunningSimulator::new(small_world().with_many_templates(WABA, 30)).await;
    let url = format!(
        "{}/v25.0/800100/message_templates?fields=id&access_token={TOKEN}",
        meta.handle.graph_url()
    );
    let page = body(meta.client.get(url).send().await.expect("an answer")).await;
    assert!(
        page["paging"]["next"]
            .as_str()
            .expect("more")
            .contains("access_token=")
    );
    let request = meta.handle.requests().pop().expect("it was logged");
    assert_eq!(request.token_source, super::TokenSource::Query);
    assert_eq!(request.parameter("access_token"), None);
}

#[tokio::test]
async fn one_expanded_call_returns_an_account_its_numbers_and_its_templates() {
    let meta = RunningSimulator::new(small_world().with_many_templates(WABA, 150)).await;
    let fields = "id,name,health_status,phone_numbers.limit(100){id,status,health_status},message_templates.limit(100){id,status}";
    let account = meta.json(&format!("800100?fields={fields}")).await;
    assert_eq!(account["name"], "Café Lumière");
    assert_eq!(
        account["phone_numbers"]["data"][0]["health_status"]["entities"][0]["entity_type"],
        "PHONE_NUMBER"
    );
    assert_eq!(ids(&account["message_templates"]).len(), 100);
    assert!(
        account["message_templates"]["paging"]["next"]
            .as_str()
            .expect("more")
            .contains("fields=id%2Cstatus")
    );
}

#[tokio::test]
async fn an_unknown_field_fails_the_whole_call() {
    let meta = RunningSimulator::new(small_world()).await;
    let response = meta.get("800100/phone_numbers?fields=id,mood").await;
    assert_eq!(response.status(), 400);
    let error: Value = body(response).await;
    assert_eq!(
        error["error"]["message"],
        "(#100) Tried accessing nonexisting field (mood) on node type (WhatsAppBusinessPhoneNumber)"
    );
    meta.handle
        .change(WorldChange::FieldRetired {
            field: "name".into(),
        })
        .expect("it can happen");
    assert_eq!(
        meta.json("800100?fields=id,name").await["error"]["code"],
        100
    );
}

#[tokio::test]
async fn a_missing_object_and_a_hidden_one_answer_alike() {
    let meta = RunningSimulator::new(small_world()).await;
    meta.handle.edit(|world| {
        world
            .accounts
            .get_mut(WABA)
            .expect("it is there")
            .is_visible = false;
    });
    for path in ["800100", "900100", "7001", "12345", "800100/phone_numbers"] {
        let response = meta.get(path).await;
        assert_eq!(response.status(), 400);
        assert!(
            response.headers().contains_key("x-app-usage")
                && !response.headers().contains_key("x-business-use-case-usage")
        );
        let error: Value = body(response).await;
        assert_eq!(
            (&error["error"]["code"], &error["error"]["error_subcode"]),
            (&100.into(), &33.into()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn tokens_that_are_absent_wrong_or_expired_are_answered_with_190() {
    let meta = RunningSimulator::new(small_world()).await;
    let url = format!("{}/v25.0/800100", meta.handle.graph_url());
    let absent = meta.client.get(&url).send().await.expect("an answer");
    assert_eq!(absent.status(), 401);
    let wrong = body(
        meta.client
            .get(&url)
            .bearer_auth("x")
            .send()
            .await
            .expect("an answer"),
    )
    .await;
    assert_eq!(wrong["error"]["code"], 190);
    meta.handle
        .change(WorldChange::TokenExpired)
        .expect("it can happen");
    assert_eq!(meta.json("800100").await["error"]["error_subcode"], 463);
    meta.handle
        .change(WorldChange::TokenRenewed { in_seconds: None })
        .expect("it can happen");
    assert_eq!(meta.get("800100").await.status(), 200);
}

#[tokio::test]
async fn the_proof_is_checked_when_required_and_whenever_it_is_sent() {
    let meta = RunningSimulator::new(small_world()).await;
    assert_eq!(
        meta.json("800100?appsecret_proof=00").await["error"]["code"],
        104
    );
    meta.handle
        .edit(|world| world.app.requires_appsecret_proof = true);
    assert_eq!(meta.json("800100").await["error"]["code"], 104);
    let proof = signature::hex_hmac("simulated-app-secret", TOKEN.as_bytes());
    assert_eq!(
        meta.get(&format!("800100?appsecret_proof={proof}"))
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn headers_have_usage_version_and_trace_id() {
    let meta = RunningSimulator::new(small_world()).await;
    let response = meta.get("900100").await;
    let header = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
    let usage: Value = serde_json::from_str(&header("x-business-use-case-usage")).expect("JSON");
    assert_eq!(usage[WABA][0]["type"], "whatsapp_business_management");
    assert_eq!(header("facebook-api-version"), "v26.0");
    assert_eq!(header("content-type"), "application/json; charset=UTF-8");
    assert!(response.headers().contains_key("etag"));
    let failed = meta.get("1").await;
    let trace = failed.headers()["x-fb-request-id"].clone();
    let error: Value = body(failed).await;
    assert_eq!(error["error"]["fbtrace_id"], trace.to_str().expect("text"));
}

#[tokio::test]
async fn a_rate_limit_is_http_400_with_the_time_to_regain_access() {
    let meta = RunningSimulator::new(small_world()).await;
    let limit = WorldChange::RateLimited {
        waba_id: WABA.into(),
        code: 80_008,
        regain_minutes: 7,
    };
    meta.handle.change(limit).expect("it can happen");
    let response = meta.get("900100").await;
    assert_eq!(response.status(), 400);
    assert!(
        response.headers()["x-business-use-case-usage"]
            .to_str()
            .expect("text")
            .contains(r#""estimated_time_to_regain_access":7"#)
    );
    assert_eq!(body(response).await["error"]["code"], 80_008);
}

#[tokio::test]
async fn json_is_escaped_and_gzip_is_sent_on_request() {
    let meta = RunningSimulator::new(small_world()).await;
    let text = meta.get("800100").await.text().await.expect("text");
    assert!(text.contains(r"Caf\u00e9 Lumi\u00e8re"));
    let url = format!("{}/v25.0/800100/phone_numbers", meta.handle.graph_url());
    let plain = Client::builder().no_gzip().build().expect("a client");
    let packed = plain
        .get(url)
        .bearer_auth(TOKEN)
        .header("accept-encoding", "gzip")
        .send()
        .await
        .expect("an answer");
    assert_eq!(packed.headers()["content-encoding"], "gzip");
}

#[tokio::test]
async fn an_inspected_token_lists_its_accounts() {
    let meta = RunningSimulator::new(small_world()).await;
    let token = meta.json(&format!("debug_token?input_token={TOKEN}")).await;
    assert_eq!(
        (&token["data"]["is_valid"], &token["data"]["expires_at"]),
        (&true.into(), &0.into())
    );
    assert_eq!(token["data"]["granular_scopes"][0]["target_ids"][0], WABA);
    assert_eq!(
        meta.json("debug_token?input_token=other").await["data"]["is_valid"],
        false
    );
}

#[tokio::test]
async fn subscriptions_are_added_and_removed() {
    let meta = RunningSimulator::new(small_world()).await;
    let url = format!("{}/v25.0/800100/subscribed_apps", meta.handle.graph_url());
    let listed = meta.json("800100/subscribed_apps").await;
    assert_eq!(
        listed["data"][0]["whatsapp_business_api_data"]["id"],
        "600100200300400"
    );
    let gone = meta
        .client
        .delete(&url)
        .bearer_auth(TOKEN)
        .send()
        .await
        .expect("an answer");
    assert_eq!(body(gone).await, serde_json::json!({"success": true}));
    assert_eq!(
        meta.json("800100/subscribed_apps").await,
        serde_json::json!({"data": []})
    );
    meta.client
        .post(&url)
        .bearer_auth(TOKEN)
        .send()
        .await
        .expect("an answer");
    assert_eq!(meta.json("800100/subscribed_apps").await, listed);
}

#[tokio::test]
async fn accounts_are_discovered_from_their_portfolio() {
    let meta = RunningSimulator::new(World::demo(1)).await;
    assert_eq!(
        ids(&meta
            .json("700100200300400/owned_whatsapp_business_accounts")
            .await)
        .len(),
        2
    );
    assert_eq!(
        ids(&meta
            .json("700100200300400/client_whatsapp_business_accounts")
            .await),
        ["800100200300403"]
    );
}

#[tokio::test]
async fn blocked_calling_makes_the_overall_health_blocked() {
    let meta = RunningSimulator::new(small_world()).await;
    meta.handle
        .change(WorldChange::CallingBlocked {
            phone_number_id: NUMBER.into(),
            is_blocked: true,
        })
        .expect("it can happen");
    let health = meta.json("900100?fields=health_status").await["health_status"].take();
    assert_eq!(health["can_send_message"], "BLOCKED");
    assert!(
        health["entities"]
            .as_array()
            .expect("a list")
            .iter()
            .all(|entity| entity["can_send_message"] == "AVAILABLE")
    );
}

#[tokio::test]
async fn faults_apply_to_their_endpoint_the_given_number_of_times() {
    let meta = RunningSimulator::new(small_world()).await;
    let on = Some(Endpoint::PhoneNumbers);
    meta.handle.fault(on, Some(1), Fault::ServerErrorPage);
    assert_eq!(meta.get("800100").await.status(), 200);
    assert_eq!(meta.get("800100/phone_numbers").await.status(), 500);
    meta.handle.fault(on, Some(1), Fault::TruncatedJson);
    assert!(
        serde_json::from_slice::<Value>(
            &meta
                .get("800100/phone_numbers")
                .await
                .bytes()
                .await
                .expect("a body")
        )
        .is_err()
    );
    meta.handle.fault(
        on,
        Some(1),
        Fault::FieldReplaced {
            field: "quality_rating".into(),
            value: 7.into(),
        },
    );
    assert_eq!(
        meta.json("800100/phone_numbers").await["data"][0]["quality_rating"],
        7
    );
    meta.handle.fault(
        on,
        Some(1),
        Fault::SingleObject {
            field: "data".into(),
        },
    );
    assert_eq!(
        meta.json("800100/phone_numbers").await["data"]["id"],
        NUMBER
    );
    meta.handle.fault(
        on,
        Some(1),
        Fault::Trickle {
            bytes: 16,
            milliseconds: 0,
        },
    );
    assert_eq!(ids(&meta.json("800100/phone_numbers").await), [NUMBER]);
    meta.handle.fault(on, Some(2), Fault::EndlessCursors);
    assert!(meta.json("800100/phone_numbers").await["paging"]["next"].is_string());
    meta.handle.clear_faults();
    assert!(
        meta.json("800100/phone_numbers").await["paging"]
            .get("next")
            .is_none()
    );
    meta.handle.fault(None, Some(1), Fault::ExpansionRefused);
    assert_eq!(
        meta.json("800100?fields=phone_numbers{id}").await["error"]["code"],
        100
    );
    meta.handle
        .fault(None, Some(1), Fault::RetryAfter { seconds: 9 });
    assert_eq!(meta.get("800100").await.headers()["retry-after"], "9");
    assert_eq!(meta.handle.request_count(Endpoint::PhoneNumbers), 7);
}

#[tokio::test]
async fn ten_thousand_templates_are_paged_fast() {
    let meta = RunningSimulator::new(small_world().with_many_templates(WABA, 9_999)).await;
    let started = Instant::now();
    let (mut seen, mut after) = (0, String::new());
    loop {
        let page = meta
            .json(&format!(
                "800100/message_templates?fields=id,name,status,quality_score&limit=100{after}"
            ))
            .await;
        seen += ids(&page).len();
        if page["paging"].get("next").is_none() {
            break;
        }
        after = format!(
            "&after={}",
            page["paging"]["cursors"]["after"]
                .as_str()
                .expect("a cursor")
        );
    }
    assert_eq!(seen, 10_000);
    // Enough for a hundred pages of a debug build on a busy machine; visiting all nodes for each would take minutes.
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
