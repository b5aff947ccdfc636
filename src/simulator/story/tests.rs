//! The demo's story as a whole: repeatable, complete, and healthy at its end.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::simulator::change::Webhook;
use crate::simulator::webhooks::{Travel, is_wanted};

const START: i64 = 1_774_000_000;

/// Plays one round in simulated time, starting from `world`.
fn played(story: &Story, world: &mut World) -> Vec<(Duration, Webhook)> {
    let mut webhooks = Vec::new();
    for beat in &story.beats {
        let now = START + i64::try_from(beat.at.as_secs()).expect("a short story");
        let is_received = !matches!(beat.travel, Travel::Lost | Travel::WrongSignature);
        for change in &beat.changes {
            let sent = world
                .apply(change, now)
                .unwrap_or_else(|error| panic!("{}: {error}", beat.line));
            let received = sent
                .into_iter()
                .filter(|webhook| is_received && is_wanted(world, webhook));
            webhooks.extend(received.map(|webhook| (beat.at, webhook)));
        }
    }
    webhooks
}

/// The world without its dates and its history.
fn timeless(mut world: World) -> World {
    world.app.token = crate::simulator::world::Token::new("");
    for account in world.accounts.values_mut() {
        account.ban_state = None;
        account.ban_date = None;
    }
    world
        .phone_numbers
        .values_mut()
        .for_each(|number| number.last_onboarded_time = 0);
    world
        .templates
        .values_mut()
        .for_each(|template| template.quality_date = 0);
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn the_same_seed_gives_the_same_worlds_and_webhooks_and_every_round_ends_healthy(seed in any::<u64>()) {
        let (mut first, mut second) = (World::demo(seed), World::demo(seed));
        prop_assert_eq!(played(&Story::demo(seed), &mut first), played(&Story::demo(seed), &mut second));
        prop_assert_eq!(&first, &second);
        prop_assert_eq!(timeless(first.clone()), timeless(World::demo(seed)));
        played(&Story::demo(seed), &mut first);
        prop_assert_eq!(timeless(first), timeless(World::demo(seed)));
    }
}

#[test]
fn beats_are_in_order_and_end_before_the_story_does() {
    let story = Story::demo(1);
    assert!(story.beats.is_sorted_by_key(|beat| beat.at));
    assert!(
        story
            .beats
            .last()
            .is_some_and(|beat| beat.at < story.length)
    );
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one list of what the story must show"
)]
fn every_kind_of_event_occurs_within_ninety_seconds() {
    let webhooks = played(&Story::demo(1), &mut World::demo(1));
    let seen: BTreeSet<String> = webhooks
        .iter()
        .filter(|(at, _)| *at <= Duration::from_secs(90))
        .map(|(_, webhook)| {
            format!(
                "{}:{}",
                webhook.field,
                webhook.value["event"].as_str().unwrap_or_default()
            )
        })
        .collect();
    let expected: &[(&str, &[&str])] = &[
        (
            "phone_number_quality_update",
            &[
                "FLAGGED",
                "UNFLAGGED",
                "UPGRADE",
                "DOWNGRADE",
                "ONBOARDING",
                "THROUGHPUT_UPGRADE",
            ],
        ),
        (
            "message_template_status_update",
            &[
                "APPROVED",
                "ARCHIVED",
                "UNARCHIVED",
                "DELETED",
                "DISABLED",
                "FLAGGED",
                "IN_APPEAL",
                "LIMIT_EXCEEDED",
                "LOCKED",
                "PAUSED",
                "PENDING",
                "PENDING_DELETION",
                "REINSTATED",
                "REJECTED",
            ],
        ),
        (
            "account_update",
            &[
                "ACCOUNT_RESTRICTION",
                "ACCOUNT_VIOLATION",
                "DISABLED_UPDATE",
                "VERIFIED_ACCOUNT",
                "ACCOUNT_OFFBOARDED",
                "PARTNER_REMOVED",
            ],
        ),
        ("message_template_quality_update", &[""]),
        ("template_category_update", &[""]),
        ("message_template_components_update", &[""]),
        ("template_correct_category_detection", &[""]),
        ("business_capability_update", &[""]),
        ("phone_number_name_update", &[""]),
        ("account_review_update", &[""]),
        ("account_alerts", &[""]),
        ("security", &["PIN_CHANGED"]),
    ];
    for (field, events) in expected {
        for event in *events {
            assert!(
                seen.contains(&format!("{field}:{event}")),
                "{field} {event} is missing"
            );
        }
    }
}

#[test]
fn every_kind_of_delivery_occurs() {
    let story = Story::demo(1);
    for travel in [
        Travel::Lost,
        Travel::Repeated,
        Travel::WrongSignature,
        Travel::Late { seconds: 6 },
    ] {
        assert!(
            story.beats.iter().any(|beat| beat.travel == travel),
            "{travel:?} is missing"
        );
    }
}
