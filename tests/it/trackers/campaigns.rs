//! Declared campaigns: each message and stage counts once, replies and opt-outs count for the campaign delivered last, over
//! all numbers and across restarts, and undeclared values appear nowhere.

mod restart;

use std::sync::Arc;

use serde_json::{Value, json};
use whatsapp_business_exporter::domain::campaign::{CallbackData, Campaigns};
use whatsapp_business_exporter::domain::track::Trackers;
use whatsapp_business_exporter::domain::{Event, Fact, Source, Timestamp, WabaId};
use whatsapp_business_exporter::ingest::webhook::{Delivery, Hashers};
use whatsapp_business_exporter::ingest::{CustomerHasher, CustomerKey};
use whatsapp_business_exporter::state::State;

use crate::support::{EPOCH_SECONDS, samples, text_at};

const USER: &str = "US.13000000000000000001";

const TELEPHONE: &str = "15550177342";

/// A webhook of this field for one number, with one item of this list.
fn webhook(waba_id: &str, number: &str, field: &str, list: &str, item: &Value) -> Vec<u8> {
    let metadata = json!({"display_phone_number": "15550100199", "phone_number_id": number});
    let items = json!([item]);
    let value = if field == "standby" {
        json!({"metadata": metadata, "standby": {list: items}})
    } else {
        json!({"metadata": metadata, list: items})
    };
    let changes = json!([{"field": field, "value": value}]);
    let entry = json!([{"id": waba_id, "changes": changes}]);
    let body = json!({"object": "whatsapp_business_account", "entry": entry});
    serde_json::to_vec(&body).expect("JSON")
}

fn status(id: &str, status: &str, data: &str, at: i64) -> Value {
    json!({"id": id, "status": status, "timestamp": at.to_string(), "recipient_id": TELEPHONE,
        "recipient_user_id": USER, "biz_opaque_callback_data": data})
}

fn message(id: &str, at: i64) -> Value {
    json!({"id": id, "from_user_id": USER, "timestamp": at.to_string(), "type": "text"})
}

fn stop(at: i64) -> Value {
    json!({"wa_id": TELEPHONE, "category": "marketing_messages", "value": "stop", "timestamp": at})
}

/// A state that receives webhooks, as in a process whose clock the test sets.
struct Receiver {
    state: State,
    customers: CustomerHasher,
}

impl Receiver {
    fn new() -> Self {
        let mut campaigns = Campaigns::default();
        for value in ["spring", "spring-de"] {
            let value = CallbackData::new(value).expect("short");
            campaigns.declare(value, "spring");
        }
        let mut state = State::default();
        let accounts = ["800100200300400", "800100200300401"];
        state.watch(accounts.map(|id| WabaId::parse(id).expect("digits")));
        state.track(Arc::new(Trackers {
            campaigns,
            ..Trackers::default()
        }));
        let key = CustomerKey::from_app_secret(&"0123456789abcdef".into());
        Self {
            state,
            customers: CustomerHasher::new(&key),
        }
    }

    fn receive(&mut self, body: &[u8], at: i64) {
        let received_at = Timestamp::from_seconds(at);
        let hashers = Hashers {
            conversations: Some(&self.customers),
            declared: Some(self.state.trackers()),
            lanes: None,
        };
        let delivery = Delivery::parse_with(body, received_at, hashers).expect("JSON");
        for event in delivery.events {
            self.state.apply(&event);
        }
    }

    /// The metrics a day later.
    fn text(&mut self) -> String {
        let later = Timestamp::from_seconds(EPOCH_SECONDS + 100 * 86_400);
        let accounts: Vec<WabaId> = self.state.accounts().keys().cloned().collect();
        for waba_id in accounts {
            self.state.apply(&Event {
                waba_id,
                observed_at: later,
                source: Source::Poll,
                fact: Fact::TimePassed,
            });
        }
        text_at(self.state.accounts(), later)
    }

    /// The stages of the campaign that have occurred.
    fn stages(&mut self) -> Vec<String> {
        stages(&self.text())
    }
}

fn stages(text: &str) -> Vec<String> {
    let family = "whatsapp_campaign_messages_total";
    let samples = samples(text, family).into_iter();
    let occurred = samples.filter(|sample| !sample.ends_with(" 0"));
    let short = |sample: &str| {
        let (labels, count) = sample.rsplit_once(' ').expect("a sample");
        let stage = labels.split("stage=\"").nth(1).expect("a stage");
        format!("{} {count}", stage.trim_end_matches("\"}"))
    };
    occurred.map(short).collect()
}

const ONE: (&str, &str) = ("800100200300400", "900100200300400");

const OTHER: (&str, &str) = ("800100200300401", "900100200300401");

#[test]
fn a_declared_campaign_has_its_series_from_the_start() {
    let text = Receiver::new().text();
    let messages = samples(&text, "whatsapp_campaign_messages_total");
    let stages = [
        "delivered",
        "failed",
        "opted_out",
        "read",
        "replied",
        "sent",
    ];
    let expected = stages.map(|stage| {
        format!(r#"whatsapp_campaign_messages_total{{campaign="spring",stage="{stage}"}} 0"#)
    });
    assert_eq!(messages, expected);
    let failures = samples(&text, "whatsapp_campaign_failures_total");
    assert_eq!(failures.len(), 7, "{failures:?}");
    assert!(failures.iter().all(|sample| sample.ends_with(" 0")));
}

#[test]
fn numbers_and_accounts_and_values_of_one_campaign_are_one_series() {
    let mut receiver = Receiver::new();
    for ((waba_id, number), data, id) in [
        (ONE, "spring", "wamid.A"),
        (ONE, "spring-de", "wamid.B"),
        (OTHER, "spring", "wamid.C"),
        (OTHER, "undeclared-4711", "wamid.D"),
        (OTHER, "", "wamid.E"),
    ] {
        let item = status(id, "sent", data, EPOCH_SECONDS);
        // A retry counts once.
        for _ in 0..2 {
            let body = webhook(waba_id, number, "messages", "statuses", &item);
            receiver.receive(&body, EPOCH_SECONDS + 1);
        }
    }
    let text = receiver.text();
    assert_eq!(stages(&text), ["sent 3"]);
    assert!(!text.contains("undeclared-4711"));
}

#[test]
fn standby_counts_as_messages_do() {
    let mut receiver = Receiver::new();
    let (waba_id, number) = ONE;
    let item = status("wamid.A", "delivered", "spring", EPOCH_SECONDS);
    let body = webhook(waba_id, number, "standby", "statuses", &item);
    receiver.receive(&body, EPOCH_SECONDS + 1);
    let body = webhook(
        waba_id,
        number,
        "messages",
        "messages",
        &message("wamid.I", EPOCH_SECONDS + 9),
    );
    receiver.receive(&body, EPOCH_SECONDS + 10);
    assert_eq!(receiver.stages(), ["delivered 1", "replied 1"]);
}

#[test]
fn failures_count_by_code() {
    let mut receiver = Receiver::new();
    let (waba_id, number) = ONE;
    for (id, code) in [
        ("wamid.A", 131_049),
        ("wamid.B", 131_049),
        ("wamid.C", 131_026),
    ] {
        let mut item = status(id, "failed", "spring", EPOCH_SECONDS);
        item["errors"] = json!([{"code": code}]);
        let body = webhook(waba_id, number, "messages", "statuses", &item);
        receiver.receive(&body, EPOCH_SECONDS + 1);
    }
    let text = receiver.text();
    assert_eq!(stages(&text), ["failed 3"]);
    let failures = samples(&text, "whatsapp_campaign_failures_total");
    let occurred = failures
        .into_iter()
        .filter(|sample| !sample.ends_with(" 0"));
    let expected = [("131026", 1), ("131049", 2)].map(|(code, count)| {
        format!(
            r#"whatsapp_campaign_failures_total{{campaign="spring",error_code="{code}"}} {count}"#
        )
    });
    assert_eq!(occurred.collect::<Vec<_>>(), expected);
}

/// Webhooks of one customer, each with its time: a campaign, an answer, and an opt-out.
fn story() -> Vec<(i64, Vec<u8>)> {
    let (waba_id, number) = ONE;
    let body = |list: &str, item: &Value| {
        let field = if list == "user_preferences" {
            list
        } else {
            "messages"
        };
        webhook(waba_id, number, field, list, item)
    };
    let at = |seconds: i64| EPOCH_SECONDS + seconds;
    vec![
        (
            0,
            body("statuses", &status("wamid.A", "sent", "spring", at(0))),
        ),
        (
            1,
            body("statuses", &status("wamid.A", "delivered", "spring", at(1))),
        ),
        (
            4,
            body("statuses", &status("wamid.A", "read", "spring", at(4))),
        ),
        (20, body("messages", &message("wamid.I", at(20)))),
        (21, body("messages", &message("wamid.J", at(21)))),
        (30, body("user_preferences", &stop(at(30)))),
    ]
}

#[test]
fn disorder_and_repetition_within_the_buffer_change_nothing() {
    let expected = [
        "delivered 1",
        "opted_out 1",
        "read 1",
        "replied 1",
        "sent 1",
    ];
    for seed in 0..50 {
        let mut receiver = Receiver::new();
        let mut random = fastrand::Rng::with_seed(seed);
        let mut arrivals = [story(), story()].concat();
        random.shuffle(&mut arrivals);
        // All within the minute in which disorder is sorted.
        for (_, body) in arrivals {
            receiver.receive(&body, EPOCH_SECONDS + 40);
        }
        assert_eq!(receiver.stages(), expected, "seed {seed}");
    }
}

#[test]
fn a_reply_a_day_later_and_an_opt_out_three_days_later_are_too_late() {
    let (waba_id, number) = ONE;
    let day = 86_400;
    let delivered = status("wamid.A", "delivered", "spring", EPOCH_SECONDS);
    for (replied, stopped, expected) in [
        (
            day,
            3 * day,
            vec!["delivered 1", "opted_out 1", "replied 1"],
        ),
        (day + 1, 3 * day + 1, vec!["delivered 1"]),
    ] {
        let mut receiver = Receiver::new();
        let body = webhook(waba_id, number, "messages", "statuses", &delivered);
        receiver.receive(&body, EPOCH_SECONDS + 1);
        let at = EPOCH_SECONDS + replied;
        let body = webhook(
            waba_id,
            number,
            "messages",
            "messages",
            &message("wamid.I", at),
        );
        receiver.receive(&body, at);
        let at = EPOCH_SECONDS + stopped;
        let body = webhook(
            waba_id,
            number,
            "user_preferences",
            "user_preferences",
            &stop(at),
        );
        receiver.receive(&body, at);
        assert_eq!(receiver.stages(), expected, "{replied} s");
    }
}
