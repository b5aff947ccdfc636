//! The cost of the ingestion of a webhook, compared with its lower bound (the HMAC alone) and with a simple
//! implementation (the HMAC and a `serde_json::Value`).

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::Sha256;
use whatsapp_business_exporter::domain::{DeliveryKey, Source, Timestamp, WabaId};
use whatsapp_business_exporter::ingest::webhook::{Delivery, Verifier};
use whatsapp_business_exporter::state::State;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const SENT_AT: i64 = 1_774_000_000;
const RECEIVED_AT: Timestamp = Timestamp::from_millis(SENT_AT * 1000 + 250);

/// One in this many changes is about quality; the others are `messages`.
const WATCHED_SHARE: usize = 10;

fn quality_change(number: usize) -> Value {
    json!({"field": "message_template_status_update", "value": {
        "event": "PAUSED", "message_template_id": 7_001_002_003_000_000_u64 + number as u64,
        "message_template_name": "spring_offer", "message_template_language": "en_US",
        "reason": null, "message_template_category": "MARKETING",
        "other_info": {"title": "FIRST_PAUSE", "description": "Paused for 3 hours."},
    }})
}

fn message_change(number: usize) -> Value {
    json!({"field": "messages", "value": {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550100199", "phone_number_id": "900100200300400"},
        "statuses": [{
            "id": format!("wamid.HBgLMTU1NTAxMDAxMTE{number:024}"), "status": "delivered",
            "timestamp": "1774000000", "recipient_id": "15550100111",
            "pricing": {"billable": true, "pricing_model": "PMP", "type": "regular", "category": "marketing"},
        }],
    }})
}

fn body_of(changes: &[Value]) -> Vec<u8> {
    let entry = json!({"id": "800100200300400", "time": SENT_AT, "changes": changes});
    let body = json!({"object": "whatsapp_business_account", "entry": [entry]});
    serde_json::to_vec(&body).expect("JSON")
}

fn thousand_changes() -> Vec<Value> {
    let change = |number| match number % WATCHED_SHARE {
        0 => quality_change(number),
        _ => message_change(number),
    };
    (0..1_000).map(change).collect()
}

fn measure(criterion: &mut Criterion, name: &str, body: &[u8]) {
    let keyed = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key");
    let mut mac = keyed.clone();
    mac.update(body);
    let header = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    let verifier = Verifier::new(&[("main".into(), SecretString::from(SECRET))]);
    let verify = |body: &[u8]| {
        verifier
            .verify(Some(header.as_bytes()), body)
            .expect("a good signature");
    };

    let mut group = criterion.benchmark_group(format!("webhook/{name}"));
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("hmac alone", |bencher| {
        bencher.iter(|| {
            let mut mac = keyed.clone();
            mac.update(black_box(body));
            mac.finalize()
        });
    });
    group.bench_function("verify and parse into events", |bencher| {
        bencher.iter(|| {
            verify(black_box(body));
            Delivery::parse(body, RECEIVED_AT, None).expect("JSON")
        });
    });
    group.bench_function("verify, parse and apply to the state", |bencher| {
        let mut state = State::default();
        state.watch(WabaId::parse("800100200300400"));
        let mut keys = 0..;
        bencher.iter(|| {
            verify(black_box(body));
            let mut events = Delivery::parse(body, RECEIVED_AT, None)
                .expect("JSON")
                .events;
            for event in &mut events {
                // A new delivery each time, because a repeat would be detected and cost less.
                event.source = Source::Webhook(DeliveryKey(keys.next().expect("no end")));
                black_box(state.apply(event));
            }
        });
    });
    group.bench_function("verify and parse into a Value (baseline)", |bencher| {
        bencher.iter(|| {
            verify(black_box(body));
            serde_json::from_slice::<Value>(body).expect("JSON")
        });
    });
    group.finish();
}

fn webhook(criterion: &mut Criterion) {
    measure(criterion, "one change", &body_of(&[quality_change(0)]));
    measure(
        criterion,
        "one message status",
        &body_of(&[message_change(0)]),
    );
    measure(criterion, "1000 changes", &body_of(&thousand_changes()));
}

criterion_group!(benches, webhook);
criterion_main!(benches);
