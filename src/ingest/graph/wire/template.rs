//! Parses the message template node, and the totals of a listing.

use serde_json::Value;

use super::read::node_reader;
use crate::domain::TemplateId;
use crate::domain::template::{Snapshot, Totals, template_attributes};
use crate::ingest::{MetaObject, ParseWarnings};

const NOUN: &str = "message_template";

template_attributes!(node_reader);

/// Parses the node. `None` if it has no id.
pub fn snapshot(node: &Value, warnings: &mut ParseWarnings) -> Option<Snapshot> {
    let node = MetaObject::node(NOUN, node, warnings)?;
    node.require("id", warnings)?;
    let id = node.parsed("id", TemplateId::parse, warnings)?;
    let mut snapshot = Snapshot::new(id);
    read_attributes(&mut snapshot, &node, warnings);
    Some(snapshot)
}

/// The totals in the page's `summary`, if Meta sent one.
pub fn totals(page: &Value) -> Totals {
    let mut warnings = ParseWarnings::new();
    let summary = MetaObject::new("summary", page)
        .and_then(|page| page.object("summary", "summary", &mut warnings));
    let Some(summary) = summary else {
        return Totals::default();
    };
    Totals {
        count: summary
            .count("message_template_count", &mut warnings)
            .or_else(|| summary.count("total_count", &mut warnings)),
        limit: summary.count("message_template_limit", &mut warnings),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::QualityRating;
    use crate::domain::template::{Category, RejectedReason, Status};

    fn template(fields: Value) -> Snapshot {
        let mut node = fields;
        node["id"] = json!("7001002003004005");
        let mut warnings = ParseWarnings::new();
        let snapshot = snapshot(&node, &mut warnings).expect("it has an id");
        assert_eq!(warnings, []);
        snapshot
    }

    #[test]
    fn healthy_and_rejected_templates_are_read() {
        let healthy = template(
            json!({"name": "spring_offer", "language": "en-US", "status": "APPROVED",
            "category": "MARKETING", "quality_score": {"score": "GREEN", "date": 1_727_000_000, "reasons": ["x"]}, "rejected_reason": "NONE"}),
        );
        assert_eq!(healthy.language.as_deref(), Some("en_US"));
        assert_eq!(
            (healthy.status, healthy.quality_rating),
            (Some(Status::Approved), Some(QualityRating::Green))
        );
        assert_eq!(healthy.last_reason, Some(RejectedReason::None));
        let rejected = template(
            json!({"status": "rejected", "rejected_reason": "TAG_CONTENT_MISMATCH", "correct_category": "UTILITY"}),
        );
        assert_eq!(
            (rejected.status, rejected.correct_category),
            (Some(Status::Rejected), Some(Category::Utility))
        );
        assert_eq!(
            rejected.last_reason,
            Some(RejectedReason::TagContentMismatch)
        );
    }

    #[test]
    fn the_score_may_be_a_bare_word_and_the_category_a_retired_one() {
        assert_eq!(
            template(json!({"quality_score": "YELLOW"})).quality_rating,
            Some(QualityRating::Yellow)
        );
        let mut warnings = ParseWarnings::new();
        let retired = snapshot(
            &json!({"id": "7", "category": "ISSUE_RESOLUTION"}),
            &mut warnings,
        );
        assert_eq!(
            retired.and_then(|snapshot| snapshot.category),
            Some(Category::Other)
        );
        assert_eq!(warnings.len(), 1);
    }

    #[test]
    fn totals_may_be_numbers_text_or_missing() {
        let page = json!({"data": [], "summary": {"total_count": 3, "message_template_count": "41", "message_template_limit": 6000}});
        assert_eq!(
            totals(&page),
            Totals {
                count: Some(41),
                limit: Some(6_000)
            }
        );
        assert_eq!(totals(&json!({"data": []})), Totals::default());
    }
}
