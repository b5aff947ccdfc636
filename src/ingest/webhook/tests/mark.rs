//! The steps of journeys in webhooks: Meta's text becomes declared names.

use std::time::Duration;

use serde_json::{Value, json};

use super::customers;
use crate::domain::campaign::{CallbackData, Campaigns};
use crate::domain::journey::{Choice, Journey, JourneyId, Journeys, ReplyPattern, Step};
use crate::domain::mark::{EntryPoint, IgnoredMark, JourneyMark, Mark, MessageContext};
use crate::domain::message::Update;
use crate::domain::track::Trackers;
use crate::domain::{Event, Fact, Timestamp};
use crate::ingest::webhook::{Delivery, Hashers};

const RECEIVED_AT: Timestamp = Timestamp::from_seconds(1_775_000_030);

fn pattern(text: &str) -> ReplyPattern {
    ReplyPattern::new(text).expect("a pattern")
}

fn declared() -> Trackers {
    let mut campaigns = Campaigns::default();
    for (value, name) in [
        ("spring-2026", "spring"),
        ("journey=x", "looks like a mark"),
    ] {
        campaigns.declare(CallbackData::new(value).expect("short"), name);
    }
    let date = Step {
        name: "date".into(),
        answers: vec![pattern("date_*"), pattern("later")],
    };
    Trackers {
        journeys: Journeys(vec![Journey {
            id: id("booking", "2"),
            steps: vec![date, Step::open("time")],
            goals: vec![pattern("confirm"), pattern("date_*")],
            variants: vec!["two questions".into()],
            idle_timeout: Duration::from_secs(600),
            loop_threshold: 3,
        }]),
        campaigns,
        ..Trackers::default()
    }
}

fn id(journey: &str, version: &str) -> JourneyId {
    JourneyId {
        journey: journey.into(),
        version: version.into(),
    }
}

/// The first event of a change with these contents.
fn event(declared: Option<&Trackers>, value: &Value) -> Event {
    let mut value = value.clone();
    value["metadata"] =
        json!({"display_phone_number": "15550100199", "phone_number_id": "900100200300400"});
    let body = json!({
        "object": "whatsapp_business_account",
        "entry": [{"id": "800100200300400", "changes": [{"field": "messages", "value": value}]}],
    });
    let customers = customers();
    let hashers = Hashers {
        conversations: Some(&customers),
        declared,
        lanes: None,
    };
    let delivery = Delivery::parse_with(body.to_string().as_bytes(), RECEIVED_AT, hashers);
    delivery.expect("JSON").events.swap_remove(0)
}

fn update(event: Event) -> Update {
    match event.fact {
        Fact::Message(webhook) => webhook.update,
        other => panic!("{other:?}"),
    }
}

fn status(data: &Value) -> Value {
    json!({"statuses": [{
        "id": "wamid.OUT", "status": "sent", "timestamp": "1775000010",
        "recipient_id": "15550100111", "biz_opaque_callback_data": data,
    }]})
}

fn mark(data: impl Into<Value>) -> Option<Mark> {
    match update(event(Some(&declared()), &status(&data.into()))) {
        Update::Status { mark, .. } => mark,
        other => panic!("{other:?}"),
    }
}

fn ignored(why: IgnoredMark) -> Option<Mark> {
    Some(Mark {
        ignored: Some(why),
        ..Mark::default()
    })
}

fn place(id: JourneyId, step: Option<&str>, variant: Option<&str>, is_goal: bool) -> Mark {
    Mark {
        journey: Some(JourneyMark {
            id,
            step: step.map(Into::into),
            variant: variant.map(Into::into),
            is_goal,
            message: Some(customers().message("wamid.OUT")),
        }),
        ..Mark::default()
    }
}

#[test]
fn callback_data_names_the_step_of_a_message() {
    let booking = || id("booking", "2");
    let other = || id("other", "other");
    for (data, expected) in [
        (
            "journey=booking&step=date&variant=two+questions&version=2",
            place(booking(), Some("date"), Some("two questions"), false),
        ),
        (
            "order=4711&step=time&version=2&journey=booking&variant=two%20questions&goal=1",
            place(booking(), Some("time"), Some("two questions"), true),
        ),
        (
            "journey=booking&version=2&goal=1",
            place(booking(), None, None, true),
        ),
        (
            "journey=booking&version=2&step=size&variant=three",
            place(booking(), Some("other"), Some("other"), false),
        ),
        // The version of a journey is 1 if it is not given.
        (
            "journey=booking&step=date",
            place(other(), Some("other"), None, false),
        ),
        (
            "journey=booking&step=date&version=2&step=time&goal=yes",
            place(booking(), Some("date"), None, false),
        ),
    ] {
        assert_eq!(mark(data), Some(expected), "{data}");
    }
}

#[test]
fn callback_data_names_a_campaign_by_value_or_name() {
    let campaign = |name: &str| Mark {
        campaign: Some(name.into()),
        ..Mark::default()
    };
    assert_eq!(mark("spring-2026"), Some(campaign("spring")));
    assert_eq!(mark("campaign=spring-2026"), Some(campaign("spring")));
    assert_eq!(mark("x=1&campaign=spring"), Some(campaign("spring")));
    assert_eq!(mark("journey=x"), Some(campaign("looks like a mark")));
    let both = mark("campaign=spring&journey=booking&version=2&step=time");
    let step = place(id("booking", "2"), Some("time"), None, false);
    assert_eq!(
        both,
        Some(Mark {
            campaign: Some("spring".into()),
            ..step.clone()
        })
    );
    let half = mark("campaign=summer&journey=booking&version=2&step=time");
    assert_eq!(
        half,
        Some(Mark {
            ignored: Some(IgnoredMark::Undeclared),
            ..step
        })
    );
}

#[test]
fn other_callback_data_says_why_it_is_ignored() {
    for data in [
        "+44 7700 900123",
        "order=4711",
        "{\"journey\":\"booking\"}",
        "&&=&",
        "journey=",
        "%",
    ] {
        assert_eq!(mark(data), ignored(IgnoredMark::NoKnownKey), "{data}");
    }
    for data in [
        "journey=booking",
        "step=date",
        "goal=1",
        "variant=A",
        "journey=booking&goal=0",
    ] {
        assert_eq!(mark(data), ignored(IgnoredMark::Incomplete), "{data}");
    }
    assert_eq!(mark("campaign=summer"), ignored(IgnoredMark::Undeclared));
    let long = "journey=booking&step=date&x=".to_owned() + &"x".repeat(512);
    assert_eq!(mark(long), ignored(IgnoredMark::TooLong));
    assert_eq!(mark(4_711), ignored(IgnoredMark::NoKnownKey));
    for none in [
        json!(""),
        Value::Null,
        json!({"journey": "booking"}),
        json!([1]),
    ] {
        assert_eq!(mark(none.clone()), None, "{none}");
    }
}

fn message(parts: &Value) -> Value {
    let mut message = json!({
        "from": "15550100111", "id": "wamid.IN", "timestamp": "1775000020", "type": "text",
    });
    for (key, part) in parts.as_object().expect("parts") {
        message[key] = part.clone();
    }
    json!({ "messages": [message] })
}

fn context(declared: Option<&Trackers>, parts: &Value) -> MessageContext {
    match update(event(declared, &message(parts))) {
        Update::Received { context, .. } => context,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reply_names_its_message_and_the_declared_replies_that_it_matches() {
    let declared = declared();
    let choice = |parts: &Value| {
        let choice = context(Some(&declared), parts).choice;
        choice.map(|Choice(patterns)| {
            let texts = patterns.iter().map(|pattern| pattern.as_str().to_owned());
            texts.collect::<Vec<_>>()
        })
    };
    let reply = |kind: &str, key: &str, id: &str| json!({"type": "interactive", "interactive": {"type": kind, kind: {key: id, "title": "x"}}});
    for (parts, expected) in [
        (reply("button_reply", "id", "date_tomorrow"), vec!["date_*"]),
        (reply("list_reply", "id", "later"), vec!["later"]),
        (reply("nfm_reply", "name", "confirm"), vec!["confirm"]),
        (
            json!({"type": "button", "button": {"payload": "date_", "text": "x"}}),
            vec!["date_*"],
        ),
        (reply("button_reply", "id", "date"), vec![]),
        (reply("button_reply", "id", "Later"), vec![]),
        (reply("nfm_reply", "response_json", "confirm"), vec![]),
    ] {
        let is_named = parts["interactive"]["nfm_reply"]["response_json"].is_null();
        let expected = expected.into_iter().map(str::to_owned).collect();
        let expected: Option<Vec<String>> = is_named.then_some(expected);
        assert_eq!(choice(&parts), expected, "{parts}");
    }
    assert_eq!(choice(&json!({"text": {"body": "later"}})), None, "typed");
    assert_eq!(
        choice(&json!({"interactive": {"type": "call_permission_reply"}})),
        None
    );
    let named = json!({"context": {"from": "15550100199", "id": "wamid.OUT"}});
    let to = context(Some(&declared), &named).replies_to;
    assert_eq!(to, Some(customers().message("wamid.OUT")));
    let forwarded = json!({"context": {"forwarded": true}});
    assert_eq!(
        context(Some(&declared), &forwarded),
        MessageContext::default()
    );
    let nothing = Trackers::default();
    for undeclared in [None, Some(&nothing)] {
        assert_eq!(context(undeclared, &named), MessageContext::default());
    }
}

#[test]
fn a_referral_tells_where_the_customer_came_from() {
    let from = |word: &str| {
        let referral = json!({"referral": {
            "source_type": word, "source_id": "120210000000000001", "ctwa_clid": "Ag4secret",
            "source_url": "https://fb.me/secret", "headline": "Secret sale", "body": "Now",
        }});
        context(None, &referral).entry_point
    };
    assert_eq!(from("ad"), EntryPoint::Ad);
    assert_eq!(from("post"), EntryPoint::Post);
    assert_eq!(from("story"), EntryPoint::Other);
    assert_eq!(context(None, &json!({})).entry_point, EntryPoint::None);
}

/// Whatever a customer or sender writes, the event is free of it, and so is its stored form.
#[test]
fn nothing_that_was_written_is_in_an_event() {
    let secret = "sixteen-secrets";
    let declared = declared();
    let contents = [
        status(&json!(secret)),
        status(&json!(format!(
            "journey={secret}&step={secret}&variant={secret}&version={secret}"
        ))),
        status(&json!(format!(
            "journey=booking&version=2&step={secret}&note={secret}"
        ))),
        status(&json!(format!("campaign={secret}"))),
        message(&json!({"text": {"body": secret}, "context": {"id": secret}})),
        message(&json!({"type": "button", "button": {"payload": secret, "text": secret}})),
        message(
            &json!({"interactive": {"button_reply": {"id": format!("date_{secret}"), "title": secret}}}),
        ),
        message(
            &json!({"interactive": {"list_reply": {"id": secret, "title": secret, "description": secret}}}),
        ),
        message(
            &json!({"interactive": {"nfm_reply": {"name": secret, "body": secret, "response_json": secret}}}),
        ),
        message(
            &json!({"referral": {"source_type": "ad", "source_id": secret, "headline": secret, "ctwa_clid": secret}}),
        ),
    ];
    for content in contents {
        let event = event(Some(&declared), &content);
        let stored = serde_json::to_string(&event).expect("it has a stored form");
        for text in [format!("{event:?}"), stored] {
            assert!(!text.contains("secrets"), "{text}");
        }
    }
}
