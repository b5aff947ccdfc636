//! The library as an application behind the relay.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use whatsapp_business_exporter::simulator::{DeliveryState, World};

use super::script;
use crate::exporter::meta::{Exporter, SELDOM, config_file};
use crate::exporter::unusual::play_story;
use crate::process::Process;

/// Webhooks of traffic: enough for each kind to occur.
const TRAFFIC: usize = 900;

/// Words that pywa 4.5 reads as UNKNOWN: some of Meta, and an invented one.
const NEW_WORDS: [&str; 5] = [
    "AccountUpdateEvent value: 'PARTNER_CLIENT_CERTIFICATION_NEEDED'",
    "AccountUpdateEvent value: 'VERIFIED_ACCOUNT'",
    "PricingCategory value: 'authentication-international'",
    "PricingType value: 'free_group_customer_service'",
    "TemplateStatus value: 'MARINATED'",
];

/// Types to which the library parses the webhooks. Each occurs.
const CLASSES: [&str; 14] = [
    "AccountUpdate",
    "CallTerminate",
    "DeletedMessage",
    "EditedMessage",
    "GroupMessageStatuses",
    "Message",
    "MessageStatus",
    "OutgoingMessage",
    "PhoneNumberChange",
    "TemplateCategoryUpdate",
    "TemplateComponentsUpdate",
    "TemplateQualityUpdate",
    "TemplateStatusUpdate",
    "UserMarketingPreferences",
];

/// The report of `receiver.py`.
#[derive(Deserialize)]
struct Report {
    deliveries: usize,
    refused: usize,
    understood: BTreeMap<String, u64>,
    raw: BTreeMap<String, u64>,
    unknown_words: BTreeMap<String, u64>,
    failures: Vec<String>,
}

async fn report(url: &str) -> Report {
    let answer = reqwest::get(url).await.expect("the receiver answers");
    let bytes = answer.bytes().await.expect("a body");
    serde_json::from_slice(&bytes).expect("a report")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_library_understands_a_whole_story_through_the_relay() {
    let world = World::demo(1);
    let accounts: Vec<&str> = world.accounts.keys().map(String::as_str).collect();
    let mut receiver = script("receiver.py");
    receiver.args([&world.app.secret, &world.app.verify_token]);
    let receiver = Process::start(&mut receiver).expect("Python starts");
    let address = receiver.address_after("listening on http://");
    let url = format!("http://{address}/");
    let relay = format!("relay:\n  upstreams:\n    - name: library\n      url: {url}\n");
    let file = config_file(SELDOM, &accounts) + &relay;
    let exporter = Exporter::configured(world.clone(), &file).await;

    play_story(&exporter, TRAFFIC);
    exporter.meta.settled().await;
    let deliveries = exporter.meta.deliveries();
    let is_accepted = |state| state == DeliveryState::Delivered;
    let accepted = deliveries.iter().filter(|it| is_accepted(it.state));
    let attempts: usize = accepted.map(|delivery| delivery.attempts.len()).sum();
    let mut read = report(&url).await;
    for _ in 0..4_800 {
        if read.deliveries >= attempts {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        read = report(&url).await;
    }

    assert!(read.failures.is_empty(), "{:#?}", read.failures);
    assert_eq!((read.deliveries, read.refused), (attempts, 0));
    let understood: Vec<&str> = read.understood.keys().map(String::as_str).collect();
    assert_eq!(understood, CLASSES);
    let words = read.unknown_words.keys();
    let words: Vec<&str> = words
        .map(|word| word.trim_start_matches("Unknown ").trim())
        .collect();
    assert_eq!(words, NEW_WORDS);
    assert!(read.raw.contains_key("standby"), "{:?}", read.raw);
}
