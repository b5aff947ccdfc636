//! Tokens, proofs, hidden objects, subscriptions and portfolios.

use super::*;

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
