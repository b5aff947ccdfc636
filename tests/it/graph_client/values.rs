//! Values in other shapes than Meta documents: each is read if it has a meaning, or omitted and counted.

use serde_json::{Value, json};
use whatsapp_business_exporter::domain::number::{Snapshot, Status, ThroughputLevel};
use whatsapp_business_exporter::domain::{CanSendMessage, QualityRating};
use whatsapp_business_exporter::simulator::Fault;

use crate::support::meta::{Meta, NUMBER, TEMPLATE, small_world};
use crate::support::reader::Reader;

/// Reads the only number of a Meta whose response has `value` in `field`.
async fn number_with(field: &str, value: Value) -> (Snapshot, Reader, Meta) {
    let meta = Meta::new(small_world()).await;
    let field = field.to_owned();
    meta.fault(None, None, Fault::FieldReplaced { field, value });
    let reader = Reader::for_meta(&meta);
    let listed = reader.numbers().await;
    assert!(listed.listing.complete);
    let number = listed.listing.objects.into_iter().next();
    (number.expect("one number"), reader, meta)
}

fn counted(reader: &Reader, counter: &str, field: &str) -> Option<f64> {
    let name = format!("whatsapp_exporter_{counter}_values_total");
    reader.counted().value(&name, &[("field", field)])
}

#[tokio::test]
async fn an_unknown_word_is_other_and_counted_each_time_it_is_met() {
    let (number, reader, _meta) = number_with("status", json!("SHINY")).await;
    assert_eq!(number.status, Some(Status::Other));
    assert_eq!(number.quality_rating, Some(QualityRating::Green));
    let unknown = |reader: &Reader| counted(reader, "unknown", "phone_number.status");
    assert_eq!(unknown(&reader), Some(1.0));
    reader.numbers().await;
    assert_eq!(unknown(&reader), Some(2.0));
}

#[tokio::test]
async fn null_is_absent() {
    let (number, reader, _) = number_with("status", Value::Null).await;
    assert_eq!(number.status, None);
    assert_eq!(counted(&reader, "malformed", "phone_number.status"), None);
}

#[tokio::test]
async fn a_number_where_text_is_documented_is_its_digits() {
    let (number, ..) = number_with("verified_name", json!(1984)).await;
    assert_eq!(number.verified_name.as_deref(), Some("1984"));
    let id: u64 = NUMBER.parse().expect("digits");
    let (number, ..) = number_with("id", json!(id)).await;
    assert_eq!(number.id.as_str(), NUMBER);
    let (number, ..) = number_with("level", json!(80)).await;
    assert_eq!(number.throughput_level, Some(ThroughputLevel::Standard));
}

#[tokio::test]
async fn a_template_id_longer_than_a_float_keeps_every_digit_as_a_number() {
    let mut world = small_world();
    world.remove_template(TEMPLATE);
    let meta = Meta::new(world.with_many_templates(crate::support::meta::WABA, 1)).await;
    let (listed, _) = Reader::for_meta(&meta).templates().await;
    let id = listed.listing.objects[0].id.clone();
    let number: u64 = id.as_str().parse().expect("digits");
    let field = String::from("id");
    let value = json!(number);
    meta.fault(None, None, Fault::FieldReplaced { field, value });
    let (listed, _) = Reader::for_meta(&meta).templates().await;
    assert_eq!(listed.listing.objects[0].id, id);
}

#[tokio::test]
async fn text_where_a_number_is_documented_is_that_number() {
    let meta = Meta::new(small_world()).await;
    let field = String::from("message_template_limit");
    let value = json!("250");
    meta.fault(None, None, Fault::FieldReplaced { field, value });
    let (_, totals) = Reader::for_meta(&meta).templates().await;
    assert_eq!(totals.limit, Some(250));
}

#[tokio::test]
async fn the_quality_score_may_be_a_bare_word() {
    let meta = Meta::new(small_world()).await;
    let field = String::from("quality_score");
    let value = json!("YELLOW");
    meta.fault(None, None, Fault::FieldReplaced { field, value });
    let (listed, _) = Reader::for_meta(&meta).templates().await;
    let quality = listed.listing.objects[0].quality_rating;
    assert_eq!(quality, Some(QualityRating::Yellow));
}

#[tokio::test]
async fn a_meaningless_shape_is_omitted_and_counted_and_other_values_are_read() {
    let (number, reader, _) = number_with("status", json!({"is": ["CONNECTED"]})).await;
    assert_eq!(number.status, None);
    assert_eq!(number.quality_rating, Some(QualityRating::Green));
    let malformed = counted(&reader, "malformed", "phone_number.status");
    assert_eq!(malformed, Some(1.0));
}

#[tokio::test]
async fn a_single_object_is_a_list_of_one() {
    for field in ["data", "entities"] {
        let meta = Meta::new(small_world()).await;
        let field = String::from(field);
        meta.fault(None, None, Fault::SingleObject { field });
        let reader = Reader::for_meta(&meta);
        let numbers = reader.numbers().await.listing;
        assert!(numbers.complete);
        assert_eq!(numbers.objects[0].id.as_str(), NUMBER);
        let health = numbers.objects[0].health.as_ref().expect("health");
        assert_eq!(health.can_send_message, CanSendMessage::Available);
        let account = reader.account().await.expect("the node can be read");
        assert_eq!(account.webhook_subscribed, Some(true));
    }
}
