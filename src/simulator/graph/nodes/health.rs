//! `health_status`: the entities of the requested node, its account, its portfolio and the app. See Meta's page
//! "Messaging and Calling Health Status".

use serde_json::{Value, json};

use crate::simulator::world::{Account, Health, HealthError, PhoneNumber, Template, World};

/// BLOCKED if an entity is blocked, else LIMITED if one is limited, else AVAILABLE.
const WORST_FIRST: [&str; 2] = ["BLOCKED", "LIMITED"];

pub(super) fn for_account(world: &World, account: &Account) -> Value {
    joined(&shared_entities(world, account))
}

/// If calls of the number are blocked, the whole number is BLOCKED, although every entity can send. Meta's page
/// defines the whole by the entities' `can_send_message`, but its example shows this.
pub(super) fn for_phone_number(world: &World, number: &PhoneNumber) -> Option<Value> {
    let mut own = entity("PHONE_NUMBER", &number.id, &number.health);
    own["can_receive_call_sip"] = if number.is_calling_blocked {
        "BLOCKED"
    } else {
        "AVAILABLE"
    }
    .into();
    if number.is_calling_blocked {
        let mut errors = number.health.errors.clone();
        errors.push(HealthError {
            error_code: 138_024,
            error_description: "Calls cannot be received.".into(),
            possible_solution: Some("Check the SIP server.".into()),
        });
        own["errors"] = json!(errors);
    }
    let mut entities = vec![own];
    entities.extend(shared_entities(world, world.accounts.get(&number.waba_id)?));
    let mut status = joined(&entities);
    if number.is_calling_blocked {
        status["can_send_message"] = "BLOCKED".into();
    }
    Some(status)
}

pub(super) fn for_template(world: &World, template: &Template) -> Option<Value> {
    let mut entities = vec![entity("MESSAGE_TEMPLATE", &template.id, &template.health)];
    entities.extend(shared_entities(
        world,
        world.accounts.get(&template.waba_id)?,
    ));
    Some(joined(&entities))
}

fn shared_entities(world: &World, account: &Account) -> Vec<Value> {
    let mut entities = vec![entity("WABA", &account.id, &account.health)];
    entities.extend(
        world
            .business_of(account)
            .map(|business| entity("BUSINESS", &business.id, &business.health)),
    );
    let mut app = entity("APP", &world.app.id, &world.app.health);
    app["can_receive_call_sip"] = "AVAILABLE".into();
    entities.push(app);
    entities
}

fn entity(kind: &str, id: &str, health: &Health) -> Value {
    let mut entity =
        json!({"entity_type": kind, "id": id, "can_send_message": health.can_send_message});
    if !health.additional_info.is_empty() {
        entity["additional_info"] = json!(health.additional_info);
    }
    if !health.errors.is_empty() {
        entity["errors"] = json!(health.errors);
    }
    entity
}

fn joined(entities: &[Value]) -> Value {
    let has = |word: &str| {
        entities
            .iter()
            .any(|entity| entity["can_send_message"] == word)
    };
    let overall = WORST_FIRST
        .into_iter()
        .find(|word| has(word))
        .unwrap_or("AVAILABLE");
    json!({"can_send_message": overall, "entities": entities})
}
