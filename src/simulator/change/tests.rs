//! The world after a change, and the webhooks that the change sends.

mod examples;

use serde_json::{Value, json};

use super::*;

const NOW: i64 = 1_774_000_000;
const WABA: &str = "800100200300400";
const NUMBER: &str = "900100200300400";
const TEMPLATE: &str = "7001002003004005";

fn world() -> World {
    World::empty()
        .with_account(Account::new(WABA, "Fern & Moss"))
        .with_phone_number(
            WABA,
            PhoneNumber::new(NUMBER, "+1 555-010-0199", "Fern & Moss"),
        )
        .with_template(WABA, Template::new(TEMPLATE, "spring_offer"))
}

#[test]
fn a_lapsed_flag_lowers_the_limit_and_a_lifted_one_does_not() {
    let mut world = world();
    let flag = WorldChange::NumberFlagged {
        phone_number_id: NUMBER.into(),
    };
    world.apply(&flag, NOW).expect("it can happen");
    assert_eq!(world.phone_numbers[NUMBER].status, "FLAGGED");
    let lifted = WorldChange::NumberUnflagged {
        phone_number_id: NUMBER.into(),
        quality_rating: "YELLOW".into(),
    };
    world.apply(&lifted, NOW).expect("it can happen");
    assert_eq!(
        world.phone_numbers[NUMBER].messaging_limit_tier.as_deref(),
        Some("TIER_10K")
    );
    let lapsed = WorldChange::NumberFlagLapsed {
        phone_number_id: NUMBER.into(),
        limit: "TIER_1K".into(),
    };
    world.apply(&lapsed, NOW).expect("it can happen");
    assert_eq!(
        world.phone_numbers[NUMBER].messaging_limit_tier.as_deref(),
        Some("TIER_1K")
    );
    assert_eq!(world.phone_numbers[NUMBER].status, "CONNECTED");
}

#[test]
fn ratings_and_statuses_change_without_a_webhook() {
    let change = WorldChange::QualityRatingChanged {
        phone_number_id: NUMBER.into(),
        quality_rating: "RED".into(),
    };
    assert_eq!(world().apply(&change, NOW), Ok(Vec::new()));
}

#[test]
fn a_change_of_a_missing_node_is_refused_and_changes_nothing() {
    let mut world = world();
    let change = WorldChange::TemplateDisabled {
        template_id: "1".into(),
    };
    let error = world
        .apply(&change, NOW)
        .expect_err("there is no such template");
    assert_eq!(
        error.to_string(),
        "there is no message template with id 1 in the simulated world"
    );
    assert_eq!(world, self::world());
}

#[test]
fn an_override_moves_messages_and_nothing_else() {
    let mut world = world();
    world.app.callback_url = Some("https://watch.example/".into());
    let sent = |world: &World, entry_id: &str, field: &str| {
        let value = json!({"metadata": {"phone_number_id": NUMBER}});
        let webhook = webhook(entry_id, field, value).remove(0);
        crate::simulator::webhooks::is_wanted(world, &webhook)
    };
    assert!(sent(&world, WABA, "messages"));
    let elsewhere = Some("https://crm.example/".to_owned());
    let change = WorldChange::AccountCallbackOverridden {
        waba_id: WABA.into(),
        callback_url: elsewhere,
    };
    assert_eq!(world.apply(&change, NOW), Ok(vec![]));
    assert!(!sent(&world, WABA, "messages"));
    assert!(sent(&world, WABA, "account_update"));
    // The override of the number comes first.
    let change = WorldChange::NumberCallbackOverridden {
        phone_number_id: NUMBER.into(),
        callback_url: world.app.callback_url.clone(),
    };
    assert_eq!(world.apply(&change, NOW), Ok(vec![]));
    assert!(sent(&world, WABA, "messages"));
}

#[test]
fn a_shared_number_is_listed_by_both_accounts_until_it_is_removed() {
    let mut world = world().with_account(Account::new("800", "Reseller"));
    let shared = |waba_id: &str, is_shared| WorldChange::NumberShared {
        phone_number_id: NUMBER.into(),
        waba_id: waba_id.into(),
        is_shared,
    };
    let listed = |world: &World| {
        ["800", WABA].map(|id| {
            world.accounts[id]
                .phone_number_ids
                .contains(&NUMBER.to_owned())
        })
    };
    for _ in 0..2 {
        assert_eq!(world.apply(&shared("800", true), NOW), Ok(vec![]));
        assert_eq!(world.accounts["800"].phone_number_ids, [NUMBER]);
    }
    // Its own account keeps it.
    assert_eq!(world.apply(&shared(WABA, false), NOW), Ok(vec![]));
    assert_eq!(listed(&world), [true, true]);
    assert_eq!(world.apply(&shared("800", false), NOW), Ok(vec![]));
    assert_eq!(listed(&world), [false, true]);
    assert_eq!(world.apply(&shared("800", true), NOW), Ok(vec![]));
    let removed = WorldChange::NumberRemoved {
        phone_number_id: NUMBER.into(),
    };
    assert_eq!(world.apply(&removed, NOW), Ok(vec![]));
    assert_eq!(listed(&world), [false, false]);
}

#[test]
fn a_call_comes_when_it_begins_and_when_it_ends() {
    for (is_answered, status) in [(true, "COMPLETED"), (false, "FAILED")] {
        let change = WorldChange::CustomerCalled {
            phone_number_id: NUMBER.into(),
            wa_id: "15550100111".into(),
            user_id: "US.13000000000000000001".into(),
            is_answered,
        };
        let webhooks = world().apply(&change, NOW).expect("the number exists");
        let calls: Vec<&Value> = webhooks.iter().map(|one| &one.value["calls"][0]).collect();
        assert!(webhooks.iter().all(|one| one.field == "calls"));
        let events: Vec<_> = calls.iter().map(|call| call["event"].as_str()).collect();
        assert_eq!(events, [Some("connect"), Some("terminate")]);
        assert_eq!(
            (&calls[0]["status"], &calls[1]["status"]),
            (&Value::Null, &status.into())
        );
        assert_eq!(calls[0]["id"], calls[1]["id"]);
        for call in calls {
            assert_eq!(call["direction"], "USER_INITIATED");
            assert_eq!(
                (call["from"].as_str(), call["timestamp"].as_str()),
                (Some("15550100111"), Some(&*NOW.to_string()))
            );
        }
    }
}

#[test]
fn partner_events_come_with_the_portfolio_id() {
    let details = json!({"waba_info": {"waba_id": WABA, "owner_business_id": "700100200300400"}});
    let change: WorldChange =
        serde_json::from_value(json!({"change": "account_event", "waba_id": WABA, "event": "PARTNER_REMOVED", "details": details}))
            .expect("a change");
    let webhooks = world().apply(&change, NOW).expect("it can happen");
    assert_eq!(webhooks[0].entry_id, "700100200300400");
    assert_eq!(webhooks[0].value["waba_info"]["waba_id"], WABA);
}
