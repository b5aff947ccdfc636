//! Webhooks in unusual forms: none is rejected, and no fact is lost.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;
use whatsapp_business_exporter::domain::Timestamp;
use whatsapp_business_exporter::ingest::webhook::Delivery;
use whatsapp_business_exporter::simulator::webhooks::{Outbox, Quirks, TrafficGenerator};
use whatsapp_business_exporter::simulator::{DeliveryState, Retries, Story, Travel, World};

use super::meta::{Exporter, SELDOM, config_file, this_second};

/// Webhooks of traffic: enough for each kind and each form to occur.
const TRAFFIC: usize = 900;

const DAY_SECONDS: i64 = 86_400;

/// Series of webhooks that accompany another one: unknown words, and an error without a message.
const BESIDE: [&str; 2] = [r#""OTHER""#, r#""130429""#];

fn now() -> i64 {
    i64::try_from(this_second()).expect("a clock before the year 292 billion")
}

/// Plays the demo's story at once, with a webhook of traffic before each event, then `traffic` more.
pub fn play_story(exporter: &Exporter, traffic: usize) {
    let mut generator = TrafficGenerator::new(1);
    let now = now();
    let mut send = || {
        let webhook = exporter.meta.look(|world| generator.next(world, now));
        exporter.meta.send(webhook.as_slice());
    };
    for beat in Story::demo(1).beats {
        send();
        let played = exporter.meta.change_all(&beat.changes, beat.travel);
        played.unwrap_or_else(|error| panic!("{}: {error}", beat.line));
    }
    (0..traffic).for_each(|_| send());
}

/// Facts of the story's webhooks, by POST, at this rate of unusual forms.
fn facts_of_the_story(quirks: f64) -> Vec<Vec<String>> {
    let mut world = World::demo(1);
    let mut outbox = Outbox::new(Retries::default(), 1.0, Quirks::new(1, quirks));
    // Midnight, because dates in prose have no time.
    let at = now() / DAY_SECONDS * DAY_SECONDS;
    for beat in Story::demo(1).beats {
        let applied = beat.changes.iter().flat_map(|change| {
            let webhooks = world.apply(change, at);
            webhooks.unwrap_or_else(|error| panic!("{}: {error}", beat.line))
        });
        let webhooks: Vec<_> = applied.collect();
        outbox.post(&world, &webhooks, Travel::Sent, at, Instant::now());
    }
    let receipt = Timestamp::from_seconds(at);
    let bodies = outbox.deliveries().into_iter();
    let read = bodies.map(|delivery| {
        let parsed = Delivery::parse(delivery.body.as_bytes(), receipt, None);
        let events = parsed.expect("JSON").events;
        let facts = events.iter().map(|event| {
            // Meta also writes languages without the country.
            format!("{} {:?}", event.waba_id, event.fact).replace("en_US", "en")
        });
        facts.collect()
    });
    read.collect()
}

#[test]
fn the_story_means_the_same_in_unusual_forms() {
    let (usual, unusual) = (facts_of_the_story(0.0), facts_of_the_story(1.0));
    assert!(usual.len() > 50, "hardly a story");
    assert_eq!(usual.len(), unusual.len());
    for (usual, unusual) in usual.iter().zip(&unusual) {
        assert_eq!(unusual, usual);
    }
}

/// An exporter that tracks messages, after the story at this rate of unusual forms.
async fn after_the_story(quirks: f64) -> Exporter {
    let world = World::demo(1);
    let accounts: Vec<&str> = world.accounts.keys().map(String::as_str).collect();
    let file = config_file(SELDOM, &accounts) + "trackers: {}\n";
    let exporter = Exporter::configured(world.clone(), &file).await;
    for waba_id in accounts {
        for collector in ["numbers", "account", "templates"] {
            exporter.until_polled(waba_id, collector).await;
        }
    }
    exporter.meta.set_quirks(quirks);
    play_story(&exporter, TRAFFIC);
    exporter.meta.settled().await;
    exporter
}

/// Counters of messages and statuses, by series. The category of a status is that of its price, which not every form
/// contains: all categories are counted together.
fn message_samples(text: &str) -> BTreeMap<String, f64> {
    let names = [
        "whatsapp_messages_received_total{",
        "whatsapp_message_statuses_total{",
        "whatsapp_message_failures_total{",
    ];
    let mut samples = BTreeMap::new();
    for (series, value) in text.lines().filter_map(|line| line.rsplit_once(' ')) {
        if names.iter().any(|name| series.starts_with(name)) {
            let series = series.split(",category=").next().unwrap_or(series);
            let value: f64 = value.parse().expect("a number");
            *samples.entry(series.to_owned()).or_default() += value;
        }
    }
    samples
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_of_unusual_webhooks_and_none_is_rejected() {
    let (usual, unusual) = tokio::join!(after_the_story(0.0), after_the_story(1.0));
    let deliveries = unusual.meta.deliveries();
    let sent = deliveries
        .iter()
        .filter(|delivery| !matches!(delivery.travel, Travel::Lost | Travel::WrongSignature));
    for delivery in sent {
        assert_eq!(
            delivery.state,
            DeliveryState::Delivered,
            "{}",
            delivery.body
        );
    }
    let text = unusual.get("/metrics").await;
    let rejections = "whatsapp_exporter_webhook_rejected_total{";
    let reasons: BTreeSet<&str> = text
        .lines()
        .filter(|line| line.starts_with(rejections) && !line.ends_with(" 0"))
        .collect();
    // The story contains one forged webhook.
    let forged = format!(r#"{rejections}reason="bad_signature"}} 1"#);
    assert_eq!(reasons, BTreeSet::from([forged.as_str()]));

    let malformed = "whatsapp_exporter_malformed_values_total{";
    let malformed = text.lines().find(|line| line.starts_with(malformed));
    assert_eq!(malformed, None);
    let (usual, unusual) = (
        message_samples(&usual.get("/metrics").await),
        message_samples(&text),
    );
    assert!(usual.values().sum::<f64>() > TRAFFIC as f64, "{usual:?}");
    for series in usual.keys().chain(unusual.keys()) {
        let [usual, unusual] =
            [&usual, &unusual].map(|samples| samples.get(series).copied().unwrap_or_default());
        let is_beside = BESIDE.iter().any(|word| series.contains(word));
        if is_beside {
            assert!(usual <= unusual, "{series}: {usual} and {unusual}");
        } else {
            assert_eq!(usual, unusual, "{series}");
        }
    }
}
