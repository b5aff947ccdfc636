//! The fixtures of fields that no state metric depends on: counted by field, but not parsed.

use super::{ACCOUNT, Expected, PORTFOLIO, RECEIVED_AT_WHOLE_SECONDS, parsed, unwatched_event};
use crate::domain::{WebhookField, Word};

/// Management fields: their entries have a time.
const TIMED: &[&str] = &[
    "business_username_updates_approved",
    "flows_status_change",
    "message_template_components_update_buttons",
    "payment_configuration_update_needs_connecting",
];

/// Fields of the `messages` kind: their entries have no time.
const UNTIMED: &[&str] = &[
    "account_settings_update_calling",
    "account_settings_update_upper_case",
    "automatic_events_purchase",
    "calls_terminate",
    "group_lifecycle_update_create",
    "group_participants_update_remove",
    "group_settings_update_subject",
    "history_chunk",
    "history_declined",
    "message_echoes_text",
    "messages_click",
    "messages_edit",
    "messages_errors",
    "messages_inbound",
    "messages_inbound_both_ids",
    "messages_inbound_empty_number",
    "messages_inbound_group",
    "messages_inbound_number_in_contact",
    "messages_inbound_other_spelling_in_contact",
    "messages_inbound_parent_user_id",
    "messages_inbound_two_contacts",
    "messages_inbound_user_id_alone",
    "messages_revoke",
    "messages_status_campaign",
    "messages_status_empty_number",
    "messages_status_failed",
    "messages_status_group",
    "messages_status_invented",
    "messages_status_number_in_contact",
    "messages_status_priced",
    "messages_status_sent_both_ids",
    "messages_status_without_number",
    "messages_unknown_kind",
    "messages_user_changed_number",
    "messages_user_changed_number_without_user_ids",
    "messages_user_changed_user_id",
    "messages_user_identity_changed",
    "messaging_handovers_passed",
    "messaging_handovers_taken",
    "smb_app_state_sync_contact",
    "smb_message_echoes_nobody",
    "smb_message_echoes_revoke",
    "smb_message_echoes_text",
    "smb_message_echoes_user_id",
    "standby_message",
    "standby_message_echo",
    "standby_status",
    "standby_status_campaign",
    "user_preferences_resume",
    "user_preferences_several",
    "user_preferences_stop",
];

pub fn expectations() -> Vec<Expected> {
    let timed = TIMED.iter().map(|name| unwatched_event(name));
    let untimed = UNTIMED
        .iter()
        .map(|name| unwatched_event(name).at(RECEIVED_AT_WHOLE_SECONDS));
    let mut all: Vec<_> = timed.chain(untimed).collect();
    all.push(unwatched_event("partner_solutions_created").of_account(PORTFOLIO));
    all.push(unwatched_event("partner_solutions_names_account").of_account(ACCOUNT));
    all
}

#[test]
fn every_change_is_counted_under_the_field_of_its_fixture() {
    for name in TIMED.iter().chain(UNTIMED) {
        let fields = parsed(name).fields;
        assert_eq!(fields.len(), 1, "{name}");
        assert!(name.starts_with(fields[0].as_str()), "{name}");
        assert_ne!(fields[0], WebhookField::Other);
    }
}
