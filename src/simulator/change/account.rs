//! Changes of business accounts.

use serde_json::{Map, Value, json};

use super::phone_number::customers;
use super::{
    RestrictionNotice, SentWebhooks, Style, UPDATE_FIELD, Webhook, WorldChange, no_such, webhook,
};
use crate::simulator::clock::{iso_text, prose_date};
use crate::simulator::world::{Health, Restriction, World};

/// The only restriction of Direct Send.
const DIRECT_SEND: &str = "RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES";

/// Applies a change to an account; `None` if the change is about something else.
pub(super) fn apply(world: &mut World, change: &WorldChange, now: i64) -> Option<SentWebhooks> {
    Some(match change {
        WorldChange::AccountRestricted { waba_id, restrictions, as_single_object } => {
            restricted(world, waba_id, restrictions, *as_single_object, now)
        }
        WorldChange::DirectSendChanged { waba_id, violation_type, in_seconds } => {
            direct_send_changed(world, waba_id, violation_type, in_seconds.map(|seconds| now.saturating_add(seconds)))
        }
        WorldChange::FlowAlertChanged { waba_id, flow_id, event, is_active } => world.account(waba_id).map(|_| {
            webhook(waba_id, "flows", flow_alert(flow_id, event, *is_active))
        }),
        WorldChange::AccountRestrictionEnded { waba_id } => restriction_ended(world, waba_id),
        WorldChange::AccountViolation { waba_id, violation_type } => world.account(waba_id).map(|_| {
            let value = json!({"event": "ACCOUNT_VIOLATION", "violation_info": {"violation_type": violation_type}});
            webhook(waba_id, UPDATE_FIELD, value)
        }),
        WorldChange::AccountBanChanged { waba_id, ban_state, in_seconds, as_list } => {
            ban_changed(world, waba_id, ban_state, now.saturating_add(*in_seconds), *as_list)
        }
        WorldChange::AccountAlert { waba_id, .. } => world.account(waba_id).map(|_| alert(waba_id, change)),
        WorldChange::AccountReviewed { waba_id, decision } => reviewed(world, waba_id, decision),
        WorldChange::BusinessCapabilityUpdated { waba_id, limit, phone_numbers, style } => {
            capability_updated(world, waba_id, limit, *phone_numbers, *style)
        }
        WorldChange::BusinessVerificationChanged { waba_id, status } => verification_changed(world, waba_id, status),
        WorldChange::AccountEvent { waba_id, event, details } => account_event(world, waba_id, event, details),
        WorldChange::HealthChanged { id, can_send_message, explanation } => {
            health_changed(world, id, Health::new(can_send_message, explanation))
        }
        WorldChange::HealthReported { id, can_send_message, errors, additional_info } => {
            let health = Health {
                can_send_message: can_send_message.clone(),
                additional_info: additional_info.clone(),
                errors: errors.clone(),
            };
            health_changed(world, id, health)
        }
        WorldChange::PaymentMethodRemoved { waba_id } => payment_changed(world, waba_id, false),
        WorldChange::PaymentMethodAdded { waba_id } => payment_changed(world, waba_id, true),
        WorldChange::MarketingMessagesChanged { waba_id, is_disabled, onboarding_status } => {
            marketing_changed(world, waba_id, *is_disabled, onboarding_status.as_ref())
        }
        _ => return None,
    })
}

fn restricted(
    world: &mut World,
    waba_id: &str,
    notices: &[RestrictionNotice],
    as_single_object: bool,
    now: i64,
) -> SentWebhooks {
    let account = world.account(waba_id)?;
    account.restrictions = notices
        .iter()
        .map(|notice| Restriction {
            restriction_type: notice.restriction_type.clone(),
            expiration: notice.in_seconds.map(|seconds| now.saturating_add(seconds)),
        })
        .collect();
    account.health = Health::new("LIMITED", "The account is restricted.");
    let digits = account.phone_number_ids.first().cloned();
    let mut list: Vec<Value> = notices
        .iter()
        .map(|notice| restriction_info(notice, now))
        .collect();
    let info = if as_single_object && !list.is_empty() {
        list.swap_remove(0)
    } else {
        Value::Array(list)
    };
    let mut value = json!({"event": "ACCOUNT_RESTRICTION", "restriction_info": info});
    if let Some(number) = digits.and_then(|id| world.phone_numbers.get(&id)) {
        value["phone_number"] = number.digits().into();
    }
    Ok(webhook(waba_id, UPDATE_FIELD, value))
}

fn restriction_info(notice: &RestrictionNotice, now: i64) -> Value {
    let mut info = json!({"restriction_type": notice.restriction_type});
    match notice.in_seconds.map(|seconds| now.saturating_add(seconds)) {
        Some(end) if notice.as_text => {
            info["expiration"] = iso_text(end).into();
            info["remediation"] = "Improve the quality of your messages.".into();
        }
        Some(end) => info["expiration"] = end.into(),
        None => {}
    }
    info
}

/// Meta's page writes the expiration of these restrictions as text.
fn direct_send_changed(
    world: &mut World,
    waba_id: &str,
    violation_type: &str,
    expiration: Option<i64>,
) -> SentWebhooks {
    let restricts = ["_RATE_LIMIT", "_STRIKE_1", "_STRIKE_2", "_OFFBOARD"];
    let lifts = ["_UNBAN", "_RATE_LIMIT_RECOVERY"];
    let ends_with = |steps: &[&str]| steps.iter().any(|step| violation_type.ends_with(step));
    let restrictions = &mut world.account(waba_id)?.restrictions;
    let mut value = json!({"event": "ACCOUNT_RESTRICTION", "violation_info": {"violation_type": violation_type}});
    if ends_with(&restricts) || ends_with(&lifts) {
        restrictions.retain(|restriction| restriction.restriction_type != DIRECT_SEND);
    }
    if ends_with(&restricts) {
        let mut info = json!({"restriction_type": DIRECT_SEND});
        if let Some(end) = expiration {
            // Text on the page about Direct Send, an integer on all others; the quirks send it as text.
            info["expiration"] = end.into();
        }
        value["restriction_info"] = json!([info]);
        restrictions.push(Restriction {
            restriction_type: DIRECT_SEND.to_owned(),
            expiration,
        });
    }
    Ok(webhook(waba_id, UPDATE_FIELD, value))
}

fn flow_alert(flow_id: &str, event: &str, is_active: bool) -> Value {
    let state = if is_active {
        "ACTIVATED"
    } else {
        "DEACTIVATED"
    };
    let (measured, threshold) = match event {
        "ENDPOINT_AVAILABILITY" => ("availability", 90),
        "ENDPOINT_LATENCY" => ("p90_latency", 7_000),
        _ => ("error_rate", 10),
    };
    let mut value = json!({"event": event, "message": "Text about the alert.", "flow_id": flow_id,
        "alert_state": state, "threshold": threshold});
    value[measured] = json!(threshold - 5);
    value
}

fn restriction_ended(world: &mut World, waba_id: &str) -> SentWebhooks {
    let account = world.account(waba_id)?;
    account.restrictions.clear();
    account.health = Health::available();
    Ok(Vec::new())
}

fn ban_changed(
    world: &mut World,
    waba_id: &str,
    state: &str,
    date: i64,
    as_list: bool,
) -> SentWebhooks {
    let account = world.account(waba_id)?;
    account.ban_state = Some(state.to_owned());
    account.ban_date = Some(date);
    account.health = match state {
        "SCHEDULE_FOR_DISABLE" => {
            Health::new("LIMITED", "The account is scheduled to be disabled.")
        }
        "DISABLE" => Health::new("BLOCKED", "The account is disabled."),
        _ => Health::available(),
    };
    let written = if as_list {
        json!([state])
    } else {
        json!(state)
    };
    let value = json!({
        "event": "DISABLED_UPDATE",
        "ban_info": {"waba_ban_state": written, "waba_ban_date": prose_date(date)},
    });
    Ok(webhook(waba_id, UPDATE_FIELD, value))
}

fn alert(waba_id: &str, change: &WorldChange) -> Vec<Webhook> {
    let WorldChange::AccountAlert {
        entity_type,
        entity_id,
        severity,
        status,
        alert_type,
        is_flat,
        ..
    } = change
    else {
        return Vec::new();
    };
    let info = json!({
        "alert_severity": severity,
        "alert_status": status,
        "alert_type": alert_type,
        "alert_description": "Long free text that has no place in a label.",
    });
    let mut value = json!({"entity_type": entity_type, "entity_id": entity_id});
    match (value.as_object_mut(), info) {
        (Some(value), Value::Object(info)) if *is_flat => value.extend(info),
        (Some(value), info) => {
            value.insert("alert_info".into(), info);
        }
        (None, _) => {}
    }
    webhook(waba_id, "account_alerts", value)
}

fn reviewed(world: &mut World, waba_id: &str, decision: &str) -> SentWebhooks {
    decision.clone_into(&mut world.account(waba_id)?.account_review_status);
    Ok(webhook(
        waba_id,
        "account_review_update",
        json!({"decision": decision}),
    ))
}

/// The limits in the old or the new form. "No limit" is -1 in the old form and UNLIMITED in the new one, and the name
/// of the second key differs.
fn capability_updated(
    world: &mut World,
    waba_id: &str,
    limit: &str,
    phone_numbers: u32,
    style: Style,
) -> SentWebhooks {
    limit.clone_into(&mut world.portfolio_of(waba_id)?.messaging_limit);
    world.account(waba_id)?.phone_number_limit = phone_numbers;
    let customers = match (customers(limit), style) {
        (u64::MAX, Style::Old) => json!(-1),
        (u64::MAX, Style::New) => json!("UNLIMITED"),
        (number, _) => json!(number),
    };
    let value = match style {
        Style::Old => {
            json!({"max_daily_conversation_per_phone": customers, "max_phone_numbers_per_business": phone_numbers})
        }
        Style::New => {
            json!({"max_daily_conversations_per_business": customers, "max_phone_numbers_per_waba": phone_numbers})
        }
    };
    Ok(webhook(waba_id, "business_capability_update", value))
}

fn verification_changed(world: &mut World, waba_id: &str, status: &str) -> SentWebhooks {
    status.clone_into(&mut world.portfolio_of(waba_id)?.verification_status);
    if !status.eq_ignore_ascii_case("verified") {
        return Ok(Vec::new());
    }
    let mut value = json!({"event": "VERIFIED_ACCOUNT"});
    let first = world.account(waba_id)?.phone_number_ids.first().cloned();
    if let Some(number) = first.and_then(|id| world.phone_numbers.get(&id)) {
        value["phone_number"] = number.digits().into();
    }
    Ok(webhook(waba_id, UPDATE_FIELD, value))
}

/// Events of partners and of marketing have the portfolio's id in `entry[].id` and the account in `waba_info`, as in
/// Meta's examples of `account_update`.
fn account_event(
    world: &mut World,
    waba_id: &str,
    event: &str,
    details: &Map<String, Value>,
) -> SentWebhooks {
    let account = world.account(waba_id)?;
    let entry_id = if details.contains_key("waba_info") {
        &account.business_id
    } else {
        &account.id
    };
    let mut value = details.clone();
    value.insert("event".into(), event.into());
    Ok(webhook(entry_id, UPDATE_FIELD, Value::Object(value)))
}

fn health_changed(world: &mut World, id: &str, health: Health) -> SentWebhooks {
    world.store_template(id);
    let slot = if world.app.id == id {
        Some(&mut world.app.health)
    } else {
        (world.accounts.get_mut(id).map(|node| &mut node.health))
            .or_else(|| world.phone_numbers.get_mut(id).map(|node| &mut node.health))
            .or_else(|| world.templates.get_mut(id).map(|node| &mut node.health))
            .or_else(|| world.businesses.get_mut(id).map(|node| &mut node.health))
    };
    *slot.ok_or_else(|| no_such("node", id))? = health;
    Ok(Vec::new())
}

fn payment_changed(world: &mut World, waba_id: &str, has_payment: bool) -> SentWebhooks {
    let account = world.account(waba_id)?;
    account.funding_id = has_payment.then(|| format!("1{waba_id}"));
    if has_payment {
        account.health.settle_payment();
    } else {
        account.health.require_payment();
    }
    Ok(Vec::new())
}

fn marketing_changed(
    world: &mut World,
    waba_id: &str,
    is_disabled: bool,
    onboarding_status: Option<&String>,
) -> SentWebhooks {
    let account = world.account(waba_id)?;
    account.is_marketing_disabled = is_disabled;
    if let Some(status) = onboarding_status {
        status.clone_into(&mut account.marketing_onboarding_status);
    }
    Ok(Vec::new())
}
