//! The fixtures of `user_preferences`: counted choices, each once, and no customer.

use super::{ACCOUNT, as_text, customers, fixture};
use crate::domain::message::{MarketingPreference, Update, WebhookUpdate};
use crate::domain::{Event, Fact, PhoneNumberId, Source, Timestamp};
use crate::ingest::webhook::Delivery;

use MarketingPreference::{Other, Resume, Stop};

/// Ten seconds after the first choice in the fixtures.
const RECEIVED_AT: Timestamp = Timestamp::from_seconds(1_775_000_010);

fn delivered(body: &[u8]) -> Delivery {
    Delivery::parse(body, RECEIVED_AT, Some(&customers())).expect("JSON")
}

/// The choices of the fixture, with their times in seconds.
fn choices(name: &str) -> Vec<(i64, MarketingPreference)> {
    let events = delivered(&fixture(name)).events.into_iter();
    let choice = |event: Event| {
        let Fact::Message(WebhookUpdate {
            phone_number_id,
            update: Update::Preference { preference, of },
            ..
        }) = event.fact
        else {
            panic!("{name}: {:?}", event.fact)
        };
        let number = PhoneNumberId::parse("900100200300400").expect("an id");
        assert_eq!((event.waba_id.as_str(), phone_number_id), (ACCOUNT, number));
        // One choice of the fixtures has no customer.
        let is_known = (name, preference) != ("user_preferences_several", Resume);
        assert_eq!(of.is_some(), is_known, "{name}");
        (event.observed_at.as_millis() / 1_000, preference)
    };
    events.map(choice).collect()
}

#[test]
fn each_fixture_has_its_expected_choices() {
    let first = 1_775_000_000;
    assert_eq!(choices("user_preferences_stop"), [(first, Stop)]);
    assert_eq!(choices("user_preferences_resume"), [(first, Resume)]);
    let several = [
        (first, Stop),
        (first + 1, Stop),
        (first + 2, Resume),
        (first + 10, Stop),
        (first + 3, Other),
    ];
    assert_eq!(choices("user_preferences_several"), several);
    let warnings = delivered(&fixture("user_preferences_several")).warnings;
    let warnings: Vec<String> = warnings.iter().map(as_text).collect();
    let expected = [
        "user_preference.value=pause",
        "user_preference.category=call_messages",
        "user_preference.value!",
    ];
    assert_eq!(warnings, expected);
}

/// The keys of the choices in a delivery.
fn keys(choices: &str, time: i64) -> Vec<Source> {
    let body = format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{ACCOUNT}","time":{time},"changes":[{{"field":"user_preferences","value":{{"metadata":{{"phone_number_id":"900100200300400"}},"user_preferences":[{choices}]}}}}]}}]}}"#
    );
    let events = delivered(body.as_bytes()).events.into_iter();
    events.map(|event| event.source).collect()
}

#[test]
fn a_retry_has_the_same_key_in_any_delivery_and_another_choice_has_another() {
    let choice = |customer: &str, value: &str, at: i64| {
        format!(r#"{{{customer},"value":"{value}","timestamp":{at}}}"#)
    };
    let stop = choice(r#""wa_id":"15550100111""#, "stop", 1_775_000_000);
    let one = keys(&stop, 1)[0];
    let others = [
        choice(r#""wa_id":"15550100111""#, "resume", 1_775_000_000),
        choice(r#""wa_id":"15550100111""#, "stop", 1_775_000_001),
        choice(r#""wa_id":"15550100112""#, "stop", 1_775_000_000),
        choice(r#""user_id":"US.1""#, "stop", 1_775_000_000),
    ];
    let both = keys(&format!("{},{stop}", others[0]), 777);
    assert_eq!(both[1], one, "in another delivery, at another place");
    for other in &others {
        assert_ne!(keys(other, 1)[0], one, "{other}");
    }
    // Without a customer, the bytes of the change identify the retry.
    let anonymous = r#"{"value":"stop"},{"value":"stop"}"#;
    let keys_of = keys(anonymous, 1);
    assert_ne!(keys_of[0], keys_of[1]);
    assert_eq!(keys(anonymous, 1), keys_of);
}

#[test]
fn the_result_contains_no_customer() {
    let shown = format!("{:?}", delivered(&fixture("user_preferences_several")));
    for customer in ["1555010011", "US.1300"] {
        assert!(!shown.contains(customer), "{shown}");
    }
}

#[test]
fn odd_values_cost_nothing_else() {
    for choices in ["7", "null", r#"{"wa_id":"1"}"#, r#""stop""#] {
        let body = format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{ACCOUNT}","changes":[{{"field":"user_preferences","value":{{"metadata":{{"phone_number_id":"900100200300400"}},"user_preferences":{choices}}}}}]}}]}}"#
        );
        let facts: Vec<Fact> = delivered(body.as_bytes())
            .events
            .into_iter()
            .map(|event| event.fact)
            .collect();
        assert_eq!(facts, [Fact::Unwatched], "{choices}");
    }
}
