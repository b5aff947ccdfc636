//! Links of a change: to its entity in WhatsApp Manager, and to the runbook of the alert for its state.

use reqwest::Url;

use crate::domain::Severity;
use crate::store::Signal;

const MANAGER: &str = "https://business.facebook.com/latest/whatsapp_manager";

/// Page with the runbooks, unless the operator has another one.
const RUNBOOKS: &str = "https://github.com/whatsapp-business-exporter/whatsapp-business-exporter/blob/main/alerts/runbooks.md";

/// The alert of a value: kind of entity, attribute, value. Without a value, the alert of every value that is at least
/// a warning.
const ALERTS: &[(&str, &str, Option<&str>, &str)] = &[
    (
        "account",
        "ban_state",
        Some("DISABLE"),
        "WhatsAppAccountDisabled",
    ),
    (
        "account",
        "ban_state",
        None,
        "WhatsAppAccountDisableScheduled",
    ),
    (
        "account",
        "business_verification_status",
        None,
        "WhatsAppAccountVerificationLost",
    ),
    (
        "account",
        "can_send_message",
        Some("LIMITED"),
        "WhatsAppAccountSendingLimited",
    ),
    (
        "account",
        "can_send_message",
        None,
        "WhatsAppAccountCannotSend",
    ),
    ("account", "loss", None, "WhatsAppAccountLost"),
    (
        "account",
        "marketing_disabled",
        None,
        "WhatsAppAccountMarketingDisabled",
    ),
    (
        "account",
        "messaging_limit",
        None,
        "WhatsAppAccountCapabilityDecreased",
    ),
    ("account", "restriction", None, "WhatsAppAccountRestricted"),
    (
        "account",
        "review_status",
        None,
        "WhatsAppAccountReviewLost",
    ),
    (
        "phone_number",
        "can_send_message",
        Some("LIMITED"),
        "WhatsAppNumberSendingLimited",
    ),
    (
        "phone_number",
        "can_send_message",
        None,
        "WhatsAppNumberCannotSend",
    ),
    (
        "phone_number",
        "code_verification_status",
        None,
        "WhatsAppNumberVerificationLost",
    ),
    ("phone_number", "flagged", None, "WhatsAppNumberFlagged"),
    (
        "phone_number",
        "messaging_limit",
        None,
        "WhatsAppNumberMessagingLimitDecreased",
    ),
    (
        "phone_number",
        "name_status",
        None,
        "WhatsAppNumberNameRejected",
    ),
    (
        "phone_number",
        "new_name_status",
        None,
        "WhatsAppNumberNameRejected",
    ),
    (
        "phone_number",
        "quality_rating",
        Some("RED"),
        "WhatsAppNumberQualityLow",
    ),
    (
        "phone_number",
        "quality_rating",
        None,
        "WhatsAppNumberQualityMedium",
    ),
    (
        "phone_number",
        "status",
        Some("BANNED"),
        "WhatsAppNumberBanned",
    ),
    (
        "phone_number",
        "status",
        Some("DELETED"),
        "WhatsAppNumberDeleted",
    ),
    (
        "phone_number",
        "status",
        Some("DISCONNECTED"),
        "WhatsAppNumberDisconnected",
    ),
    (
        "phone_number",
        "status",
        Some("FLAGGED"),
        "WhatsAppNumberFlagged",
    ),
    (
        "phone_number",
        "status",
        Some("RATE_LIMITED"),
        "WhatsAppNumberRateLimited",
    ),
    (
        "phone_number",
        "status",
        Some("RESTRICTED"),
        "WhatsAppNumberRestricted",
    ),
    (
        "phone_number",
        "throughput_level",
        None,
        "WhatsAppNumberThroughputLost",
    ),
    (
        "template",
        "category",
        None,
        "WhatsAppTemplateBecameMarketing",
    ),
    (
        "template",
        "quality_rating",
        Some("RED"),
        "WhatsAppTemplateQualityLow",
    ),
    (
        "template",
        "status",
        Some("DISABLED"),
        "WhatsAppTemplateDisabled",
    ),
    (
        "template",
        "status",
        Some("PAUSED"),
        "WhatsAppTemplatePaused",
    ),
    (
        "template",
        "status",
        Some("REJECTED"),
        "WhatsAppTemplateRejected",
    ),
];

/// The names of the alerts to whose runbooks changes link.
pub fn alerts() -> impl Iterator<Item = &'static str> {
    ALERTS.iter().map(|(.., alert)| *alert)
}

/// The page of the change's entity in WhatsApp Manager.
pub(super) fn manager_url(signal: &Signal) -> String {
    let page = match signal.row.entity.as_str() {
        "phone_number" => "phone_numbers",
        "template" => "message_templates",
        _ => "overview",
    };
    format!("{MANAGER}/{page}?asset_id={}", signal.row.waba_id)
}

/// The runbook of the alert for the value after the change. `None` if no alert is about it.
pub(super) fn runbook_url(signal: &Signal, runbooks: Option<&Url>) -> Option<String> {
    if signal.severity() == Severity::Info {
        return None;
    }
    let row = &signal.row;
    let is_about = |(entity, attribute, value, _): &&(&str, &str, Option<&str>, &str)| {
        row.entity == *entity
            && row.attribute == *attribute
            && value.is_none_or(|value| row.to == value)
    };
    let (.., alert) = ALERTS.iter().find(is_about)?;
    let runbooks = runbooks.map_or(RUNBOOKS, Url::as_str);
    // The anchor of a heading is its text in lower case.
    Some(format!("{runbooks}#{}", alert.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::message::tests::signal;

    #[test]
    fn a_bad_value_links_to_its_alerts_runbook() {
        let runbooks: Url = "https://wiki.example.com/runbooks".parse().expect("a URL");
        for (signal, anchor) in [
            (
                signal("phone_number", "quality_rating", Some("GREEN"), "RED"),
                Some("whatsappnumberqualitylow"),
            ),
            (
                signal("phone_number", "quality_rating", Some("RED"), "GREEN"),
                None,
            ),
            (
                signal("phone_number", "messaging_limit", Some("250"), "1000"),
                None,
            ),
            (
                signal("phone_number", "messaging_limit", Some("1000"), "250"),
                Some("whatsappnumbermessaginglimitdecreased"),
            ),
            (signal("template", "status", None, "IN_APPEAL"), None),
            (
                signal("account", "ban_state", None, "DISABLE"),
                Some("whatsappaccountdisabled"),
            ),
            (
                signal("account", "ban_state", None, "SCHEDULE_FOR_DISABLE"),
                Some("whatsappaccountdisablescheduled"),
            ),
        ] {
            let expected = anchor.map(|anchor| format!("{runbooks}#{anchor}"));
            assert_eq!(
                runbook_url(&signal, Some(&runbooks)),
                expected,
                "{signal:?}"
            );
        }
    }

    #[test]
    fn a_change_links_to_its_entitys_page() {
        let url = |entity| manager_url(&signal(entity, "status", None, "X"));
        let expected = format!("{MANAGER}/message_templates?asset_id=800100200300400");
        assert_eq!(url("template"), expected);
        assert!(url("phone_number").contains("/phone_numbers?"));
        assert!(url("account").contains("/overview?"));
    }
}
