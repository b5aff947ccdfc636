//! Fields that Meta rejects or does not send: the other fields are still read.

use whatsapp_business_exporter::domain::number::Status;
use whatsapp_business_exporter::domain::{MessagingLimit, QualityRating};
use whatsapp_business_exporter::simulator::world::MANAGEMENT_SCOPE;
use whatsapp_business_exporter::simulator::{Endpoint, Fault, WorldChange};

use crate::support::meta::{Meta, graph_error, small_world};
use crate::support::reader::Reader;

fn dropped(reader: &Reader, endpoint: &str) -> Option<f64> {
    reader.counted().value(
        "whatsapp_exporter_graph_fields_dropped_total",
        &[("endpoint", endpoint)],
    )
}

#[tokio::test]
async fn a_retired_field_is_dropped_for_good_and_the_rest_is_read() {
    let meta = Meta::new(small_world()).await;
    let field = String::from("whatsapp_business_manager_messaging_limit");
    meta.let_happen(WorldChange::FieldRetired {
        field: field.clone(),
    });
    let reader = Reader::for_meta(&meta);
    for _ in 0..2 {
        let listed = reader.numbers().await;
        assert!(listed.listing.complete);
        let number = &listed.listing.objects[0];
        assert_eq!(number.status, Some(Status::Connected));
        // The older field has the same value.
        let limit = Some(MessagingLimit::Customers(10_000));
        assert_eq!(number.messaging_limit, limit);
    }
    assert_eq!(dropped(&reader, "phone_numbers"), Some(1.0));
    assert_eq!(reader.failures("phone_numbers", "unknown_field"), 1.0);
    let asks_for_it = |request: &_| {
        let request: &whatsapp_business_exporter::simulator::graph::AnsweredRequest = request;
        let fields = request.parameter("fields").expect("fields by name");
        fields.split(',').any(|asked| asked == field)
    };
    let asked: Vec<bool> = meta.requests().iter().map(asks_for_it).collect();
    assert_eq!(asked, [true, false, false]);
}

#[tokio::test]
async fn several_retired_fields_are_dropped_one_after_the_other() {
    let meta = Meta::new(small_world()).await;
    for field in ["rejected_reason", "correct_category"] {
        meta.let_happen(WorldChange::FieldRetired {
            field: field.into(),
        });
    }
    let reader = Reader::for_meta(&meta);
    let (listed, _) = reader.templates().await;
    assert!(listed.listing.complete);
    let quality = listed.listing.objects[0].quality_rating;
    assert_eq!(quality, Some(QualityRating::Green));
    assert_eq!(dropped(&reader, "message_templates"), Some(2.0));
    assert_eq!(meta.request_count(Endpoint::MessageTemplates), 3);
}

#[tokio::test]
async fn a_missing_field_is_unknown() {
    let meta = Meta::new(small_world()).await;
    let field = String::from("status");
    meta.fault(None, None, Fault::FieldMissing { field });
    let reader = Reader::for_meta(&meta);
    let listed = reader.numbers().await;
    let number = &listed.listing.objects[0];
    assert!(listed.listing.complete);
    assert_eq!(number.status, None);
    assert_eq!(number.quality_rating, Some(QualityRating::Green));
    let counted = reader.counted();
    for counter in ["malformed_values_total", "unknown_values_total"] {
        let name = format!("whatsapp_exporter_{counter}");
        assert_eq!(counted.how_many(&name, &[]), 0, "{counter}");
    }
}

#[tokio::test]
async fn a_rejected_expansion_becomes_another_call_and_is_remembered() {
    let meta = Meta::new(small_world()).await;
    meta.fault(Some(Endpoint::Account), None, Fault::ExpansionRefused);
    let reader = Reader::for_meta(&meta);
    for (account_calls, edge_calls) in [(2, 1), (3, 2)] {
        let account = reader.account().await.expect("the node can be read");
        assert_eq!(account.name.as_deref(), Some("Fern & Moss"));
        assert_eq!(account.webhook_subscribed, Some(true));
        assert_eq!(meta.request_count(Endpoint::Account), account_calls);
        assert_eq!(meta.request_count(Endpoint::SubscribedApps), edge_calls);
    }
    assert_eq!(dropped(&reader, "account"), Some(1.0));
}

#[tokio::test]
async fn a_refusal_of_the_whole_node_is_not_taken_for_one_of_the_expansion() {
    let meta = Meta::new(small_world()).await;
    let granted = |is_granted| WorldChange::TokenScopeGranted {
        scope: MANAGEMENT_SCOPE.into(),
        is_granted,
    };
    let reader = Reader::for_meta(&meta);
    meta.let_happen(granted(false));
    assert!(reader.account().await.is_err());
    meta.let_happen(granted(true));
    let account = reader.account().await.expect("the node can be read");
    assert_eq!(account.webhook_subscribed, Some(true));
    assert_eq!(dropped(&reader, "account"), Some(0.0));
    assert_eq!(meta.request_count(Endpoint::SubscribedApps), 0);
}

#[tokio::test]
async fn an_edge_that_the_token_must_not_read_along_leaves_the_node_readable() {
    let meta = Meta::new(small_world()).await;
    let refusal = graph_error(403, 200, "(#200) made up");
    meta.fault(Some(Endpoint::Account), Some(1), refusal);
    let reader = Reader::for_meta(&meta);
    let account = reader.account().await.expect("the node can be read");
    assert_eq!(account.webhook_subscribed, Some(true));
    assert_eq!(dropped(&reader, "account"), Some(1.0));
}

/// Whether each request to the endpoint contained the deprecated limit.
fn asked_for_the_tier(meta: &Meta) -> Vec<bool> {
    let of = |request: whatsapp_business_exporter::simulator::graph::AnsweredRequest| {
        let fields = request.parameter("fields").expect("fields by name");
        fields
            .split(',')
            .any(|asked| asked == "messaging_limit_tier")
    };
    meta.requests().into_iter().map(of).collect()
}

fn without_the_portfolios_limit() -> Fault {
    let field = String::from("whatsapp_business_manager_messaging_limit");
    Fault::FieldMissing { field }
}

#[tokio::test]
async fn the_deprecated_limit_is_requested_only_where_the_new_one_is_missing() {
    let meta = Meta::new(small_world()).await;
    let reader = Reader::for_meta(&meta);
    let limit = Some(MessagingLimit::Customers(10_000));
    for _ in 0..2 {
        let listed = reader.numbers().await;
        assert_eq!(listed.listing.objects[0].messaging_limit, limit);
    }
    assert_eq!(asked_for_the_tier(&meta), [false, false]);

    // One repeated request, then none: the account is remembered.
    let missing = without_the_portfolios_limit();
    meta.fault(Some(Endpoint::PhoneNumbers), None, missing);
    for _ in 0..2 {
        let listed = reader.numbers().await;
        assert!(listed.listing.complete);
        assert_eq!(listed.listing.objects[0].messaging_limit, limit);
    }
    assert_eq!(asked_for_the_tier(&meta), [false, false, false, true, true]);
    assert_eq!(dropped(&reader, "phone_numbers"), Some(0.0));
}

#[tokio::test]
async fn a_limit_that_is_missing_in_both_forms_costs_one_request() {
    let meta = Meta::new(small_world()).await;
    let reader = Reader::for_meta(&meta);
    let missing = without_the_portfolios_limit();
    meta.fault(Some(Endpoint::PhoneNumbers), None, missing);
    let field = String::from("messaging_limit_tier");
    let deprecated = Fault::FieldDeprecated { field };
    meta.fault(Some(Endpoint::PhoneNumbers), None, deprecated);
    for _ in 0..3 {
        let listed = reader.numbers().await;
        assert!(listed.listing.complete);
        assert_eq!(listed.listing.objects[0].messaging_limit, None);
    }
    // The first listing, the rejected repetition and the one without the field; then one request each.
    assert_eq!(
        asked_for_the_tier(&meta),
        [false, true, false, false, false]
    );
    assert_eq!(dropped(&reader, "phone_numbers"), Some(1.0));
}
