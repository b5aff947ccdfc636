//! The account node, and the four ways to learn which apps are subscribed to its webhooks.

use serde_json::{Value, json};

use super::meta::{Meta, OWN_APP, ScriptedAnswer, waba};
use crate::domain::account::{self, Funding};
use crate::ingest::graph::{Failure, FailureKind};

async fn read(meta: &Meta) -> Result<account::Snapshot, Failure> {
    meta.client.read_account(&waba(), &meta.calls).await
}

fn apps(ids: &[&str]) -> Value {
    let apps = ids
        .iter()
        .map(|id| json!({"whatsapp_business_api_data": {"id": id, "name": "n"}}));
    json!({"data": apps.collect::<Vec<_>>()})
}

fn paths(meta: &Meta) -> Vec<String> {
    let received = meta.received();
    received
        .iter()
        .map(|received| received.uri.path().to_owned())
        .collect()
}

const NODE: &str = "/v26.0/800100";
const EDGE: &str = "/v26.0/800100/subscribed_apps";

#[tokio::test]
async fn one_call_reads_the_node_and_its_subscribed_apps() {
    let node = json!({"id": "800100", "name": "Fern", "subscribed_apps": apps(&["1", OWN_APP])});
    let meta = Meta::answering([ScriptedAnswer::json(&node)]).await;
    let snapshot = read(&meta).await.expect("read");
    assert_eq!(snapshot.name.as_deref(), Some("Fern"));
    assert_eq!(snapshot.webhook_subscribed, Some(true));
    assert_eq!(paths(&meta), [NODE]);
}

#[tokio::test]
async fn a_missing_edge_is_requested_separately() {
    let node = json!({"id": "800100"});
    let meta = Meta::answering([
        ScriptedAnswer::json(&node),
        ScriptedAnswer::json(&apps(&[])),
    ])
    .await;
    assert_eq!(
        read(&meta).await.expect("read").webhook_subscribed,
        Some(false)
    );
    assert_eq!(paths(&meta), [NODE, EDGE]);
}

#[tokio::test]
async fn a_refused_expansion_is_remembered_once_the_node_alone_can_be_read() {
    let refused = json!({"code": 100, "message": "(#100) no expansion here"});
    let node = || ScriptedAnswer::json(&json!({"id": "800100", "name": "Fern"}));
    let edge = || ScriptedAnswer::json(&apps(&[OWN_APP]));
    let script = [
        ScriptedAnswer::error(&refused),
        node(),
        edge(),
        node(),
        edge(),
    ];
    let meta = Meta::answering(script).await;
    for _ in 0..2 {
        assert_eq!(
            read(&meta).await.expect("read").webhook_subscribed,
            Some(true)
        );
    }
    assert_eq!(paths(&meta), [NODE, NODE, EDGE, NODE, EDGE]);
}

#[tokio::test]
async fn a_lack_of_permission_is_not_blamed_on_the_expansion() {
    let refused = || ScriptedAnswer::error(&json!({"code": 200, "message": "(#200) no"}));
    let node = json!({"id": "800100", "subscribed_apps": apps(&[OWN_APP])});
    let script = [refused(), refused(), refused(), ScriptedAnswer::json(&node)];
    let meta = Meta::answering(script).await;
    assert_eq!(
        read(&meta).await.map_err(|failure| failure.kind()),
        Err(FailureKind::Permission)
    );
    assert_eq!(
        read(&meta).await.expect("read").webhook_subscribed,
        Some(true)
    );
    assert!(meta.received()[3].fields().contains(&"subscribed_apps"));
}

#[tokio::test]
async fn a_failed_edge_does_not_fail_the_node() {
    let node = json!({"id": "800100", "status": "ACTIVE"});
    let meta =
        Meta::answering([ScriptedAnswer::json(&node), ScriptedAnswer::text(500, "no")]).await;
    let snapshot = read(&meta).await.expect("read");
    assert_eq!(snapshot.status, Some(account::Status::Active));
    assert_eq!(snapshot.webhook_subscribed, None);
    assert_eq!(meta.failures("subscribed_apps", "transient"), 1);
}

#[tokio::test]
async fn a_missing_means_of_payment_is_known_only_from_an_answer_to_the_question() {
    let with = |funding: Value| {
        let node = json!({"id": "800100", "subscribed_apps": apps(&[OWN_APP]), "primary_funding_id": funding});
        ScriptedAnswer::json(&node)
    };
    let unknown = json!({"code": 100, "message": "(#100) Tried accessing nonexisting field (primary_funding_id) on node type (WhatsAppBusinessAccount)"});
    let script = [
        with(json!("1800100")),
        with(json!(1_800_100_u64)),
        with(json!("")),
        with(Value::Null),
        ScriptedAnswer::error(&unknown),
        with(Value::Null),
        with(Value::Null),
    ];
    let meta = Meta::answering(script).await;
    for expected in [
        Funding::Attached,
        Funding::Attached,
        Funding::Missing,
        Funding::Missing,
        Funding::Unknown,
        Funding::Unknown,
    ] {
        assert_eq!(read(&meta).await.expect("read").funding, Some(expected));
    }
}

#[tokio::test]
async fn a_refused_funding_id_is_omitted_and_leaves_the_node_readable() {
    let refused = || ScriptedAnswer::error(&json!({"code": 200, "message": "(#200) no finance"}));
    let node = json!({"id": "800100", "name": "Fern", "subscribed_apps": apps(&[OWN_APP])});
    let node = || ScriptedAnswer::json(&node);
    let meta = Meta::answering([refused(), refused(), node(), node()]).await;
    for _ in 0..2 {
        let snapshot = read(&meta).await.expect("read");
        assert_eq!(snapshot.name.as_deref(), Some("Fern"));
        assert_eq!(snapshot.funding, Some(Funding::Unknown));
    }
    let received = meta.received();
    let requests = |field: &str| -> Vec<bool> {
        let received = received
            .iter()
            .map(|received| received.fields().contains(&field));
        received.collect()
    };
    assert_eq!(requests("primary_funding_id"), [true, true, false, false]);
    assert_eq!(requests("subscribed_apps"), [true, false, false, true]);
}
