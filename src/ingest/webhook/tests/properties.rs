//! An unreadable change never affects other changes, and only signed bodies are accepted.

use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::{ACCOUNT, RECEIVED_AT, SENT_AT, customers};
use crate::domain::account::{ReviewStatus, Update};
use crate::domain::{Fact, WebhookField, Word};
use crate::ingest::webhook::{Delivery, SignatureError, Verifier};

/// Keys that some reader uses, so that arbitrary values reach it.
const KEYS: &[&str] = &[
    "alert_info",
    "alert_severity",
    "alert_type",
    "ban_info",
    "category_update_timestamp",
    "correct_category",
    "current_limit",
    "decision",
    "disable_date",
    "disable_info",
    "display_phone_number",
    "event",
    "expiration",
    "max_daily_conversations_per_business",
    "max_phone_numbers_per_waba",
    "message_template_id",
    "message_template_language",
    "new_category",
    "new_quality_score",
    "other_info",
    "phone_number",
    "previous_category",
    "reason",
    "rejection_info",
    "restriction_info",
    "restriction_type",
    "timestamp",
    "title",
    "violation_info",
    "violation_type",
    "waba_ban_date",
    "waba_ban_state",
    "waba_id",
    "waba_info",
];

/// Words and numbers that let a reader get further than the first key.
const WORDS: &[&str] = &[
    "FLAGGED",
    "PAUSED",
    "DISABLED_UPDATE",
    "RED",
    "UTILITY",
    "TIER_1K",
    "-1",
    "NONE",
    "",
    "7001",
    "+1 555-010-0199",
    "April 31, 2026",
    "99999999999999999999",
    "9223372036854775807",
    "é",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(WORDS).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            object_of(inner),
        ]
    })
}

fn object_of(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let key =
        prop_oneof![9 => prop::sample::select(KEYS).prop_map(str::to_owned), 1 => any::<String>()];
    prop::collection::vec((key, values), 0..8)
        .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>()))
}

/// A change with a real field and a value of real keys, or an arbitrary value.
fn any_change() -> impl Strategy<Value = Value> {
    let field = prop::sample::select(WebhookField::ALL).prop_map(|field| json!(field.as_str()));
    prop_oneof![
        4 => (field, object_of(any_json())).prop_map(|(field, value)| json!({"field": field, "value": value})),
        1 => (any_json(), any_json(), any_json()).prop_map(|(field, value, info)| json!({"field": field, "value": value, "rejection_info": info})),
        1 => any_json(),
    ]
}

fn entry(id: &str, changes: &Value) -> Value {
    json!({"id": id, "time": SENT_AT, "changes": changes})
}

fn review(decision: &str) -> Value {
    json!({"field": "account_review_update", "value": {"decision": decision}})
}

fn reviews_in(body: &Value) -> Vec<ReviewStatus> {
    let body = serde_json::to_vec(body).expect("JSON");
    let delivery = Delivery::parse(&body, RECEIVED_AT, None).expect("it is JSON");
    let facts = delivery.events.into_iter().map(|event| event.fact);
    let reviews = facts.filter_map(|fact| match fact {
        Fact::Account(Update::Review(status)) => Some(status),
        _ => None,
    });
    // An arbitrary change may have any result; the neighbours use these two words.
    reviews
        .filter(|it| matches!(it, ReviewStatus::LimitReached | ReviewStatus::Restricted))
        .collect()
}

fn signed(secret: &[u8], body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any key");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

proptest! {
    #[test]
    fn an_unreadable_change_does_not_affect_its_neighbours(change in any_change(), stray in any_json()) {
        let changes = json!([review("LIMIT_REACHED"), change, review("RESTRICTED")]);
        let body = json!({
            "object": stray,
            "entry": [entry(ACCOUNT, &changes), stray, entry(ACCOUNT, &json!([review("RESTRICTED")]))],
        });
        let kept = reviews_in(&body);
        use ReviewStatus::{LimitReached, Restricted};
        prop_assert_eq!(kept, [LimitReached, Restricted, Restricted]);
    }

    #[test]
    fn any_json_is_accepted(body in any_json()) {
        let body = serde_json::to_vec(&body).expect("JSON");
        prop_assert!(Delivery::parse(&body, RECEIVED_AT, None).is_ok());
        prop_assert!(Delivery::parse(&body, RECEIVED_AT, Some(&customers())).is_ok());
    }

    #[test]
    fn any_messages_are_accepted(messages in any_json(), statuses in any_json(), errors in any_json()) {
        let metadata = json!({"phone_number_id": "900100200300400"});
        let value = json!({"metadata": metadata, "messages": messages, "statuses": statuses, "errors": errors});
        let changes = json!([{"field": "messages", "value": value}]);
        let body = json!({"object": "whatsapp_business_account", "entry": [entry(ACCOUNT, &changes)]});
        let body = serde_json::to_vec(&body).expect("JSON");
        prop_assert!(Delivery::parse(&body, RECEIVED_AT, Some(&customers())).is_ok());
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(Delivery::parse(&body, RECEIVED_AT, None));
    }

    #[test]
    fn only_signed_bodies_are_accepted(
        secret in "[ -~]{1,100}",
        other in "[ -~]{1,100}",
        body in prop::collection::vec(any::<u8>(), 1..200),
        flip in any::<prop::sample::Index>(),
    ) {
        let apps = [("other", &other), ("own", &secret)];
        let verifier = Verifier::new(&apps.map(|(app, secret)| (app.into(), secret.as_str().into())));
        let header = signed(secret.as_bytes(), &body);
        let signer = verifier.verify(Some(header.as_bytes()), &body).expect("a good signature");
        let own: &[std::sync::Arc<str>] = &["own".into()];
        prop_assert!(signer.apps().ends_with(own));

        let mut flipped = body.clone();
        let bit = flip.index(body.len() * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(verifier.verify(Some(header.as_bytes()), &flipped), Err(SignatureError::Bad));

        let mut signature = hex::decode(&header["sha256=".len()..]).expect("hex");
        let bit = flip.index(signature.len() * 8);
        signature[bit / 8] ^= 1 << (bit % 8);
        let header = format!("sha256={}", hex::encode(signature));
        prop_assert_eq!(verifier.verify(Some(header.as_bytes()), &body), Err(SignatureError::Bad));
    }
}
