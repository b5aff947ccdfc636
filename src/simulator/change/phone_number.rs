//! Changes of phone numbers.

use serde_json::{Value, json};

use super::{
    ChangeError, SentWebhooks, Style, UPDATE_FIELD, Webhook, WorldChange, conversation_webhook,
    no_such, webhook,
};
use crate::simulator::world::{PhoneNumber, World};

const QUALITY_FIELD: &str = "phone_number_quality_update";

/// Applies a change to a number; `None` if the change is about something else.
///
/// One `match`, however long, so that it can be compared with the catalogue.
#[expect(clippy::too_many_lines, reason = "one arm for each change")]
pub(super) fn apply(world: &mut World, change: &WorldChange, now: i64) -> Option<SentWebhooks> {
    Some(match change {
        WorldChange::QualityRatingChanged {
            phone_number_id,
            quality_rating,
        } => silently(world, phone_number_id, |number| {
            quality_rating.clone_into(&mut number.quality_rating);
        }),
        WorldChange::NumberFlagged { phone_number_id } => flagged(world, phone_number_id),
        WorldChange::NumberUnflagged {
            phone_number_id,
            quality_rating,
        } => unflagged(world, phone_number_id, quality_rating),
        WorldChange::NumberFlagLapsed {
            phone_number_id,
            limit,
        } => flag_lapsed(world, phone_number_id, limit),
        WorldChange::NumberLimitChanged {
            phone_number_id,
            limit,
            style: Style::Old,
        } => old_limit_changed(world, phone_number_id, limit),
        WorldChange::NumberLimitChanged {
            phone_number_id,
            limit,
            style: Style::New,
        } => portfolio_limit_changed(world, phone_number_id, limit),
        WorldChange::NumberOnboarded { phone_number_id } => onboarded(world, phone_number_id, now),
        WorldChange::ThroughputUpgraded { phone_number_id } => {
            throughput_upgraded(world, phone_number_id)
        }
        WorldChange::ThroughputLevelChanged {
            phone_number_id,
            level,
        } => silently(world, phone_number_id, |number| {
            level.clone_into(&mut number.throughput_level);
        }),
        WorldChange::NumberStatusChanged {
            phone_number_id,
            status,
        } => silently(world, phone_number_id, |number| {
            status.clone_into(&mut number.status);
        }),
        WorldChange::NameDecided {
            phone_number_id,
            decision,
            requested_verified_name,
            rejection_reason,
        } => name_decided(
            world,
            phone_number_id,
            decision,
            requested_verified_name,
            rejection_reason.as_deref(),
        ),
        WorldChange::CodeVerificationChanged {
            phone_number_id,
            status,
        } => silently(world, phone_number_id, |number| {
            status.clone_into(&mut number.code_verification_status);
        }),
        WorldChange::CallingBlocked {
            phone_number_id,
            is_blocked,
        } => silently(world, phone_number_id, |number| {
            number.is_calling_blocked = *is_blocked;
        }),
        WorldChange::NumberAdded {
            waba_id,
            phone_number_id,
            display_phone_number,
            verified_name,
        } => {
            let number = PhoneNumber::new(phone_number_id, display_phone_number, verified_name);
            added(world, waba_id, number, now)
        }
        WorldChange::NumberShared {
            phone_number_id,
            waba_id,
            is_shared,
        } => shared(world, phone_number_id, waba_id, *is_shared),
        WorldChange::NumberRemoved { phone_number_id } => world
            .remove_phone_number(phone_number_id)
            .map(|_| Vec::new())
            .ok_or_else(|| no_such("phone number", phone_number_id)),
        WorldChange::NumberCallbackOverridden {
            phone_number_id,
            callback_url,
        } => silently(world, phone_number_id, |number| {
            number.override_callback_url.clone_from(callback_url);
        }),
        WorldChange::NumberRestricted {
            phone_number_id,
            restriction_type,
            in_seconds,
        } => restricted(
            world,
            phone_number_id,
            restriction_type,
            in_seconds.map(|seconds| now.saturating_add(seconds)),
        ),
        WorldChange::GroupSuspended {
            phone_number_id,
            group_id,
            is_suspended,
        } => world
            .number(phone_number_id)
            .map(|number| group_status(number, group_id, *is_suspended, now)),
        WorldChange::SecurityEvent {
            phone_number_id,
            event,
        } => security(world, phone_number_id, event),
        _ => return None,
    })
}

fn silently(world: &mut World, id: &str, edit: impl FnOnce(&mut PhoneNumber)) -> SentWebhooks {
    edit(world.number(id)?);
    Ok(Vec::new())
}

fn flagged(world: &mut World, id: &str) -> SentWebhooks {
    let number = world.number(id)?;
    number.status = "FLAGGED".into();
    number.quality_rating = "RED".into();
    let value = json!({"event": "FLAGGED", "current_limit": old_limit(number)});
    Ok(quality_update(number, value))
}

fn unflagged(world: &mut World, id: &str, quality_rating: &str) -> SentWebhooks {
    let number = world.number(id)?;
    number.status = "CONNECTED".into();
    quality_rating.clone_into(&mut number.quality_rating);
    let value = json!({"event": "UNFLAGGED", "current_limit": old_limit(number)});
    Ok(quality_update(number, value))
}

fn flag_lapsed(world: &mut World, id: &str, limit: &str) -> SentWebhooks {
    world.number(id)?.status = "CONNECTED".into();
    old_limit_changed(world, id, limit)
}

fn old_limit_changed(world: &mut World, id: &str, limit: &str) -> SentWebhooks {
    let number = world.number(id)?;
    let before = old_limit(number);
    number.messaging_limit_tier = Some(limit.to_owned());
    let value =
        json!({"event": direction(&before, limit), "old_limit": before, "current_limit": limit});
    Ok(quality_update(number, value))
}

fn portfolio_limit_changed(world: &mut World, id: &str, limit: &str) -> SentWebhooks {
    let waba_id = world.number(id)?.waba_id.clone();
    let portfolio = world.portfolio_of(&waba_id)?;
    let event = direction(&portfolio.messaging_limit, limit);
    limit.clone_into(&mut portfolio.messaging_limit);
    let value = json!({"event": event, "max_daily_conversations_per_business": limit});
    Ok(quality_update(world.number(id)?, value))
}

fn onboarded(world: &mut World, id: &str, now: i64) -> SentWebhooks {
    let waba_id = world.number(id)?.waba_id.clone();
    let limit = world.portfolio_of(&waba_id)?.messaging_limit.clone();
    let number = world.number(id)?;
    number.last_onboarded_time = now;
    let value = json!({"event": "ONBOARDING", "max_daily_conversations_per_business": limit});
    Ok(quality_update(number, value))
}

/// The `current_limit` of this event is not the messaging limit: Meta sends TIER_UNLIMITED for every upgrade of the
/// throughput, as in its page on `phone_number_quality_update`.
fn throughput_upgraded(world: &mut World, id: &str) -> SentWebhooks {
    let number = world.number(id)?;
    number.throughput_level = "HIGH".into();
    let value = json!({
        "event": "THROUGHPUT_UPGRADE",
        "current_limit": "TIER_UNLIMITED",
        "max_daily_conversations_per_business": "UNLIMITED",
    });
    Ok(quality_update(number, value))
}

fn name_decided(
    world: &mut World,
    id: &str,
    decision: &str,
    name: &str,
    reason: Option<&str>,
) -> SentWebhooks {
    let number = world.number(id)?;
    match decision {
        "APPROVED" => {
            number.verified_name = name.into();
            number.name_status = "APPROVED".into();
            number.new_name_status = "NONE".into();
            number.new_display_name = None;
        }
        "REJECTED" => {
            number.new_name_status = "DECLINED".into();
            number.new_display_name = Some(name.into());
        }
        _ => {
            number.new_name_status = "PENDING_REVIEW".into();
            number.new_display_name = Some(name.into());
        }
    }
    let value = json!({
        "display_phone_number": number.digits(),
        "decision": decision,
        "requested_verified_name": name,
        "rejection_reason": reason,
    });
    Ok(webhook(&number.waba_id, "phone_number_name_update", value))
}

fn added(world: &mut World, waba_id: &str, number: PhoneNumber, now: i64) -> SentWebhooks {
    world.account(waba_id)?;
    if world.phone_numbers.contains_key(&number.id) {
        return Err(ChangeError::Taken { id: number.id });
    }
    let id = number.id.clone();
    // The edge lists the last onboarded number first.
    world.insert_phone_number(waba_id, 0, number);
    onboarded(world, &id, now)
}

fn restricted(
    world: &mut World,
    id: &str,
    restriction_type: &str,
    expiration: Option<i64>,
) -> SentWebhooks {
    let number = world.number(id)?;
    let mut info = json!({"restriction_type": restriction_type});
    if let Some(end) = expiration {
        info["expiration"] = end.into();
    }
    let value = json!({"phone_number": number.digits(), "event": "ACCOUNT_RESTRICTION", "restriction_info": [info]});
    Ok(webhook(&number.waba_id, UPDATE_FIELD, value))
}

fn group_status(
    number: &PhoneNumber,
    group_id: &str,
    is_suspended: bool,
    now: i64,
) -> Vec<Webhook> {
    let kind = if is_suspended {
        "group_suspend"
    } else {
        "group_suspend_cleared"
    };
    let group = json!({"timestamp": now.to_string(), "type": kind, "group_id": group_id});
    let value = json!({ "groups": [group] });
    vec![conversation_webhook(number, "group_status_update", value)]
}

fn shared(world: &mut World, id: &str, waba_id: &str, is_shared: bool) -> SentWebhooks {
    let is_own = world.number(id)?.waba_id == waba_id;
    let listed = &mut world.account(waba_id)?.phone_number_ids;
    if is_own {
        return Ok(Vec::new());
    }
    listed.retain(|listed| listed != id);
    if is_shared {
        listed.push(id.to_owned());
    }
    Ok(Vec::new())
}

fn security(world: &mut World, id: &str, event: &str) -> SentWebhooks {
    let waba_id = world.number(id)?.waba_id.clone();
    let requester = world.account(&waba_id)?.business_id.clone();
    let number = world.number(id)?;
    let value =
        json!({"display_phone_number": number.digits(), "event": event, "requester": requester});
    Ok(webhook(&waba_id, "security", value))
}

fn quality_update(number: &PhoneNumber, mut value: Value) -> Vec<Webhook> {
    value["display_phone_number"] = number.digits().into();
    webhook(&number.waba_id, QUALITY_FIELD, value)
}

fn old_limit(number: &PhoneNumber) -> String {
    number
        .messaging_limit_tier
        .clone()
        .unwrap_or_else(|| "TIER_NOT_SET".into())
}

fn direction(before: &str, after: &str) -> &'static str {
    if customers(after) < customers(before) {
        "DOWNGRADE"
    } else {
        "UPGRADE"
    }
}

/// Customers per day of a limit's name; names without a number count as none.
pub(super) fn customers(limit: &str) -> u64 {
    match limit {
        "TIER_50" => 50,
        "TIER_250" => 250,
        "TIER_1K" => 1_000,
        "TIER_2K" => 2_000,
        "TIER_10K" => 10_000,
        "TIER_100K" => 100_000,
        "TIER_UNLIMITED" | "UNLIMITED" => u64::MAX,
        _ => 0,
    }
}
