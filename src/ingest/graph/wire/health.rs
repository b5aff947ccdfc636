//! Parses `health_status` of numbers and accounts.

use crate::domain::{EntityHealth, Health, HealthEntity};
use crate::ingest::{MetaObject, ParseWarnings};

/// The health of the node, computed from its entities, because Meta's total may be about calls.
pub(super) fn from_node(
    node: &MetaObject<'_>,
    field: &'static str,
    warnings: &mut ParseWarnings,
) -> Option<Health> {
    let status = node.object(field, field, warnings)?;
    let entities = status
        .objects("entities", field, warnings)
        .into_iter()
        .filter_map(|entity| {
            let can_send_message = entity.word("can_send_message", warnings)?;
            // An unknown entity counts if it restricts sending.
            let kind = entity.word("entity_type", warnings);
            let kind = kind.unwrap_or(HealthEntity::Other);
            Some(EntityHealth {
                kind,
                can_send_message,
            })
        });
    let entities = entities.collect();
    let total = status.word("can_send_message", warnings);
    Health::new(entities, total)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::CanSendMessage;

    fn read(status: &serde_json::Value) -> Option<CanSendMessage> {
        let node = json!({ "health_status": status });
        let node = MetaObject::new("node", &node).expect("an object");
        let health = from_node(&node, "health_status", &mut ParseWarnings::new());
        health.map(|health| health.can_send_message)
    }

    #[test]
    fn the_worst_entity_decides_instead_of_metas_total() {
        let entity = |kind: &str, word: &str| json!({"entity_type": kind, "id": "1", "can_send_message": word});
        let calls = json!({"can_send_message": "BLOCKED", "entities": [entity("WABA", "AVAILABLE"), entity("APP", "AVAILABLE")]});
        assert_eq!(read(&calls), Some(CanSendMessage::Available));
        let limited = json!({"can_send_message": "AVAILABLE", "entities": [entity("WABA", "LIMITED"), entity("APP", "AVAILABLE")]});
        assert_eq!(read(&limited), Some(CanSendMessage::Limited));
        let single = json!({"entities": entity("BUSINESS", "BLOCKED")});
        assert_eq!(read(&single), Some(CanSendMessage::Blocked));
        let nameless = json!({"entities": [{"can_send_message": "BLOCKED"}, {"entity_type": "APP", "can_receive_call_sip": "AVAILABLE"}]});
        assert_eq!(read(&nameless), Some(CanSendMessage::Blocked));
        assert_eq!(
            read(&json!({"can_send_message": "LIMITED"})),
            Some(CanSendMessage::Limited)
        );
        assert_eq!(read(&json!(null)), None);
    }
}
