//! The fields of nodes: defaults, requested, expanded and unknown ones.

use super::*;

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
