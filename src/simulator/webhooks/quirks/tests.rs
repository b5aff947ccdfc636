//! Rates, and that every form occurs.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::simulator::change::{RestrictionNotice, WorldChange};
use crate::simulator::story::Story;
use crate::simulator::webhooks::TrafficGenerator;
use crate::simulator::world::World;

const START: i64 = 1_775_000_000;
const TURNS: i64 = 3_000;

/// The webhooks of the story and of a restriction of one kind.
fn played_story() -> Vec<Webhook> {
    let mut world = World::demo(1);
    let restricted = WorldChange::AccountRestricted {
        waba_id: "800100200300401".into(),
        restrictions: vec![RestrictionNotice {
            restriction_type: "RESTRICTED_BIZ_INITIATED_MESSAGING".into(),
            in_seconds: Some(60),
            as_text: false,
        }],
        as_single_object: false,
    };
    let story = Story::demo(1);
    let changes = story.beats.iter().flat_map(|beat| &beat.changes);
    changes
        .chain([&restricted])
        .flat_map(|change| world.apply(change, START).expect("it can happen"))
        .collect()
}

/// The story's webhooks and traffic.
fn webhooks() -> Vec<Webhook> {
    let world = World::demo(1);
    let mut traffic = TrafficGenerator::new(1);
    let traffic = (0..TURNS).filter_map(|turn| traffic.next(&world, START + turn));
    played_story().into_iter().chain(traffic).collect()
}

#[test]
fn nothing_is_unusual_at_rate_0() {
    let mut quirks = Quirks::new(1, 0.0);
    assert_eq!(quirks.apply(webhooks()), webhooks());
    assert!((0..100).all(|_| quirks.envelope() == EnvelopeForm::Usual));
    assert_eq!(Quirks::new(1, f64::NAN).rate(), 0.0);
    assert_eq!(Quirks::new(1, 7.0).rate(), 1.0);
}

#[test]
fn every_form_occurs_at_rate_1() {
    let mut quirks = Quirks::new(1, 1.0);
    quirks.apply(webhooks());
    // Some webhooks of the story have more forms than occurrences.
    (0..3).for_each(|_| drop(quirks.apply(played_story())));
    let used: BTreeSet<&str> = quirks.uses.keys().copied().collect();
    let all = message::QUIRKS.iter().chain(management::QUIRKS);
    let all: BTreeSet<&str> = all.map(|(name, _)| *name).collect();
    assert_eq!(used, all);
    let envelopes: Vec<EnvelopeForm> = (0..5).map(|_| quirks.envelope()).collect();
    assert!(
        EnvelopeForm::UNUSUAL
            .iter()
            .all(|form| envelopes.contains(form))
    );
}

#[test]
fn the_rate_is_the_share_of_unusual_webhooks_and_the_seed_decides_which() {
    let mut quirks = Quirks::new(7, 0.05);
    let sent = quirks.apply(webhooks());
    assert_eq!(sent, Quirks::new(7, 0.05).apply(webhooks()));
    assert_ne!(sent, Quirks::new(8, 0.05).apply(webhooks()));
    let usual: BTreeSet<String> = webhooks().iter().map(text).collect();
    let unusual = sent
        .iter()
        .filter(|webhook| !usual.contains(&text(webhook)));
    let share = unusual.count() as f64 / sent.len() as f64;
    assert!((0.03..0.07).contains(&share), "{share}");
}

fn text(webhook: &Webhook) -> String {
    format!("{}{}", webhook.field, webhook.value)
}

#[test]
fn a_distorted_webhook_keeps_its_account_and_its_items() {
    for webhook in webhooks() {
        let mut distorted = Quirks::new(1, 1.0).apply(vec![webhook.clone()]);
        let first = distorted.remove(0);
        assert_eq!(first.entry_id, webhook.entry_id);
        for key in ["messages", "statuses", "message_echoes"] {
            assert_eq!(count(&first.value[key]), count(&webhook.value[key]));
        }
    }
}

/// Elements of a list; a single object counts as one.
fn count(items: &Value) -> usize {
    match items {
        Value::Array(items) => items.len(),
        Value::Object(_) => 1,
        _ => 0,
    }
}
