//! Renders the state of business accounts.

use std::collections::BTreeMap;

use super::metric::metrics;
use super::page::{Page, SampleValue};
use super::rows::Rows;
use crate::domain::account::{BanState, RestrictionType};
use crate::domain::{MessagingLimit, Timestamp, Word};
use crate::state::Account;

metrics! {
    INFO: Gauge "whatsapp_business_account_info" ["waba_id", "waba_name", "currency", "timezone_id", "business_id"]
        "WhatsApp Business Account information as labels, for joins. Always 1; labels are empty until known.";
    STATUS: Gauge "whatsapp_business_account_status" ["waba_id", "status"]
        "Status of the account in the Graph API as a state set: 1 for the current status, 0 for the others. Absent until known.";
    REVIEW_STATUS: Gauge "whatsapp_business_account_review_status" ["waba_id", "status"]
        "Status of Meta's review of the account as a state set: 1 for the current status, 0 for the others. Absent until known.";
    BUSINESS_VERIFICATION_STATUS: Gauge "whatsapp_business_account_business_verification_status" ["waba_id", "status"]
        "Verification status of the account's business as a state set: 1 for the current status, 0 for the others. Absent until known.";
    CAN_SEND_MESSAGE: Gauge "whatsapp_business_account_can_send_message" ["waba_id", "can_send_message"]
        "Ability of the account to send messages as a state set: the worst value among the entities in its health_status. Absent until known.";
    HEALTH_ENTITY: Gauge "whatsapp_business_account_health_entity" ["waba_id", "entity_type", "can_send_message"]
        "Entity in the health_status of the account that blocks or limits sending. Always 1; absent while all entities are AVAILABLE.";
    HEALTH_ERROR: Gauge "whatsapp_business_account_health_error" ["waba_id", "entity_type", "error_code"]
        "Error at an entity in the health_status of the account, by Meta's numeric code, or OTHER if it is not a number. Always 1; absent without errors. At most 16 per account.";
    FUNDING_ATTACHED: Gauge "whatsapp_business_account_funding_attached" ["waba_id"]
        "Whether the account has a primary_funding_id: 1 if it has, 0 if not. Accounts that a partner pays for may have none. Absent if Meta does not report it.";
    MARKETING_DISABLED: Gauge "whatsapp_business_account_marketing_messages_disabled" ["waba_id"]
        "Whether marketing messages by Cloud API are switched off for the account: 1 if they are, 0 if not. Absent until known.";
    MARKETING_ONBOARDING: Gauge "whatsapp_business_account_marketing_messages_onboarding_status" ["waba_id", "status"]
        "Status of the account's onboarding to the Marketing Messages API. Always 1; only the current status has a series. Absent until known.";
    BAN_STATE: Gauge "whatsapp_business_account_ban_state" ["waba_id", "state"]
        "Last ban_info of an account_update webhook as a state set: 1 for the current state, 0 for the others. NONE if Meta has not reported a ban.";
    DISABLE_SCHEDULED: Gauge "whatsapp_business_account_disable_scheduled_timestamp_seconds" ["waba_id"]
        "Time at which Meta will disable the account. Absent while that is not scheduled.";
    RESTRICTION: Gauge "whatsapp_business_account_restriction" ["waba_id", "restriction_type", "phone_number_id"]
        "Restriction in force, of the phone number that Meta named, or of the whole account if phone_number_id is empty. Always 1; absent after its end. If Meta gives no end for a restriction of messages, it is over when a poll finds that the number or the account can send.";
    RESTRICTION_EXPIRES: Gauge "whatsapp_business_account_restriction_expires_timestamp_seconds" ["waba_id", "restriction_type", "phone_number_id"]
        "End time of a restriction in force. Absent if Meta gives no end.";
    EVENTS: Counter "whatsapp_business_account_events_total" ["waba_id", "event"]
        "Number of account_update webhooks by event, retries counted once.";
    REMOVED: Gauge "whatsapp_business_account_removed_timestamp_seconds" ["waba_id", "event", "reason", "initiated_by"]
        "Time of the last account_update that removed the account or one of its phone numbers and was not reversed by a later event. The labels reason and initiated_by are those of disconnection_info, empty without it. Absent without such an event.";
    LAST_EVENT: Gauge "whatsapp_business_account_last_event_timestamp_seconds" ["waba_id", "event"]
        "Time at which Meta sent the last account_update of each event. Absent before the first.";
    VIOLATIONS: Counter "whatsapp_business_account_violations_total" ["waba_id", "violation_type"]
        "Number of policy violations and warnings reported by account_update, by type, retries counted once. Absent before the first of its type. The event ACCOUNT_VIOLATION of whatsapp_business_account_events_total counts all types from 0, except those of Direct Send.";
    LAST_VIOLATION: Gauge "whatsapp_business_account_last_violation_timestamp_seconds" ["waba_id", "violation_type"]
        "Time at which Meta sent the last policy violation or warning of each type. Absent before the first.";
    FLOW_ALERT: Gauge "whatsapp_business_account_flow_alert" ["waba_id", "flow_id", "event"]
        "Alert about the endpoint or the clients of a Flow that Meta has activated, as reported by the webhook field flows. Always 1; absent after its deactivation.";
    ALERTS: Counter "whatsapp_business_account_alerts_total" ["waba_id", "severity", "alert"]
        "Number of account_alerts webhooks by severity and alert, retries counted once.";
    LAST_ALERT: Gauge "whatsapp_business_account_last_alert_timestamp_seconds" ["waba_id", "severity", "alert"]
        "Time at which Meta sent the last account_alerts of each severity and alert. Absent before the first.";
    LOST: Gauge "whatsapp_business_account_lost_timestamp_seconds" ["waba_id"]
        "Time at which a watched account was lost: discovery no longer finds it, or Meta no longer returns its node. Absent while the account is visible; kept until it returns, is forgotten or leaves the configuration.";
    WEBHOOK_SUBSCRIBED: Gauge "whatsapp_business_account_webhook_subscribed" ["waba_id"]
        "Whether the exporter's app is among the account's subscribed_apps: 1 if it is, 0 if not. Absent while unknown.";
    MESSAGING_LIMIT: Gauge "whatsapp_business_account_messaging_limit" ["waba_id"]
        "Maximum number of unique customers that the business portfolio may message in 24 hours, +Inf for no limit. Absent until known.";
    PHONE_NUMBERS_LIMIT: Gauge "whatsapp_business_account_phone_numbers_limit" ["waba_id"]
        "Maximum number of phone numbers, as reported by business_capability_update. Absent until reported.";
}

/// Writes the families of all accounts.
pub(super) fn write(page: &mut Page, accounts: &Rows<'_, Account>, now: Timestamp) {
    write_info(page, accounts);
    accounts.time(page, &LOST, Account::lost_since);
    write_states(page, accounts);
    write_health(page, accounts);
    write_penalties(page, accounts, now);
    write_counters(page, accounts);
    write_limits(page, accounts);
}

fn write_info(page: &mut Page, accounts: &Rows<'_, Account>) {
    accounts.each(page, &INFO, |family, entity, account| {
        let name = account.name.value().map_or("", String::as_str);
        let currency = account.currency.value().map_or("", String::as_str);
        let timezone = account.timezone_id.value().map_or("", String::as_str);
        let business = account.business_id.value().map_or("", |id| id.as_str());
        family.sample(
            entity,
            &[name, currency, timezone, business],
            SampleValue::Whole(1),
        );
    });
}

fn write_states(page: &mut Page, accounts: &Rows<'_, Account>) {
    accounts.states(page, &STATUS, |account| account.status.value());
    accounts.states(page, &REVIEW_STATUS, |account| {
        account.review_status.value()
    });
    accounts.states(page, &BUSINESS_VERIFICATION_STATUS, |account| {
        account.business_verification_status.value()
    });
    accounts.value(page, &WEBHOOK_SUBSCRIBED, |account| {
        account
            .webhook_subscribed
            .value()
            .copied()
            .map(SampleValue::Flag)
    });
}

fn write_health(page: &mut Page, accounts: &Rows<'_, Account>) {
    accounts.states(page, &CAN_SEND_MESSAGE, |account| {
        account.can_send_message.value()
    });
    accounts.health_entities(page, &HEALTH_ENTITY, |account| account.health.value());
    accounts.health_errors(page, &HEALTH_ERROR, |account| {
        account.health_details.value()
    });
    accounts.value(page, &FUNDING_ATTACHED, |account| {
        account.has_funding().map(SampleValue::Flag)
    });
    accounts.value(page, &MARKETING_DISABLED, |account| {
        account.marketing_disabled.value().map(SampleValue::Flag)
    });
    accounts.sparse(page, &MARKETING_ONBOARDING, |account| {
        account.marketing_onboarding.value().copied()
    });
}

fn write_penalties(page: &mut Page, accounts: &Rows<'_, Account>, now: Timestamp) {
    accounts.states(page, &BAN_STATE, |account| {
        let ban = account.ban_in_force();
        Some(ban.map_or(BanState::None, |ban| ban.state))
    });
    accounts.time(page, &DISABLE_SCHEDULED, Account::disable_scheduled_at);
    accounts.each(page, &RESTRICTION, |family, entity, account| {
        for (kind, id) in restrictions(account, now).keys() {
            family.sample(entity, &[kind.as_str(), id], SampleValue::Whole(1));
        }
    });
    accounts.each(page, &RESTRICTION_EXPIRES, |family, entity, account| {
        for ((kind, id), ends_at) in restrictions(account, now) {
            if let Some(ends_at) = ends_at {
                let words = [kind.as_str(), &id];
                family.sample(entity, &words, SampleValue::Time(ends_at));
            }
        }
    });
}

/// The end of each restriction in force, by type and `phone_number_id`. The label is empty for the account and for all
/// numbers that are still unknown. Of several restrictions with the same labels, the last one to end is shown.
fn restrictions(
    account: &Account,
    now: Timestamp,
) -> BTreeMap<(RestrictionType, String), Option<Timestamp>> {
    let mut ends = BTreeMap::new();
    for restriction in account.restrictions(now) {
        let id = restriction.phone_number_id();
        let id = id.map_or_else(String::new, ToString::to_string);
        let ends_at = restriction.ends_at;
        let known = ends.entry((restriction.kind, id)).or_insert(ends_at);
        // `None` is no end, which is later than any.
        *known = known.zip(ends_at).map(|(one, other)| one.max(other));
    }
    ends
}

fn write_counters(page: &mut Page, accounts: &Rows<'_, Account>) {
    accounts.counts(page, &EVENTS, |account| &account.events);
    accounts.each(page, &REMOVED, |family, entity, account| {
        for loss in account.last_events.losses() {
            let disconnection = loss.disconnection.unwrap_or_default();
            let reason = disconnection.reason.map_or("", Word::as_str);
            let initiated_by = disconnection.initiated_by.map_or("", Word::as_str);
            let words = [loss.event.as_str(), reason, initiated_by];
            family.sample(entity, &words, SampleValue::Time(loss.at));
        }
    });
    accounts.each(page, &LAST_EVENT, |family, entity, account| {
        for (event, at) in account.last_events.by_kind() {
            family.sample(entity, &[event.as_str()], SampleValue::Time(at));
        }
    });
    accounts.each(page, &VIOLATIONS, |family, entity, account| {
        for (violation, count) in account.violations.iter().filter(|(_, count)| *count > 0) {
            family.count(entity, &[violation.as_str()], count);
        }
    });
    accounts.each(page, &LAST_VIOLATION, |family, entity, account| {
        for violation in account.last_violations.iter() {
            let words = [violation.kind.as_str()];
            family.sample(entity, &words, SampleValue::Time(violation.at));
        }
    });
    accounts.each(page, &FLOW_ALERT, |family, entity, account| {
        for (alert, _) in account.flow_alerts.active() {
            let words = [alert.flow_id.as_str(), alert.event.as_str()];
            family.sample(entity, &words, SampleValue::Whole(1));
        }
    });
    accounts.pair_counts(page, &ALERTS, |account| &account.alerts);
    accounts.each(page, &LAST_ALERT, |family, entity, account| {
        for ((severity, alert), at) in account.last_alerts.iter() {
            let words = [severity.as_str(), alert.as_str()];
            family.sample(entity, &words, SampleValue::Time(*at));
        }
    });
}

fn write_limits(page: &mut Page, accounts: &Rows<'_, Account>) {
    accounts.value(page, &MESSAGING_LIMIT, |account| {
        account
            .messaging_limit
            .value()
            .map(MessagingLimit::as_f64)
            .map(SampleValue::Float)
    });
    accounts.value(page, &PHONE_NUMBERS_LIMIT, |account| {
        account
            .phone_numbers_limit
            .value()
            .copied()
            .map(SampleValue::Whole)
    });
}
