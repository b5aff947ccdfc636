//! The message template node of the Graph API reference. `quality_score` and `rejected_reason` are not among the
//! default fields.

use serde_json::{Value, json};

use super::health;
use crate::simulator::world::{Template, World};

pub(super) const DEFAULT_FIELDS: &[&str] = &[
    "id",
    "name",
    "components",
    "language",
    "status",
    "category",
    "previous_category",
    "sub_category",
    "parameter_format",
];

pub(super) const KNOWN_FIELDS: &[&str] = &[
    "category",
    "components",
    "correct_category",
    "cta_url_link_tracking_opted_out",
    "degrees_of_freedom_spec",
    "health_status",
    "id",
    "language",
    "library_template_name",
    "message_send_ttl_seconds",
    "name",
    "parameter_format",
    "previous_category",
    "quality_score",
    "rejected_reason",
    "source",
    "status",
    "sub_category",
];

pub(super) fn value(world: &World, template: &Template, field: &str) -> Option<Value> {
    Some(match field {
        "id" => json!(template.id),
        "name" => json!(template.name),
        "language" => json!(template.language),
        "category" => json!(template.category),
        "previous_category" => json!(template.previous_category.as_ref()?),
        "correct_category" => json!(template.correct_category.as_ref()?),
        "status" => json!(template.status),
        "rejected_reason" => json!(template.rejected_reason),
        "source" => json!(template.source),
        "quality_score" => json!({"score": template.quality_score, "date": template.quality_date}),
        "parameter_format" => json!("POSITIONAL"),
        "cta_url_link_tracking_opted_out" => json!(false),
        "degrees_of_freedom_spec" if template.category == "MARKETING" => creative_features(),
        "components" => json!([body(template)]),
        "health_status" => health::for_template(world, template)?,
        _ => return None,
    })
}

/// The body. Meta requires an example for placeholders, and returns it.
fn body(template: &Template) -> Value {
    let mut body = json!({"type": "BODY", "text": template.body_text});
    if template.body_text.contains("{{1}}") {
        body["example"] = json!({"body_text": [["Ann"]]});
    }
    body
}

/// Optimizations of marketing messages. Requests have an object of features, responses this list.
fn creative_features() -> Value {
    json!({"creative_features_spec": [
        {"key": "IMAGE_BRIGHTNESS_AND_CONTRAST", "value": {"enroll_status": "OPT_OUT"}},
    ]})
}
