//! The sequence as a whole: repeatable, complete, and in their current form.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

const START: i64 = 1_775_000_000;

fn play(seed: u64, turns: i64) -> Vec<Webhook> {
    let world = World::demo(1);
    let mut traffic = TrafficGenerator::new(seed);
    (0..turns)
        .filter_map(|turn| traffic.next(&world, START + turn))
        .collect()
}

/// Messages or statuses of a webhook, inside `standby` as well.
fn items<'a>(webhook: &'a Webhook, key: &str) -> Vec<&'a Value> {
    let lists = [&webhook.value[key], &webhook.value["standby"][key]];
    lists
        .into_iter()
        .filter_map(Value::as_array)
        .flatten()
        .collect()
}

#[test]
fn a_conversation_has_messages_and_statuses_and_repeats_with_its_seed() {
    let webhooks = play(5, 40);
    assert_eq!(webhooks, play(5, 40));
    assert_ne!(webhooks, play(6, 40));
    let states: Vec<&str> = webhooks
        .iter()
        .map(|webhook| {
            webhook.value["statuses"][0]["status"]
                .as_str()
                .unwrap_or("inbound")
        })
        .collect();
    assert_eq!(states[..4], ["inbound", "sent", "delivered", "read"]);
    assert_eq!(
        webhooks[1].value["statuses"][0]["id"],
        webhooks[3].value["statuses"][0]["id"]
    );
}

#[test]
fn every_kind_of_traffic_occurs_and_the_normal_course_prevails() {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for webhook in play(1, 4_000) {
        let messages = items(&webhook, "messages");
        let statuses = items(&webhook, "statuses");
        let words = messages.iter().map(|message| &message["type"]);
        let words = words.chain(statuses.iter().map(|status| &status["status"]));
        for word in words {
            let key = format!("{}:{}", webhook.field, word.as_str().expect("text"));
            *kinds.entry(key).or_default() += 1;
        }
        *kinds.entry(webhook.field).or_default() += 1;
    }
    for rare in [
        "messages:edit",
        "messages:revoke",
        "messages:system",
        "messages:failed",
        "smb_message_echoes",
        "standby:text",
        "standby:delivered",
    ] {
        let count = kinds.get(rare).copied().unwrap_or_default();
        assert!((1..400).contains(&count), "{rare}: {count}");
    }
    assert!(kinds["messages:text"] > 700 && kinds["messages:read"] > 500);
}

#[test]
fn user_ids_are_everywhere_and_telephone_numbers_are_not() {
    let (mut told, mut hidden, mut known) = (0, 0, 0);
    for webhook in play(2, 4_000) {
        for message in items(&webhook, "messages") {
            assert!(message["from_user_id"].is_string(), "{message}");
            *(if message["from"].is_string() {
                &mut told
            } else {
                &mut hidden
            }) += 1;
        }
        for status in items(&webhook, "statuses") {
            let has = |key: &str| status[key].is_string();
            match (status["status"].as_str(), status["recipient_type"].as_str()) {
                (Some("failed"), _) => {
                    assert!(has("recipient_id") != has("recipient_user_id"), "{status}");
                    let contact = &webhook.value["contacts"][0];
                    assert_eq!(contact["wa_id"].is_string(), has("recipient_id"));
                    assert_eq!(contact["user_id"].is_string(), has("recipient_user_id"));
                }
                (_, Some("group")) => assert!(has("recipient_participant_user_id"), "{status}"),
                _ => {
                    assert!(has("recipient_user_id"), "{status}");
                    let contact = &webhook.value["contacts"][0];
                    let is_known =
                        contact["wa_id"].is_string() && contact["profile"]["username"].is_string();
                    known += usize::from(is_known);
                }
            }
        }
    }
    assert!(told > 2 * hidden && hidden > 100 && known > 50);
}

#[test]
fn a_customer_with_new_ids_keeps_using_them() {
    let mut previous: BTreeSet<String> = BTreeSet::new();
    for webhook in play(3, 8_000) {
        for message in items(&webhook, "messages") {
            let from = message["from_user_id"].as_str().expect("text");
            assert!(!previous.contains(from), "{message}");
            if message["type"] == "system" {
                assert_ne!(message["from"], message["system"]["wa_id"]);
                previous.insert(from.to_owned());
            }
        }
        for status in items(&webhook, "statuses") {
            let to = status["recipient_user_id"].as_str().unwrap_or_default();
            assert!(!previous.contains(to), "{status}");
        }
    }
    assert!(previous.len() > 10);
}

#[test]
fn each_message_is_priced_alike_in_all_its_statuses_and_every_type_occurs() {
    let mut prices: BTreeMap<String, Value> = BTreeMap::new();
    let mut types = BTreeSet::new();
    for webhook in play(4, 8_000) {
        for status in items(&webhook, "statuses") {
            let Some(price) = status.get("pricing") else {
                continue;
            };
            let id = status["id"].as_str().expect("text").to_owned();
            let first = prices.entry(id).or_insert_with(|| price.clone());
            assert_eq!(first, price);
            types.insert(price["type"].as_str().expect("text").to_owned());
        }
    }
    let expected = [
        "free_customer_service",
        "free_entry_point",
        "free_group_customer_service",
        "regular",
    ];
    assert_eq!(types.into_iter().collect::<Vec<_>>(), expected);
}
