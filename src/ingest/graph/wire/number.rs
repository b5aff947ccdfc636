//! A phone number's node.

use serde_json::Value;

use super::health;
use crate::domain::number::{Reading, ThroughputLevel};
use crate::domain::{MessagingLimit, PhoneNumberId, QualityRating};
use crate::ingest::{Object, Oddities};

const NOUN: &str = "phone_number";

/// Messages a second from which a throughput given as a number is the higher level.
const HIGH_THROUGHPUT: u64 = 1_000;

/// What the node says; none if it has no id.
pub fn reading(node: &Value, odd: &mut Oddities) -> Option<Reading> {
    let node = Object::node(NOUN, node, odd)?;
    node.needs("id", odd)?;
    let id = node.parsed("id", PhoneNumberId::parse, odd)?;
    Some(Reading {
        display_phone_number: node.text("display_phone_number", odd),
        verified_name: node.text("verified_name", odd),
        account_mode: node.word("account_mode", odd),
        platform_type: node.word("platform_type", odd),
        quality_rating: node
            .word("quality_rating", odd)
            .or_else(|| quality_score(&node, odd)),
        status: node.word("status", odd),
        messaging_limit: messaging_limit(&node, odd),
        throughput_level: throughput_level(&node, odd),
        name_status: node.word("name_status", odd),
        new_name_status: node.word("new_name_status", odd),
        code_verification_status: node.word("code_verification_status", odd),
        health: health::reading(&node, odd),
        ..Reading::of(id)
    })
}

/// The portfolio's limit. The number's own, which it replaced, counts only where that is not sent:
/// a portfolio that says it has no tier yet is right.
fn messaging_limit(node: &Object<'_>, odd: &mut Oddities) -> Option<MessagingLimit> {
    let key = "whatsapp_business_manager_messaging_limit";
    let key = if node.has(key) {
        key
    } else {
        "messaging_limit_tier"
    };
    node.limit(key, odd)
}

/// `{"score": "GREEN"}`, or the bare word that some answers have.
pub(super) fn quality_score(node: &Object<'_>, odd: &mut Oddities) -> Option<QualityRating> {
    match node.get("quality_score")? {
        Value::String(_) => node.word("quality_score", odd),
        _ => node
            .object("quality_score", "quality_score", odd)?
            .word("score", odd),
    }
}

/// `{"level": "STANDARD"}`, or a number of messages a second in its place.
fn throughput_level(node: &Object<'_>, odd: &mut Oddities) -> Option<ThroughputLevel> {
    let throughput = node.object("throughput", "throughput", odd)?;
    match throughput.get("level")? {
        Value::Number(_) => {
            let high = throughput.count("level", odd)? >= HIGH_THROUGHPUT;
            Some(if high {
                ThroughputLevel::High
            } else {
                ThroughputLevel::Standard
            })
        }
        _ => throughput.word("level", odd),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::MessagingLimit::{Customers, Unlimited};
    use crate::domain::number::{CodeVerificationStatus, NameStatus, Status};
    use crate::ingest::Oddity;

    fn read(node: &Value) -> (Option<Reading>, Oddities) {
        let mut odd = Oddities::new();
        (reading(node, &mut odd), odd)
    }

    /// Reads a node of which only `fields` are said.
    fn number(fields: Value) -> Reading {
        let mut node = fields;
        node["id"] = json!("900100200300400");
        let (reading, odd) = read(&node);
        assert_eq!(odd, []);
        reading.expect("it has an id")
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
    fn where_metas_pages_differ_both_are_read() {
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
    fn what_is_missing_or_null_is_absent_and_what_is_new_is_other() {
        assert_eq!(
            number(json!({"status": null})),
            Reading::of(PhoneNumberId::parse("900100200300400").expect("digits"))
        );
        let (reading, odd) =
            read(&json!({"id": 900_100_u64, "status": "HIBERNATING", "quality_rating": "GREEN"}));
        let reading = reading.expect("a number will do for an id");
        assert_eq!(
            (reading.status, reading.quality_rating),
            (Some(Status::Other), Some(QualityRating::Green))
        );
        assert_eq!(odd, [Oddity::unknown(NOUN, "status", "HIBERNATING")]);
        for nothing in [json!({}), json!(7), json!({"id": "abc"})] {
            let (reading, odd) = read(&nothing);
            assert!(reading.is_none() && odd.len() == 1);
        }
    }
}
