//! Listings: the largest pages, `after` as long as there is a `next`, and no other requests.

use whatsapp_business_exporter::ingest::graph::FailureKind;
use whatsapp_business_exporter::simulator::graph::AnsweredRequest;
use whatsapp_business_exporter::simulator::{Endpoint, Fault, World};

use crate::support::meta::{Meta, WABA, bare_world, graph_error, small_world};
use crate::support::reader::{Reader, Scribe};

fn asked(meta: &Meta, endpoint: Endpoint) -> Vec<AnsweredRequest> {
    let mut requests = meta.requests();
    requests.retain(|request| request.endpoint == endpoint);
    requests
}

fn parameters<'a>(requests: &'a [AnsweredRequest], name: &str) -> Vec<Option<&'a str>> {
    requests
        .iter()
        .map(|request| request.parameter(name))
        .collect()
}

fn world_of_many(numbers: u64, templates: u64) -> World {
    bare_world()
        .with_many_phone_numbers(WABA, numbers)
        .with_many_templates(WABA, templates)
}

#[tokio::test]
async fn two_hundred_and_fifty_numbers_are_three_pages() {
    let meta = Meta::new(world_of_many(250, 0)).await;
    let listed = Reader::for_meta(&meta).numbers().await;
    assert!(listed.listing.complete && listed.failure.is_none());
    let mut ids: Vec<&str> = listed
        .listing
        .objects
        .iter()
        .map(|number| number.id.as_str())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 250);

    let requests = asked(&meta, Endpoint::PhoneNumbers);
    assert_eq!(parameters(&requests, "limit"), [Some("100"); 3]);
    let cursors = parameters(&requests, "after");
    assert_eq!(cursors[0], None);
    assert!(cursors[1].is_some() && cursors[2].is_some() && cursors[1] != cursors[2]);
    assert_eq!(meta.requests().len(), 3);
}

#[tokio::test]
async fn four_hundred_and_fifty_templates_are_five_pages_without_their_text() {
    let meta = Meta::new(world_of_many(0, 450)).await;
    let (listed, totals) = Reader::for_meta(&meta).templates().await;
    assert!(listed.listing.complete);
    assert_eq!(listed.listing.objects.len(), 450);
    assert_eq!((totals.count, totals.limit), (Some(450), Some(6_000)));

    let requests = asked(&meta, Endpoint::MessageTemplates);
    assert_eq!(parameters(&requests, "limit"), [Some("100"); 5]);
    let summaries = parameters(&requests, "summary");
    assert!(summaries[0].is_some() && summaries[1..].iter().all(Option::is_none));
    for fields in parameters(&requests, "fields") {
        let fields = fields.expect("every field is asked for by name");
        assert!(!fields.contains("components"), "{fields}");
    }
}

#[tokio::test]
async fn a_full_last_page_is_the_last() {
    let meta = Meta::new(world_of_many(200, 0)).await;
    let listed = Reader::for_meta(&meta).numbers().await;
    assert!(listed.listing.complete);
    assert_eq!(meta.request_count(Endpoint::PhoneNumbers), 2);
}

#[tokio::test]
async fn an_empty_list_is_complete() {
    let meta = Meta::new(bare_world()).await;
    let reader = Reader::for_meta(&meta);
    let numbers = reader.numbers().await;
    let (templates, _) = reader.templates().await;
    assert!(numbers.listing.complete && numbers.listing.objects.is_empty());
    assert!(templates.listing.complete && templates.listing.objects.is_empty());
    assert_eq!(meta.requests().len(), 2);
}

#[tokio::test]
async fn next_is_a_yes_and_not_an_address() {
    let elsewhere = Scribe::start().await;
    let meta = Meta::new(world_of_many(150, 0)).await;
    let origin = elsewhere.url.clone();
    meta.fault(None, None, Fault::NextElsewhere { origin });
    let listed = Reader::for_meta(&meta).numbers().await;
    assert!(listed.listing.complete);
    assert_eq!(listed.listing.objects.len(), 150);
    assert_eq!(elsewhere.asked(), []);
}

#[tokio::test]
async fn a_cursor_that_never_ends_makes_the_listing_incomplete() {
    let meta = Meta::new(world_of_many(150, 0)).await;
    meta.fault(None, None, Fault::EndlessCursors);
    let reader = Reader::for_meta(&meta);
    let listed = reader.numbers().await;
    assert!(!listed.listing.complete);
    assert!(listed.listing.objects.len() >= 150);
    let kind = listed.failure.map(|failure| failure.kind());
    assert_eq!(kind, Some(FailureKind::Malformed));
    assert_eq!(reader.failures("phone_numbers", "malformed"), 1.0);
    assert!(meta.request_count(Endpoint::PhoneNumbers) <= 4);
}

#[tokio::test]
async fn pages_too_large_to_read_are_asked_for_again_in_smaller_ones() {
    let meta = Meta::new(world_of_many(0, 100)).await;
    let reader = Reader::with(&meta, |options| options.max_answer_bytes = 15_000);
    let (listed, _) = reader.templates().await;
    assert!(listed.listing.complete);
    assert_eq!(listed.listing.objects.len(), 100);
    let requests = asked(&meta, Endpoint::MessageTemplates);
    assert_eq!(
        parameters(&requests, "limit"),
        [Some("100"), Some("50"), Some("50")]
    );
    assert_eq!(reader.failures("message_templates", "too_large"), 1.0);
}

#[tokio::test]
async fn a_summary_that_is_refused_is_not_asked_for_again() {
    let meta = Meta::new(small_world()).await;
    let refusal = graph_error(400, 100, "(#100) Param summary is not supported");
    meta.fault(Some(Endpoint::MessageTemplates), Some(1), refusal);
    let reader = Reader::for_meta(&meta);
    for _ in 0..2 {
        let (listed, totals) = reader.templates().await;
        assert!(listed.listing.complete);
        assert_eq!((listed.listing.objects.len(), totals.limit), (1, None));
    }
    let requests = asked(&meta, Endpoint::MessageTemplates);
    let summaries = parameters(&requests, "summary");
    assert_eq!(
        summaries.iter().map(Option::is_some).collect::<Vec<_>>(),
        [true, false, false]
    );
}

#[tokio::test]
async fn an_invalid_cursor_restarts_the_listing_once() {
    let meta = Meta::new(bare_world().with_many_templates(WABA, 250)).await;
    meta.fault(
        Some(Endpoint::MessageTemplates),
        Some(2),
        Fault::InvalidCursor,
    );
    let reader = Reader::for_meta(&meta);
    let (listed, totals) = reader.templates().await;
    assert!(listed.listing.complete);
    let ids: std::collections::BTreeSet<_> =
        listed.listing.objects.iter().map(|one| &one.id).collect();
    assert_eq!((listed.listing.objects.len(), ids.len()), (250, 250));
    assert_eq!(totals.count, Some(250));
    // One page, the rejected request, and then all three pages.
    assert_eq!(meta.request_count(Endpoint::MessageTemplates), 5);

    meta.fault(Some(Endpoint::MessageTemplates), None, Fault::InvalidCursor);
    let (listed, _) = reader.templates().await;
    assert!(!listed.listing.complete);
    let failure = listed.failure.expect("it was refused twice");
    assert_eq!(failure.kind(), FailureKind::Transient);
    assert_eq!(meta.request_count(Endpoint::MessageTemplates), 9);
}

#[tokio::test]
async fn values_of_a_restarted_listing_are_counted_once() {
    let meta = Meta::new(bare_world().with_many_templates(WABA, 150)).await;
    let templates = Some(Endpoint::MessageTemplates);
    meta.fault(templates, Some(2), Fault::InvalidCursor);
    let unheard = Fault::FieldReplaced {
        field: "category".into(),
        value: "UNHEARD_OF".into(),
    };
    meta.fault(templates, None, unheard);
    let reader = Reader::for_meta(&meta);
    let (listed, _) = reader.templates().await;
    assert!(listed.listing.complete);
    // One page, the rejected request, and then both pages.
    assert_eq!(meta.request_count(Endpoint::MessageTemplates), 4);
    let name = "whatsapp_exporter_unknown_values_total";
    let labels = [("field", "message_template.category")];
    assert_eq!(reader.counted().value(name, &labels), Some(150.0));
}

#[tokio::test]
async fn the_same_code_on_other_endpoints_is_not_a_cursor_error() {
    let meta = Meta::new(bare_world().with_many_phone_numbers(WABA, 150)).await;
    meta.fault(Some(Endpoint::PhoneNumbers), None, Fault::InvalidCursor);
    let numbers = Reader::for_meta(&meta).numbers().await;
    assert!(!numbers.listing.complete);
    let failure = numbers.failure.expect("it was refused");
    assert_eq!(failure.kind(), FailureKind::Other);
    assert_eq!(meta.request_count(Endpoint::PhoneNumbers), 2);
}
