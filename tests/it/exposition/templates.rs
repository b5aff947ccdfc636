//! Series of message templates.

use super::{ACCOUNT, assert_samples, deliver};
use crate::support::state_after;

const TEMPLATE: &str = r#"waba_id="800100200300400",template_id="7001002003004005""#;

#[test]
fn a_webhook_alone_shows_a_template_and_its_pause() {
    let mut state = state_after([]);
    deliver(
        &mut state,
        0,
        "message_template_status_update",
        r#"{"event":"paused","message_template_id":7001002003004005,"message_template_name":"spring_offer","message_template_language":"en-US","reason":null,"other_info":{"title":"SECOND_PAUSE","description":"Paused for 6 hours."}}"#,
    );
    let info = "whatsapp_message_template_info";
    assert_samples(
        &state,
        info,
        &[format!(
            r#"{info}{{{TEMPLATE},template_name="spring_offer",language="en_US",source=""}} 1"#
        )],
    );
    let status = "whatsapp_message_template_status";
    assert_samples(
        &state,
        status,
        &[format!(r#"{status}{{{TEMPLATE},status="PAUSED"}} 1"#)],
    );
    let until = "whatsapp_message_template_paused_until_timestamp_seconds";
    assert_samples(
        &state,
        until,
        &[format!(
            "{until}{{{TEMPLATE}}} {}",
            1_775_000_000 + 6 * 3_600
        )],
    );
    deliver(
        &mut state,
        90,
        "message_template_status_update",
        r#"{"event":"APPROVED","message_template_id":"7001002003004005","message_template_name":"spring_offer","message_template_language":"en_US","reason":"NONE","other_info":{"title":"UNPAUSE","description":"-"}}"#,
    );
    assert_samples(&state, until, &[]);
}

#[test]
fn a_rejection_is_counted_by_its_reason() {
    let mut state = state_after([]);
    deliver(
        &mut state,
        0,
        "message_template_status_update",
        r#"{"event":"REJECTED","message_template_id":7001002003004005,"message_template_name":"spring_offer","message_template_language":"en-US","reason":"INVALID_FORMAT","rejection_info":{"reason":"Placeholder order is wrong.","recommendation":"Number the placeholders from 1."}}"#,
    );
    let rejections = "whatsapp_message_template_rejections_total";
    assert_samples(
        &state,
        rejections,
        &[format!(
            r#"{rejections}{{{ACCOUNT},reason="INVALID_FORMAT"}} 1"#
        )],
    );
    let reason = "whatsapp_message_template_rejected_reason";
    assert_samples(
        &state,
        reason,
        &[format!(
            r#"{reason}{{{TEMPLATE},reason="INVALID_FORMAT"}} 1"#
        )],
    );
}

#[test]
fn metas_advance_notices_have_their_times() {
    let mut state = state_after([]);
    deliver(
        &mut state,
        0,
        "message_template_status_update",
        r#"{"event":"FLAGGED","message_template_id":7001002003004005,"message_template_name":"spring_offer","message_template_language":"en","reason":null,"disable_info":{"disable_date":1775900000}}"#,
    );
    let disable = "whatsapp_message_template_disable_scheduled_timestamp_seconds";
    assert_samples(
        &state,
        disable,
        &[format!("{disable}{{{TEMPLATE}}} 1775900000")],
    );
    deliver(
        &mut state,
        1,
        "template_category_update",
        r#"{"message_template_id":7001002003004005,"message_template_name":"spring_offer","message_template_language":"en_US","new_category":"UTILITY","correct_category":"MARKETING","category_update_timestamp":1775800000}"#,
    );
    let category = "whatsapp_message_template_category";
    assert_samples(
        &state,
        category,
        &[format!(r#"{category}{{{TEMPLATE},category="UTILITY"}} 1"#)],
    );
    let scheduled = "whatsapp_message_template_category_change_scheduled_timestamp_seconds";
    assert_samples(
        &state,
        scheduled,
        &[format!(
            r#"{scheduled}{{{TEMPLATE},correct_category="MARKETING"}} 1775800000"#
        )],
    );
    deliver(
        &mut state,
        2,
        "template_category_update",
        r#"{"message_template_id":7001002003004005,"message_template_name":"spring_offer","message_template_language":"en_US","previous_category":"UTILITY","new_category":"MARKETING"}"#,
    );
    assert_samples(&state, scheduled, &[]);
    let changes = "whatsapp_message_template_category_changes_total";
    assert_samples(
        &state,
        changes,
        &[format!(
            r#"{changes}{{{ACCOUNT},from="UTILITY",to="MARKETING"}} 1"#
        )],
    );
}
