//! Parses `health_status` of numbers and accounts.

use crate::domain::{EntityHealth, Health, HealthDetails, HealthEntity, HealthError, HealthRemark};
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
            // An unknown entity counts if it restricts sending.
            let kind = entity.word("entity_type", warnings);
            let kind = kind.unwrap_or(HealthEntity::Other);
            let can_send_message = entity.word("can_send_message", warnings)?;
            Some(EntityHealth {
                kind,
                can_send_message,
            })
        });
    let entities = entities.collect();
    let total = status.word("can_send_message", warnings);
    Health::new(entities, total)
}

/// The errors and remarks at the node's entities, whatever their words. [`from_node`] reports what is wrong
/// with the entities themselves.
pub(super) fn details_from_node(
    node: &MetaObject<'_>,
    field: &'static str,
    warnings: &mut ParseWarnings,
) -> Option<HealthDetails> {
    let mut reported = ParseWarnings::new();
    let status = node.object(field, field, &mut reported)?;
    let (mut errors, mut remarks) = (Vec::new(), Vec::new());
    for entity in status.objects("entities", field, &mut reported) {
        let kind = entity.word("entity_type", &mut reported);
        let kind = kind.unwrap_or(HealthEntity::Other);
        let found = entity.objects("errors", "health_error", warnings);
        errors.extend(found.iter().map(|error| read_error(kind, error, warnings)));
        let texts = entity.texts("additional_info", warnings).into_iter();
        remarks.extend(texts.map(|text| HealthRemark { entity: kind, text }));
    }
    Some(HealthDetails::new(errors, remarks))
}

/// An error without a readable code is kept: its text may be the only information.
fn read_error(
    entity: HealthEntity,
    error: &MetaObject<'_>,
    warnings: &mut ParseWarnings,
) -> HealthError {
    let code = error.require("error_code", warnings);
    let code = code.and_then(|()| error.parsed("error_code", |code| code.parse().ok(), warnings));
    let mut text = |key| error.text(key, warnings).filter(|text| !text.is_empty());
    HealthError {
        entity,
        code,
        description: text("error_description"),
        solution: text("possible_solution"),
    }
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

    fn read_details(entities: &serde_json::Value) -> (HealthDetails, ParseWarnings) {
        let node = json!({ "health_status": {"entities": entities} });
        let node = MetaObject::new("node", &node).expect("an object");
        let mut warnings = ParseWarnings::new();
        let details = details_from_node(&node, "health_status", &mut warnings);
        (details.expect("a health_status"), warnings)
    }

    #[test]
    fn errors_are_read_at_any_entity_and_in_any_form() {
        let (details, warnings) = read_details(&json!([
            {"entity_type": "WABA", "can_send_message": "BLOCKED", "errors":
                {"error_code": "141006", "error_description": " Pay. ", "possible_solution": ""}},
            {"entity_type": "APP", "can_send_message": "AVAILABLE", "errors": [{"error_code": 138_025}],
                "additional_info": "One remark"},
            {"entity_type": "BUSINESS", "errors": [{"error_code": 141_010, "error_description": null}], "additional_info": ["a", "b"]},
            {"can_send_message": "LIMITED", "errors": []},
        ]));
        assert_eq!(warnings, []);
        let errors = details.errors.iter();
        let errors: Vec<_> = errors.map(|error| (error.entity, error.code)).collect();
        let expected = [
            (HealthEntity::Waba, Some(141_006)),
            (HealthEntity::Business, Some(141_010)),
            (HealthEntity::App, Some(138_025)),
        ];
        assert_eq!(errors, expected);
        assert_eq!(details.errors[0].description.as_deref(), Some("Pay."));
        assert_eq!(details.errors[0].solution, None);
        let remarks = details.remarks.iter().map(|remark| remark.text.as_str());
        assert_eq!(remarks.collect::<Vec<_>>(), ["One remark", "a", "b"]);
    }

    #[test]
    fn an_error_without_a_readable_code_is_kept_and_reported() {
        let long = "é".repeat(4_000);
        let (details, warnings) = read_details(&json!([{"entity_type": "WABA", "errors": [
            {"error_description": long}, {"error_code": "none"}, {"error_code": -1}, "prose"]}]));
        assert_eq!(warnings.len(), 4);
        let [error] = &details.errors[..] else {
            panic!("{details:?}");
        };
        let description = error.description.as_deref().expect("the one with a text");
        assert_eq!((error.code, description.len()), (None, 512));
        let (empty, _) = read_details(&json!([]));
        assert_eq!(empty, HealthDetails::default());
    }
}
