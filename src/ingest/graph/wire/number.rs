//! Parses the phone number node.

use serde_json::Value;

use super::read::node_reader;
use crate::domain::PhoneNumberId;
use crate::domain::number::{Snapshot, number_attributes};
use crate::ingest::{MetaObject, ParseWarnings};

const NOUN: &str = "phone_number";

number_attributes!(node_reader);

/// Parses the node. `None` if it has no id.
pub fn snapshot(node: &Value, warnings: &mut ParseWarnings) -> Option<Snapshot> {
    let node = MetaObject::node(NOUN, node, warnings)?;
    node.require("id", warnings)?;
    let id = node.parsed("id", PhoneNumberId::parse, warnings)?;
    let mut snapshot = Snapshot::new(id);
    read_attributes(&mut snapshot, &node, warnings);
    Some(snapshot)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::MessagingLimit::{Customers, Unlimited};
    use crate::domain::QualityRating;
    use crate::domain::number::{CodeVerificationStatus, NameStatus, Status, ThroughputLevel};
    use crate::ingest::ParseWarning;

    fn read(node: &Value) -> (Option<Snapshot>, ParseWarnings) {
        let mut warnings = ParseWarnings::new();
        (snapshot(node, &mut warnings), warnings)
    }

    /// Reads a node that has only `fields`.
    fn number(fields: Value) -> Snapshot {
        let mut node = fields;
        node["id"] = json!("900100200300400");
        let (snapshot, warnings) = read(&node);
        assert_eq!(warnings, []);
        snapshot.expect("it has an id")
    }

    #[test]
    fn the_published_example_is_read_in_full() {
        let example = json!({"id":"900100200300400","display_phone_number":"+1 555-010-0199","verified_name":"Fern & Moss",
            "quality_rating":"YELLOW","quality_score":{"score":"YELLOW"},"status":"CONNECTED","name_status":"APPROVED",
            "new_name_status":"NONE","code_verification_status":"VERIFIED","account_mode":"LIVE","platform_type":"CLOUD_API",
            "throughput":{"level":"STANDARD"},"whatsapp_business_manager_messaging_limit":"TIER_2K",
            "is_official_business_account":false,"last_onboarded_time":"2026-02-03T10:11:12+0000"});
        let number = number(example);
        assert_eq!(number.quality_rating, Some(QualityRating::Yellow));
        assert_eq!(number.status, Some(Status::Connected));
        assert_eq!(number.messaging_limit, Some(Customers(2_000)));
        assert_eq!(number.throughput_level, Some(ThroughputLevel::Standard));
        assert_eq!(
            (number.name_status, number.new_name_status),
            (Some(NameStatus::Approved), Some(NameStatus::None))
        );
        assert_eq!(
            number.display_phone_number.as_deref(),
            Some("+1 555-010-0199")
        );
    }

    #[test]
    fn both_documented_forms_are_read() {
        for unknown in ["UNKNOWN", "NA", "unknown"] {
            assert_eq!(
                number(json!({"quality_rating": unknown})).quality_rating,
                Some(QualityRating::Unknown)
            );
        }
        for score in [
            json!({"score": "RED"}),
            json!("RED"),
            json!([{"score": "RED"}]),
        ] {
            assert_eq!(
                number(json!({"quality_score": score})).quality_rating,
                Some(QualityRating::Red)
            );
        }
        for (level, expected) in [
            (json!(80), ThroughputLevel::Standard),
            (json!(1000), ThroughputLevel::High),
            (json!("HIGH"), ThroughputLevel::High),
        ] {
            assert_eq!(
                number(json!({"throughput": {"level": level}})).throughput_level,
                Some(expected)
            );
        }
        let both = json!({"messaging_limit_tier": "TIER_250", "whatsapp_business_manager_messaging_limit": "TIER_UNLIMITED"});
        assert_eq!(number(both).messaging_limit, Some(Unlimited));
        let untiered = json!({"messaging_limit_tier": "TIER_250", "whatsapp_business_manager_messaging_limit": "UNTIERED"});
        assert_eq!(number(untiered).messaging_limit, None);
        assert_eq!(
            number(json!({"messaging_limit_tier": "TIER_1K"})).messaging_limit,
            Some(Customers(1_000))
        );
        let code =
            number(json!({"code_verification_status": "UNVERIFIED"})).code_verification_status;
        assert_eq!(code, Some(CodeVerificationStatus::NotVerified));
    }

    #[test]
    fn missing_and_null_values_are_absent_and_new_words_are_other() {
        assert_eq!(
            number(json!({"status": null})),
            Snapshot::new(PhoneNumberId::parse("900100200300400").expect("digits"))
        );
        let (snapshot, warnings) =
            read(&json!({"id": 900_100_u64, "status": "HIBERNATING", "quality_rating": "GREEN"}));
        let snapshot = snapshot.expect("a number will do for an id");
        assert_eq!(
            (snapshot.status, snapshot.quality_rating),
            (Some(Status::Other), Some(QualityRating::Green))
        );
        assert_eq!(
            warnings,
            [ParseWarning::unknown(NOUN, "status", "HIBERNATING")]
        );
        for nothing in [json!({}), json!(7), json!({"id": "abc"})] {
            let (snapshot, warnings) = read(&nothing);
            assert!(snapshot.is_none() && warnings.len() == 1);
        }
    }
}
