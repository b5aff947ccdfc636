//! The simulated Graph API over real HTTP.

mod access;
mod faults;
mod fields;
mod fleet;
mod messages;
mod paging;

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
            client: Client::builder().no_proxy().build().expect("a client"),
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
