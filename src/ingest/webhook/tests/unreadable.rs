//! A value that the JSON parser rejects does not affect other values or the delivery keys.

use super::{ACCOUNT, RECEIVED_AT, SENT_AT, as_text, customers};
use crate::domain::account::{ReviewStatus, Update as AccountUpdate};
use crate::domain::template::{EventKind, PauseTitle, Update};
use crate::domain::{Fact, Source};
use crate::ingest::CustomerHasher;
use crate::ingest::webhook::Delivery;

/// Values that serde_json rejects, as written in a body, and the name of their defect in the log.
const UNREADABLE: [(&[u8], &str); 10] = [
    (br#""cut \ud83d""#, "half_surrogate"),
    (br#""\ude00 cut""#, "half_surrogate"),
    (br#""\ude00\ud83d""#, "half_surrogate"),
    (br#"{"a\ud83d": 1}"#, "half_surrogate"),
    (b"1e999", "number_out_of_range"),
    (b"[-1E+400]", "number_out_of_range"),
    (b"\"caf\xe9\"", "invalid_utf8"),
    (b"\"cut \xf0\x9f\"", "invalid_utf8"),
    (b"\"two\nlines\"", "control_character"),
    (br#""cut \ud8""#, "invalid_escape"),
];

const REVIEW: &[u8] = br#"{"field":"account_review_update","value":{"decision":"APPROVED"}}"#;

/// A delivery of these changes of the fixture account. `extra` follows `object` in the body.
fn body(extra: &[u8], changes: &[&[u8]]) -> Vec<u8> {
    let head = br#"{"object":"whatsapp_business_account","#;
    let entry = format!(r#""entry":[{{"id":"{ACCOUNT}","time":{SENT_AT},"changes":["#);
    [
        &head[..],
        extra,
        entry.as_bytes(),
        &changes.join(&b","[..]),
        b"]}]}",
    ]
    .concat()
}

/// A change that pauses a template, with `unreadable` as its description.
fn paused(unreadable: &[u8]) -> Vec<u8> {
    let before = br#"{"field":"message_template_status_update","value":{"event":"PAUSED","message_template_id":7001002003004005,"other_info":{"description":"#;
    [&before[..], unreadable, br#","title":"FIRST_PAUSE"}}}"#].concat()
}

fn nested(depth: usize) -> Vec<u8> {
    ["[".repeat(depth), "]".repeat(depth)].concat().into_bytes()
}

fn read(body: &[u8]) -> Delivery {
    read_with(body, None)
}

fn read_with(body: &[u8], customers: Option<&CustomerHasher>) -> Delivery {
    Delivery::parse(body, RECEIVED_AT, customers).expect("JSON")
}

fn warnings(delivery: &Delivery) -> Vec<String> {
    delivery.warnings.iter().map(as_text).collect()
}

fn is_paused(fact: &Fact) -> bool {
    let Fact::Template(change) = fact else {
        return false;
    };
    matches!(
        change.update,
        Update::Status {
            event: EventKind::Paused,
            pause: Some(PauseTitle::FirstPause),
            ..
        }
    )
}

fn is_review(fact: &Fact) -> bool {
    *fact == Fact::Account(AccountUpdate::Review(ReviewStatus::Approved))
}

#[test]
fn an_unreadable_description_does_not_hide_a_pause() {
    for (unreadable, defect) in UNREADABLE {
        let delivery = read(&body(b"", &[&paused(unreadable), REVIEW]));
        let [first, second] = delivery.events.as_slice() else {
            panic!("{delivery:?}");
        };
        assert!(is_paused(&first.fact), "{defect}: {first:?}");
        assert!(is_review(&second.fact), "{defect}: {second:?}");
        let warnings = warnings(&delivery);
        assert!(
            warnings.len() == 1 && warnings[0].ends_with(defect),
            "{warnings:?}"
        );
    }
    let delivery = read(&body(b"", &[&paused(&nested(100_000)), REVIEW]));
    assert!(is_paused(&delivery.events[0].fact));
    assert_eq!(
        warnings(&delivery),
        ["message_template_status_update.json: 1 nested_too_deeply"]
    );
}

#[test]
fn unreadable_envelope_fields_do_not_hide_changes() {
    let extras: [&[u8]; 7] = [
        br#""x\ud83d":1,"#,
        b"\"x\xff\":1,",
        br#""x":"\ud83d","#,
        b"\"x\":\"a\tb\",",
        b"\"entry\":1e999,",
        br#""entry":["\ud83d",1e999],"#,
        br#""entry":{"id\ude00":1,"changes":"\ud83d"},"#,
    ];
    for extra in extras {
        let delivery = read(&body(
            extra,
            &[b"1e999", br#""\ud83d""#, &paused(b"1"), REVIEW],
        ));
        let facts: Vec<&Fact> = delivery.events.iter().map(|event| &event.fact).collect();
        assert!(is_paused(facts[0]) && is_review(facts[1]), "{facts:?}");
        assert!(
            warnings(&delivery)
                .iter()
                .any(|warnings| warnings.starts_with("webhook.json: "))
        );
    }
}

#[test]
fn only_an_unreadable_required_value_is_lost() {
    let change = |event: &[u8]| {
        let before = br#"{"field":"account_review_update","value":{"decision":"#;
        [&before[..], event, b"}}"].concat()
    };
    for unreadable in [&b"1e999"[..], b"-1e999"] {
        let delivery = read(&body(b"", &[&change(unreadable), REVIEW]));
        assert_eq!(delivery.events[0].fact, Fact::Unwatched);
        assert!(is_review(&delivery.events[1].fact));
        assert_eq!(
            warnings(&delivery),
            [
                "account_review_update.json: 1 number_out_of_range",
                "account_review_update.decision!"
            ]
        );
    }
    let delivery = read(&body(b"", &[&change(br#""APPR\ud83d""#), REVIEW]));
    assert!(is_review(&delivery.events[1].fact));
    assert_eq!(
        warnings(&delivery)[1],
        "account_review_update.decision=(redacted)"
    );
}

#[test]
fn a_rejection_reason_is_read_despite_an_unreadable_value() {
    let change = br#"{"field":"message_template_status_update","value":{"event":"REJECTED","message_template_id":1},"rejection_info":{"recommendation":"cut \ud83d","reason":"SCAM"}}"#;
    let delivery = read(&body(b"", &[change]));
    let Fact::Template(change) = &delivery.events[0].fact else {
        panic!("{delivery:?}");
    };
    let text = format!("{:?}", change.update);
    assert!(text.contains("reason: Some(Scam)"), "{text}");
}

#[test]
fn messages_are_read_despite_an_unreadable_value() {
    let change = |text: &[u8]| {
        let before = br#"{"field":"messages","value":{"metadata":{"phone_number_id":"900"},"messages":[{"id":"a","type":"text","from":"1","timestamp":"1774000000","text":{"body":"#;
        let after = br#"}},{"id":"b","type":"image","from":"1","timestamp":"1774000000"}]}}"#;
        [&before[..], text, after].concat()
    };
    for (unreadable, defect) in UNREADABLE {
        let delivery = read_with(&body(b"", &[&change(unreadable)]), Some(&customers()));
        assert_eq!(delivery.events.len(), 2, "{defect}");
        let warnings = warnings(&delivery);
        assert!(
            warnings.len() == 1 && warnings[0].ends_with(defect),
            "{warnings:?}"
        );
    }
}

#[test]
fn a_repaired_body_keeps_the_delivery_keys() {
    let keys = |body: &[u8]| -> Vec<Source> {
        read(body)
            .events
            .into_iter()
            .map(|event| event.source)
            .collect()
    };
    for (unreadable, defect) in UNREADABLE {
        let change = paused(unreadable);
        let alone = keys(&body(b"", &[&change]));
        // This key makes the exporter parse the whole body again.
        let repaired = keys(&body(br#""x\ud83d":1,"#, &[&change]));
        assert_eq!(alone, repaired, "{defect}");
    }
    // Both are repaired to the same text, but are two different changes.
    let of = |unreadable| keys(&body(br#""x\ud83d":1,"#, &[&paused(unreadable)]));
    assert_ne!(of(br#""cut \ud83d""#), of(br#""cut \ud83e""#));
    assert_ne!(of(b"\"caf\xe9\""), of(b"\"caf\xe8\""));
}
