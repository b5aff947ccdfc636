//! The webhooks of changes, compared with Meta's example payloads: same keys, same types.

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

/// A JSON value with every leaf replaced by the name of its type.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(object) => object
            .iter()
            .map(|(key, inner)| (key.clone(), shape(inner)))
            .collect(),
        Value::Array(list) => list.iter().map(shape).collect(),
        Value::Null => "null".into(),
        Value::Bool(_) => "bool".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "text".into(),
    }
}

fn check(change: Value, sample: &str) {
    let change: WorldChange = serde_json::from_value(change).expect("a change");
    let webhooks = world().apply(&change, NOW).expect("it can happen");
    let sample: Value = serde_json::from_str(sample).expect("a sample");
    assert_eq!(webhooks.len(), 1);
    assert_eq!(webhooks[0].field, sample["field"], "{change:?}");
    assert_eq!(
        shape(&webhooks[0].value),
        shape(&sample["value"]),
        "{change:?}"
    );
    assert_eq!(
        webhooks[0].value.get("event"),
        sample["value"].get("event"),
        "{change:?}"
    );
}

#[test]
fn webhooks_about_numbers_match_metas_examples() {
    check(
        json!({"change": "number_flagged", "phone_number_id": NUMBER}),
        r#"{"field":"phone_number_quality_update","value":{"display_phone_number":"15550100199","event":"FLAGGED","current_limit":"TIER_10K"}}"#,
    );
    check(
        json!({"change": "number_unflagged", "phone_number_id": NUMBER, "quality_rating": "YELLOW"}),
        r#"{"field":"phone_number_quality_update","value":{"display_phone_number":"15550100199","event":"UNFLAGGED","current_limit":"TIER_10K"}}"#,
    );
    check(
        json!({"change": "number_flag_lapsed", "phone_number_id": NUMBER, "limit": "TIER_1K"}),
        r#"{"field":"phone_number_quality_update","value":{"display_phone_number":"15550100199","event":"DOWNGRADE","old_limit":"TIER_10K","current_limit":"TIER_1K"}}"#,
    );
    check(
        json!({"change": "number_onboarded", "phone_number_id": NUMBER}),
        r#"{"field":"phone_number_quality_update","value":{"display_phone_number":"15550100199","event":"ONBOARDING","max_daily_conversations_per_business":"TIER_250"}}"#,
    );
    check(
        json!({"change": "throughput_upgraded", "phone_number_id": NUMBER}),
        r#"{"field":"phone_number_quality_update","value":{"display_phone_number":"15550100199","event":"THROUGHPUT_UPGRADE","current_limit":"TIER_UNLIMITED","max_daily_conversations_per_business":"UNLIMITED"}}"#,
    );
    check(
        json!({"change": "name_decided", "phone_number_id": NUMBER, "decision": "REJECTED", "requested_verified_name": "F", "rejection_reason": "NAME_NOT_CONSISTENT"}),
        r#"{"field":"phone_number_name_update","value":{"display_phone_number":"15550100199","decision":"REJECTED","requested_verified_name":"Fern & Moss","rejection_reason":"NAME_NOT_CONSISTENT"}}"#,
    );
    check(
        json!({"change": "security_event", "phone_number_id": NUMBER, "event": "PIN_CHANGED"}),
        r#"{"field":"security","value":{"display_phone_number":"15550100199","event":"PIN_CHANGED","requester":"700100200300400"}}"#,
    );
}

#[test]
fn webhooks_about_restricted_numbers_groups_and_flows_match_metas_examples() {
    check(
        json!({"change": "number_restricted", "phone_number_id": NUMBER, "restriction_type": "RESTRICTED_USER_INITIATED_CALLING", "in_seconds": 60}),
        r#"{"field":"account_update","value":{"phone_number":"15550100199","event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":"RESTRICTED_BIZ_INITIATED_MESSAGING","expiration":1775000000}]}}"#,
    );
    check(
        json!({"change": "group_suspended", "phone_number_id": NUMBER, "group_id": "g1", "is_suspended": true}),
        r#"{"field":"group_status_update","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550100199","phone_number_id":"900100200300400"},"groups":[{"timestamp":"1775000000","type":"group_suspend","group_id":"g1"}]}}"#,
    );
    check(
        json!({"change": "flow_alert_changed", "waba_id": WABA, "flow_id": "500100200300400", "event": "ENDPOINT_AVAILABILITY", "is_active": true}),
        r#"{"field":"flows","value":{"event":"ENDPOINT_AVAILABILITY","message":"text","flow_id":"500100200300400","alert_state":"ACTIVATED","availability":75,"threshold":90}}"#,
    );
}

#[test]
fn direct_send_is_restricted_and_lifted_as_in_metas_examples() {
    let change = |step: &str, in_seconds: Option<i64>| {
        let violation_type = format!("DIRECT_SEND_UTILITY_CATEGORY_ABUSE_{step}");
        json!({"change": "direct_send_changed", "waba_id": WABA, "violation_type": violation_type, "in_seconds": in_seconds})
    };
    // Meta's example has the end as text, its reference and its other examples as an integer. The quirks send it as text.
    check(
        change("RATE_LIMIT", Some(60)),
        r#"{"field":"account_update","value":{"event":"ACCOUNT_RESTRICTION","violation_info":{"violation_type":"DIRECT_SEND_UTILITY_CATEGORY_ABUSE_RATE_LIMIT"},"restriction_info":[{"restriction_type":"RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES","expiration":1775000000}]}}"#,
    );
    for step in ["WARN", "UNBAN", "RATE_LIMIT_RECOVERY"] {
        check(
            change(step, None),
            r#"{"field":"account_update","value":{"event":"ACCOUNT_RESTRICTION","violation_info":{"violation_type":"DIRECT_SEND_UTILITY_CATEGORY_ABUSE_UNBAN"}}}"#,
        );
    }
    let mut world = world();
    for (step, restrictions) in [
        ("WARN", 0),
        ("STRIKE_1", 1),
        ("STRIKE_2", 1),
        ("WARN", 1),
        ("RATE_LIMIT_RECOVERY", 0),
    ] {
        let change = serde_json::from_value(change(step, None)).expect("a change");
        world.apply(&change, NOW).expect("it can happen");
        assert_eq!(
            world.accounts[WABA].restrictions.len(),
            restrictions,
            "{step}"
        );
    }
}

#[test]
fn webhooks_about_templates_match_metas_examples() {
    check(
        json!({"change": "template_paused", "template_id": TEMPLATE, "pause": "first"}),
        r#"{"field":"message_template_status_update","value":{"event":"PAUSED","message_template_id":7001002003004005,"message_template_name":"spring_offer","message_template_language":"en_US","reason":null,"message_template_category":"MARKETING","other_info":{"title":"FIRST_PAUSE","description":"Paused for 3 hours."}}}"#,
    );
    check(
        json!({"change": "template_rejected", "template_id": TEMPLATE, "reason": "INVALID_FORMAT", "recommendation": "Number the placeholders."}),
        r#"{"field":"message_template_status_update","value":{"event":"REJECTED","message_template_id":7001002003004005,"message_template_name":"spring_offer","message_template_language":"en-US","reason":"INVALID_FORMAT","rejection_info":{"reason":"Placeholder order is wrong.","recommendation":"Number the placeholders from 1."}}}"#,
    );
    check(
        json!({"change": "template_disable_announced", "template_id": TEMPLATE, "in_seconds": 60}),
        r#"{"field":"message_template_status_update","value":{"event":"FLAGGED","message_template_id":7001002003004005,"message_template_name":"spring_offer","message_template_language":"en","reason":null,"disable_info":{"disable_date":1775000000}}}"#,
    );
    check(
        json!({"change": "template_quality_changed", "template_id": TEMPLATE, "score": "RED"}),
        r#"{"field":"message_template_quality_update","value":{"previous_quality_score":"YELLOW","new_quality_score":"RED","message_template_id":7001002003004005,"message_template_name":"spring_offer","message_template_language":"en_US"}}"#,
    );
    check(
        json!({"change": "template_quality_changed", "template_id": TEMPLATE, "score": "GREEN", "under_status_field": true}),
        r#"{"field":"message_template_status_update","value":{"previous_quality_score":"UNKNOWN","new_quality_score":"GREEN","message_template_id":7001002003004005,"message_template_name":"spring_offer","message_template_language":"en_US"}}"#,
    );
    check(
        json!({"change": "template_components_changed", "template_id": TEMPLATE, "body_text": "Hello {{1}}"}),
        r#"{"field":"message_template_components_update","value":{"message_template_id":7001002003004005,"message_template_name":"spring_offer","message_template_language":"en_US","message_template_element":"Hello {{1}}","message_template_footer":"Bye","message_template_buttons":[{"message_template_button_type":"URL","message_template_button_text":"Open","message_template_button_url":"https://example.org/a"}]}}"#,
    );
    check(
        json!({"change": "template_category_announced", "template_id": TEMPLATE, "correct_category": "UTILITY", "in_seconds": 60}),
        r#"{"field":"template_category_update","value":{"message_template_id":7001002003004005,"message_template_name":"spring_offer","message_template_language":"en_US","new_category":"UTILITY","correct_category":"MARKETING","category_update_timestamp":1775000000}}"#,
    );
    check(
        json!({"change": "template_category_changed", "template_id": TEMPLATE, "category": "UTILITY"}),
        r#"{"field":"template_category_update","value":{"message_template_id":7001002003004005,"message_template_name":"spring_offer","message_template_language":"en_US","previous_category":"UTILITY","new_category":"MARKETING"}}"#,
    );
    check(
        json!({"change": "correct_category_detected", "template_id": TEMPLATE, "correct_category": "UTILITY"}),
        r#"{"field":"template_correct_category_detection","value":{"message_template_id":7001002003004005,"message_template_name":"spring_offer","message_template_language":"en_US","category":"UTILITY","correct_category":"MARKETING"}}"#,
    );
}

#[test]
fn webhooks_about_accounts_match_metas_examples() {
    check(
        json!({"change": "account_reviewed", "waba_id": WABA, "decision": "APPROVED"}),
        r#"{"field":"account_review_update","value":{"decision":"APPROVED"}}"#,
    );
    check(
        json!({"change": "account_alert", "waba_id": WABA, "entity_type": "PHONE_NUMBER", "entity_id": NUMBER, "severity": "CRITICAL", "status": "ACTIVE", "alert_type": "OBA_REJECTED"}),
        r#"{"field":"account_alerts","value":{"entity_type":"PHONE_NUMBER","entity_id":"900100200300400","alert_info":{"alert_severity":"CRITICAL","alert_status":"ACTIVE","alert_type":"OBA_REJECTED","alert_description":"free text"}}}"#,
    );
    check(
        json!({"change": "account_restricted", "waba_id": WABA, "restrictions": [
            {"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "in_seconds": 60},
            {"restriction_type": "RESTRICTED_ADD_PHONE_NUMBER_ACTION", "in_seconds": 60, "as_text": true}]}),
        r#"{"field":"account_update","value":{"phone_number":"15550100199","event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":"RESTRICTED_BIZ_INITIATED_MESSAGING","expiration":1775000000},{"restriction_type":"RESTRICTED_ADD_PHONE_NUMBER_ACTION","expiration":"2026-04-19T13:59:20+0000","remediation":"free text"}]}}"#,
    );
    check(
        json!({"change": "account_violation", "waba_id": WABA, "violation_type": "GAMBLING"}),
        r#"{"field":"account_update","value":{"event":"ACCOUNT_VIOLATION","violation_info":{"violation_type":"GAMBLING"}}}"#,
    );
    check(
        json!({"change": "account_ban_changed", "waba_id": WABA, "ban_state": "SCHEDULE_FOR_DISABLE", "in_seconds": 60}),
        r#"{"field":"account_update","value":{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"SCHEDULE_FOR_DISABLE","waba_ban_date":"April 17, 2026"}}}"#,
    );
    check(
        json!({"change": "account_ban_changed", "waba_id": WABA, "ban_state": "REINSTATE", "in_seconds": 0, "as_list": true}),
        r#"{"field":"account_update","value":{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":["REINSTATE"],"waba_ban_date":"April 20, 2026"}}}"#,
    );
    check(
        json!({"change": "business_verification_changed", "waba_id": WABA, "status": "verified"}),
        r#"{"field":"account_update","value":{"phone_number":"15550100199","event":"VERIFIED_ACCOUNT"}}"#,
    );
    check(
        json!({"change": "account_event", "waba_id": WABA, "event": "ACCOUNT_OFFBOARDED"}),
        r#"{"field":"account_update","value":{"event":"ACCOUNT_OFFBOARDED"}}"#,
    );
    check(
        json!({"change": "business_capability_updated", "waba_id": WABA, "limit": "TIER_2K", "phone_numbers": 25}),
        r#"{"field":"business_capability_update","value":{"max_daily_conversations_per_business":2000,"max_phone_numbers_per_waba":25}}"#,
    );
    check(
        json!({"change": "business_capability_updated", "waba_id": WABA, "limit": "TIER_UNLIMITED", "phone_numbers": 2, "style": "old"}),
        r#"{"field":"business_capability_update","value":{"max_daily_conversation_per_phone":-1,"max_phone_numbers_per_business":2}}"#,
    );
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
fn a_choice_about_marketing_matches_metas_example() {
    check(
        json!({"change": "marketing_preference_changed", "phone_number_id": NUMBER, "wa_id": "15550100111", "value": "stop"}),
        r#"{"field":"user_preferences","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550100199","phone_number_id":"900100200300400"},"contacts":[{"profile":{"name":"A"},"wa_id":"15550100111"}],"user_preferences":[{"wa_id":"15550100111","detail":"text","category":"marketing_messages","value":"stop","timestamp":1775000000}]}}"#,
    );
    check(
        json!({"change": "marketing_preference_changed", "phone_number_id": NUMBER, "user_id": "US.1", "value": "resume"}),
        r#"{"field":"user_preferences","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550100199","phone_number_id":"900100200300400"},"contacts":[{"profile":{"name":"A"},"user_id":"US.1"}],"user_preferences":[{"user_id":"US.1","detail":"text","category":"marketing_messages","value":"resume","timestamp":1775000000}]}}"#,
    );
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
