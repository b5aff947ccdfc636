//! Requests and events that the event API rejects.

use serde_json::{Value, json};
use whatsapp_business_exporter::clock;
use whatsapp_business_exporter::simulator::fault::Fault;
use whatsapp_business_exporter::simulator::graph::Endpoint;
use whatsapp_business_exporter::simulator::world::{Account, PhoneNumber};

use super::{TOKEN, event, post, post_events, with_events};
use crate::exporter::meta::{Exporter, NUMBER, SELDOM, WABA, config_file, small_world};
use crate::trackers::durable::{CUSTOMER, inbound, series};

#[tokio::test]
async fn one_bad_event_affects_no_other_and_is_rejected_with_the_reason() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    exporter.file.write(&with_events());
    assert_eq!(exporter.reload().await.0, 200);
    let now = clock::now().as_millis() / 1000;
    let mut elsewhere = event("2", "inbound", now);
    elsewhere["phone_number_id"] = "1".into();
    let events = [
        event("1", "inbound", now),
        elsewhere,
        json!({"id": "3"}),
        event("1", "inbound", now),
    ];
    let batch = json!({ "events": events }).to_string();
    let (status, answer) = post(&exporter, TOKEN, batch).await;
    assert_eq!(status, 200);
    assert_eq!(
        answer["results"],
        json!([
            {"id": "1", "result": "accepted"},
            {"id": "2", "result": "rejected", "error": "phone_number_id: is not a phone number of a watched account; polls find new numbers"},
            {"id": "3", "result": "rejected", "error": "missing field `type`"},
            {"id": "1", "result": "duplicate"},
        ])
    );
    let waiting = series("whatsapp_conversations_waiting", "");
    assert_eq!(exporter.value(&waiting).await, Some(1.0));
}

#[tokio::test]
async fn unauthorized_and_invalid_requests_are_rejected() {
    let exporter = Exporter::configured(small_world(), &with_events()).await;
    let batch = r#"{"events":[]}"#.to_owned();
    for token in ["", "a-token", "a-token-for-events2"] {
        assert_eq!(
            post(&exporter, token, batch.clone()).await.0,
            401,
            "{token:?}"
        );
    }
    let request = exporter.http.post(format!("{}/v1/events", exporter.url));
    let answer = request
        .body(batch.clone())
        .send()
        .await
        .expect("it answers");
    assert_eq!(answer.headers()["www-authenticate"], "Bearer");
    assert_eq!(
        post(&exporter, TOKEN, batch).await,
        (200, json!({"results": []}))
    );
    assert_eq!(post(&exporter, TOKEN, "[]".to_owned()).await.0, 400);
    let large = "x".repeat(1_100_000);
    assert_eq!(post(&exporter, TOKEN, large).await.0, 413);
    for (reason, count) in [
        ("unauthorized", 4.0),
        ("not_a_batch", 1.0),
        ("too_large", 1.0),
    ] {
        let refused =
            format!(r#"whatsapp_exporter_event_batches_refused_total{{reason="{reason}"}}"#);
        assert_eq!(exporter.value(&refused).await, Some(count), "{reason}");
    }
    let shown = exporter.get("/metrics").await + &exporter.get("/").await;
    assert!(!shown.contains(TOKEN));
}

#[tokio::test]
async fn no_error_repeats_a_customer() {
    let exporter = Exporter::configured(small_world(), &with_events()).await;
    for event in [
        json!({"id": "1", "type": CUSTOMER}),
        json!({"id": "2", CUSTOMER: "inbound"}),
        json!(CUSTOMER),
        json!({"id": "3", "type": "inbound", "phone_number_id": CUSTOMER, "customer": CUSTOMER}),
        json!({"id": "4", "type": "inbound", "phone_number_id": NUMBER, "customer": [CUSTOMER]}),
        json!({"id": "5", "type": "inbound", "phone_number_id": NUMBER, "customer": CUSTOMER, "at": CUSTOMER}),
    ] {
        let batch = json!({ "events": [event] }).to_string();
        let (status, answer) = post(&exporter, TOKEN, batch).await;
        assert_eq!(
            (status, &answer["results"][0]["result"]),
            (200, &json!("rejected"))
        );
        assert!(!answer.to_string().contains(CUSTOMER), "{answer}");
    }
}

#[tokio::test]
async fn without_a_token_the_event_api_is_off() {
    let exporter = Exporter::configured(small_world(), &config_file(SELDOM, &[WABA])).await;
    let (status, _) = post(&exporter, TOKEN, r#"{"events":[]}"#.to_owned()).await;
    assert_eq!(status, 404);
}

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "one course of events, whose steps need each other"
)]
async fn events_before_every_account_is_listed_are_to_be_sent_again_and_not_rejected() {
    let (other, other_number) = ("800100200300777", "900100200300777");
    let number = PhoneNumber::new(other_number, "+1 555-010-0777", "Bakery");
    let world = small_world()
        .with_account(Account::new(other, "Bakery"))
        .with_phone_number(other, number);
    let exporter = Exporter::configured(world, &with_events()).await;
    exporter.until_polled(WABA, "numbers").await;
    let watch = async |accounts: &[&str]| {
        let file = config_file("1s", accounts);
        let file = format!("{file}trackers:\n  token: {TOKEN}\n");
        exporter.file.write(&file);
        assert_eq!(exporter.reload().await.0, 200);
    };
    // A second account, whose numbers are still being read.
    let numbers = Some(Endpoint::PhoneNumbers);
    let milliseconds = 600_000;
    let hang = exporter
        .meta
        .fault(numbers, None, Fault::Hang { milliseconds });
    watch(&[WABA, other]).await;
    let now = clock::now().as_millis() / 1000;
    let of_number = |id: &str, number: &str| {
        let mut event = event(id, "inbound", now);
        event["phone_number_id"] = number.into();
        event
    };
    let (known, unlisted, foreign) = (
        of_number("known", NUMBER),
        of_number("unlisted", other_number),
        of_number("foreign", "900100200300999"),
    );
    let send = async |events: &[&Value]| {
        let body = json!({ "events": events }).to_string();
        let url = format!("{}/v1/events", exporter.url);
        let request = exporter.http.post(url).bearer_auth(TOKEN).body(body);
        let answer = request.send().await.expect("it answers");
        let retries = answer.headers().contains_key("retry-after");
        (answer.status().as_u16(), retries)
    };
    // A known number is served; a batch with any other waits as a whole.
    assert_eq!(send(&[&known]).await, (200, false));
    for batch in [
        vec![&unlisted],
        vec![&foreign],
        vec![&known, &unlisted],
        vec![&unlisted, &known, &foreign],
    ] {
        assert_eq!(send(&batch).await, (503, true), "{batch:?}");
    }
    let refused = r#"whatsapp_exporter_event_batches_refused_total{reason="not_listed"}"#;
    assert_eq!(exporter.value(refused).await, Some(4.0));
    // An invalid event is rejected at once, before all accounts are listed.
    let broken =
        json!({"id": "broken", "type": "inbound", "phone_number_id": "x", "customer": CUSTOMER});
    assert_eq!(send(&[&broken]).await, (200, false));
    // Meta's webhooks do not wait for a listing.
    let message = inbound(CUSTOMER, "wamid.EARLY", now);
    assert_eq!(exporter.post_signed(message).await, 200);

    // Polled again, it turns out to be one that cannot be listed, which may last for ever.
    exporter.meta.clear_fault(hang);
    watch(&[WABA]).await;
    let failure = exporter.meta.fault(numbers, None, Fault::ServerErrorPage);
    watch(&[WABA, other]).await;
    let up = format!(
        r#"whatsapp_exporter_poll_up{{app="default",waba_id="{other}",collector="numbers"}}"#
    );
    exporter.until(up, 0.0).await;
    let results = post_events(&exporter, &[known.clone(), foreign.clone()]).await;
    assert_eq!(results, ["known duplicate", "foreign rejected"]);

    exporter.meta.clear_fault(failure);
    exporter.until_polled(other, "numbers").await;
    let results = post_events(&exporter, &[known, unlisted, foreign]).await;
    assert_eq!(
        results,
        ["known duplicate", "unlisted accepted", "foreign rejected"]
    );
}
