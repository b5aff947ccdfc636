//! The names of the metrics that dashboards and alerts of users depend on.
//!
//! Written down here, apart from the declarations in `expose`, so that a renamed metric is noticed.

use crate::docs::tables;

/// Every name of the contract's sections on numbers, templates, accounts and the exporter itself: what
/// other people's dashboards and alerts depend on.
pub const CONTRACT: &[&str] = &[
    // Phone numbers
    "whatsapp_phone_number_info",
    "whatsapp_phone_number_quality_rating",
    "whatsapp_phone_number_quality_score",
    "whatsapp_phone_number_quality_rating_changed_timestamp_seconds",
    "whatsapp_phone_number_status",
    "whatsapp_phone_number_status_changed_timestamp_seconds",
    "whatsapp_phone_number_flagged",
    "whatsapp_phone_number_flagged_since_timestamp_seconds",
    "whatsapp_phone_number_flagged_deadline_timestamp_seconds",
    "whatsapp_phone_number_messaging_limit",
    "whatsapp_phone_number_messaging_limit_changes_total",
    "whatsapp_phone_number_throughput_level",
    "whatsapp_phone_number_name_status",
    "whatsapp_phone_number_code_verification_status",
    "whatsapp_phone_number_can_send_message",
    "whatsapp_phone_number_health_error",
    "whatsapp_phone_number_quality_events_total",
    "whatsapp_phone_number_last_quality_event_timestamp_seconds",
    "whatsapp_phone_number_security_events_total",
    // Messages and conversations
    "whatsapp_messages_received_total",
    "whatsapp_message_statuses_total",
    "whatsapp_message_failures_total",
    "whatsapp_marketing_preferences_total",
    "whatsapp_first_response_seconds",
    "whatsapp_response_seconds",
    "whatsapp_conversations_waiting",
    "whatsapp_conversations_oldest_waiting_timestamp_seconds",
    // Message templates
    "whatsapp_message_template_info",
    "whatsapp_message_template_status",
    "whatsapp_message_template_status_changed_timestamp_seconds",
    "whatsapp_message_template_quality_rating",
    "whatsapp_message_template_quality_score",
    "whatsapp_message_template_quality_rating_changed_timestamp_seconds",
    "whatsapp_message_template_category",
    "whatsapp_message_template_paused_until_timestamp_seconds",
    "whatsapp_message_template_disable_scheduled_timestamp_seconds",
    "whatsapp_message_template_category_change_scheduled_timestamp_seconds",
    "whatsapp_message_templates",
    "whatsapp_message_templates_by_quality",
    "whatsapp_message_templates_by_category",
    "whatsapp_message_template_status_events_total",
    "whatsapp_message_template_rejections_total",
    "whatsapp_message_template_quality_events_total",
    "whatsapp_message_template_category_changes_total",
    // Business accounts
    "whatsapp_business_account_info",
    "whatsapp_business_account_review_status",
    "whatsapp_business_account_business_verification_status",
    "whatsapp_business_account_can_send_message",
    "whatsapp_business_account_health_error",
    "whatsapp_business_account_funding_attached",
    "whatsapp_business_account_ban_state",
    "whatsapp_business_account_disable_scheduled_timestamp_seconds",
    "whatsapp_business_account_events_total",
    "whatsapp_business_account_last_event_timestamp_seconds",
    "whatsapp_business_account_alerts_total",
    "whatsapp_business_account_webhook_subscribed",
    "whatsapp_business_account_messaging_limit",
    "whatsapp_business_account_phone_numbers_limit",
    // Portfolios
    "whatsapp_portfolio_messaging_limit",
    "whatsapp_portfolio_recipients",
    "whatsapp_portfolio_messaging_limit_used_ratio",
    "whatsapp_portfolio_coverage_ratio",
    // Access
    "whatsapp_access_token_valid",
    "whatsapp_access_token_expires_timestamp_seconds",
    "whatsapp_access_token_data_access_expires_timestamp_seconds",
    "whatsapp_access_token_missing_scopes",
    "whatsapp_app_webhook_field_subscribed",
    // The exporter itself
    "whatsapp_exporter_build_info",
    "whatsapp_exporter_poll_up",
    "whatsapp_exporter_poll_last_success_timestamp_seconds",
    "whatsapp_exporter_poll_duration_seconds",
    "whatsapp_exporter_graph_requests_total",
    "whatsapp_exporter_graph_request_failures_total",
    "whatsapp_exporter_graph_usage_ratio",
    "whatsapp_exporter_graph_regain_access_timestamp_seconds",
    "whatsapp_exporter_graph_version_end_timestamp_seconds",
    "whatsapp_exporter_webhook_deliveries_total",
    "whatsapp_exporter_webhook_rejected_total",
    "whatsapp_exporter_webhook_changes_total",
    "whatsapp_exporter_webhook_duplicates_total",
    "whatsapp_exporter_webhook_stale_total",
    "whatsapp_exporter_webhook_lag_seconds",
    "whatsapp_exporter_webhook_last_received_timestamp_seconds",
    "whatsapp_exporter_drift_total",
    "whatsapp_exporter_unknown_values_total",
    "whatsapp_exporter_series_refused_total",
    "whatsapp_exporter_store_commit_duration_seconds",
    "whatsapp_exporter_config_last_reload_successful",
    "whatsapp_exporter_config_last_reload_success_timestamp_seconds",
    "whatsapp_exporter_connections",
    "whatsapp_exporter_connections_closed_total",
    "whatsapp_exporter_requests_refused_total",
    "whatsapp_exporter_gate_decisions_total",
];

/// Names of the contract that only a business' own application brings to life: the demo has none.
const OF_APPLICATIONS: &[&str] = &[
    "whatsapp_journey_sessions_started_total",
    "whatsapp_journey_sessions_completed_total",
    "whatsapp_journey_sessions_abandoned_total",
    "whatsapp_journey_step_entered_total",
    "whatsapp_journey_step_answered_total",
    "whatsapp_journey_step_abandoned_total",
    "whatsapp_journey_step_reentries_total",
    "whatsapp_journey_loops_total",
    "whatsapp_journey_step_seconds",
    "whatsapp_campaign_messages_total",
    "whatsapp_campaign_failures_total",
];

#[test]
fn metrics_of_application_events_are_declared_under_their_names() {
    let declared = tables::rows();
    let is_declared = |name: &&str| declared.iter().any(|row| row.name == **name);
    let missing = OF_APPLICATIONS.iter().filter(|name| !is_declared(name));
    assert_eq!(missing.count(), 0);
}
