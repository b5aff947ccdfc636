//! The business portfolio node, whose edges list accounts for discovery.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::simulator::world::{Account, Business, World};

pub(super) const KNOWN_FIELDS: &[&str] = &[
    "id",
    "name",
    "verification_status",
    "whatsapp_business_manager_messaging_limit",
];

pub(super) fn value(business: &Business, field: &str) -> Option<Value> {
    Some(match field {
        "id" => json!(business.id),
        "name" => json!(business.name),
        "verification_status" => json!(business.verification_status),
        "whatsapp_business_manager_messaging_limit" => json!(business.messaging_limit),
        _ => return None,
    })
}

/// Ids of the visible accounts that belong to the edge.
pub(super) fn accounts(world: &World, belongs: impl Fn(&Account) -> bool) -> Vec<Cow<'_, str>> {
    world
        .accounts
        .values()
        .filter(|account| account.is_visible && belongs(account))
        .map(|account| account.id.as_str().into())
        .collect()
}
