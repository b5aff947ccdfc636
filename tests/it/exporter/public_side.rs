//! Requests of strangers, and the cost of the largest deliveries of Meta.

use super::meta::{
    Exporter, NUMBER, SELDOM, TEMPLATE, WABA, config_file, small_world, this_second,
};

const REJECTED: &str = "whatsapp_exporter_webhook_rejected_total";

fn rejected(reason: &str) -> String {
    format!(r#"{REJECTED}{{reason="{reason}"}}"#)
}

fn change(event: &str) -> String {
    format!(
        r#"{{"field":"message_template_status_update","value":{{"event":"{event}","message_template_id":{TEMPLATE},"message_template_name":"spring_offer","message_template_language":"en_US","reason":null}}}}"#
    )
}

fn envelope(changes: &[String]) -> Vec<u8> {
    let changes = changes.join(",");
    let time = this_second();
    format!(r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{WABA}","time":{time},"changes":[{changes}]}}]}}"#)
        .into_bytes()
}

#[tokio::test]
async fn nothing_unsigned_is_parsed() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    let body = envelope(&[change("DISABLED")]);
    assert_eq!(exporter.post(body.clone(), None).await, 401);
    assert_eq!(
        exporter.post(body.clone(), Some("sha256=nonsense")).await,
        401
    );
    assert_eq!(
        exporter
            .post(body, Some(&format!("sha256={}", "0".repeat(64))))
            .await,
        401
    );
    for reason in ["missing_signature", "malformed_signature", "bad_signature"] {
        assert_eq!(
            exporter.value(&rejected(reason)).await,
            Some(1.0),
            "{reason}"
        );
    }
    let approved = format!(
        r#"whatsapp_message_template_status{{waba_id="{WABA}",template_id="{TEMPLATE}",status="APPROVED"}}"#
    );
    assert_eq!(exporter.value(&approved).await, Some(1.0));
    assert_eq!(
        exporter
            .value("whatsapp_exporter_webhook_deliveries_total")
            .await,
        Some(0.0)
    );
}

#[tokio::test]
async fn a_webhook_at_the_operators_port_gets_the_right_one_in_the_response() {
    let file = format!(
        "webhook:\n  listen_address: :0\n{}",
        config_file(SELDOM, &[WABA])
    );
    let exporter = Exporter::configured(small_world(), &file).await;
    let (_, right) = exporter.public_url.rsplit_once(':').expect("a port");
    let here = &exporter.url;
    assert_ne!(*here, exporter.public_url);
    let handshake = exporter
        .http
        .get(format!("{here}/webhook?hub.mode=subscribe"));
    let delivery = exporter
        .http
        .post(format!("{here}/webhook"))
        .header("X-Hub-Signature-256", "sha256=0")
        .body("{}");
    let stray = exporter.http.get(format!("{here}/webhook"));
    let large = exporter
        .http
        .post(format!("{here}/webhook"))
        .header("X-Hub-Signature-256", "sha256=0")
        .body(vec![b' '; 3_000_000]);
    let events = exporter.http.post(format!("{here}/v1/events")).body("{}");
    let document = exporter.http.get(format!("{here}/v1/openapi.json"));
    for (request, what) in [
        (handshake, "webhooks are received"),
        (delivery, "webhooks are received"),
        (stray, "webhooks are received"),
        (large, "webhooks are received"),
        (events, "the event API is served"),
        (document, "the event API is served"),
    ] {
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 421);
        let text = answer.text().await.expect("text");
        let expected =
            format!("wrong_port: {what} on port {right} (webhook.listen_address), not here\n");
        assert_eq!(text, expected);
    }
    assert_eq!(exporter.value(&rejected("wrong_port")).await, Some(3.0));
    let batches = r#"whatsapp_exporter_event_batches_refused_total{reason="wrong_port"}"#;
    assert_eq!(exporter.value(batches).await, Some(1.0));
    // The operator's routes are not at the public port.
    for path in [
        "/metrics",
        "/",
        "/-/healthy",
        "/-/reload",
        "/api/v1/status",
        "/api/v1/explain",
        "/api/v1/experiments",
    ] {
        let answer = exporter.http.get(format!("{}{path}", exporter.public_url));
        assert_eq!(
            answer.send().await.expect("an answer").status(),
            404,
            "{path}"
        );
    }
    assert_eq!(exporter.post_signed(b"{}".to_vec()).await, 200);
}

#[tokio::test]
async fn any_signed_json_is_acknowledged() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    for body in [
        "{}",
        "[]",
        "7",
        r#"{"object":"page","entry":null}"#,
        r#"{"object":"whatsapp_business_account","entry":[{"id":"0","changes":[{"field":"brand_new","value":{}}]}]}"#,
    ] {
        assert_eq!(
            exporter.post_signed(body.as_bytes().to_vec()).await,
            200,
            "{body}"
        );
    }
    assert_eq!(exporter.post_signed(b"not json".to_vec()).await, 400);
    assert_eq!(exporter.value(&rejected("not_json")).await, Some(1.0));
    assert_eq!(
        exporter
            .value(r#"whatsapp_exporter_webhook_changes_total{field="OTHER"}"#)
            .await,
        Some(1.0)
    );
}

#[tokio::test]
async fn a_thousand_changes_and_three_megabytes_are_taken_and_five_are_not() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    let padding = format!(
        r#"{{"field":"messages","value":{{"text":"{}"}}}}"#,
        "x".repeat(3 * 1024)
    );
    let mut changes = vec![padding; 999];
    changes.push(change("DISABLED"));
    let body = envelope(&changes);
    assert!(body.len() > 3_000_000);
    assert_eq!(exporter.post_signed(body).await, 200);
    let disabled = format!(
        r#"whatsapp_message_template_status{{waba_id="{WABA}",template_id="{TEMPLATE}",status="DISABLED"}}"#
    );
    assert_eq!(exporter.value(&disabled).await, Some(1.0));
    assert_eq!(
        exporter
            .value(r#"whatsapp_exporter_webhook_changes_total{field="messages"}"#)
            .await,
        Some(999.0)
    );
    let too_large = envelope(&vec![change("DISABLED"); 30_000]);
    assert!(too_large.len() > 5_000_000);
    assert_eq!(exporter.post_signed(too_large).await, 413);
    assert_eq!(exporter.value(&rejected("too_large")).await, Some(1.0));
}

#[tokio::test]
async fn the_handshake_echoes_the_challenge_for_the_right_token_alone() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    exporter
        .meta
        .verify_callback()
        .await
        .expect("the token is the world's");
    let wrong = format!(
        "{}/webhook?hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=1158201444",
        exporter.url
    );
    let answer = exporter.http.get(wrong).send().await.expect("it answers");
    assert_eq!(answer.status().as_u16(), 403);
    assert!(!answer.text().await.expect("text").contains("1158201444"));
}

#[tokio::test]
async fn no_customers_number_and_no_secret_is_ever_shown() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    let message = format!(
        r#"{{"field":"messages","value":{{"metadata":{{"phone_number_id":"{NUMBER}"}},"contacts":[{{"wa_id":"15550100111"}}],"messages":[{{"from":"15550100111","id":"wamid.X","timestamp":"1775000000","type":"text","text":{{"body":"hi"}}}}]}}}}"#
    );
    assert_eq!(exporter.post_signed(envelope(&[message])).await, 200);
    let secrets = exporter.meta.look(|world| {
        [
            world.app.secret.clone(),
            world.app.token.text.clone(),
            world.app.verify_token.clone(),
        ]
    });
    for path in ["/metrics", "/", "/api/v1/status"] {
        let text = exporter.get(path).await;
        assert!(!text.contains("15550100111"), "{path}");
        assert!(
            secrets.iter().all(|secret| !text.contains(secret)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn open_metrics_is_sent_if_accepted() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    let request = exporter.http.get(format!("{}/metrics", exporter.url));
    let answer = request
        .header(
            "Accept",
            "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
        )
        .send()
        .await;
    let answer = answer.expect("it answers");
    assert_eq!(
        answer.headers()["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert!(answer.text().await.expect("text").ends_with("# EOF\n"));
    let plain = exporter
        .http
        .get(format!("{}/metrics", exporter.url))
        .send()
        .await
        .expect("it answers");
    assert_eq!(
        plain.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
}
