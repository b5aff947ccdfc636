//! Paging, and incomplete listings.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::Barrier;

use super::meta::{Counted, Meta, ScriptedAnswer, page, waba};
use crate::domain::ceiling;
use crate::ingest::graph::{FailureKind, Listed};

type ListedNumbers = Listed<crate::domain::number::Snapshot>;

async fn numbers(meta: &Meta) -> ListedNumbers {
    meta.client.list_numbers(&waba(), &meta.calls).await
}

/// The number of objects, and the failure if the listing is incomplete.
fn outcome<T>(listed: &Listed<T>) -> (usize, Option<FailureKind>) {
    let kind = listed.failure.as_ref().map(|failure| failure.kind());
    assert_eq!(listed.listing.complete, kind.is_none());
    (listed.listing.objects.len(), kind)
}

fn limits(meta: &Meta) -> Vec<String> {
    meta.received()
        .iter()
        .map(|received| received.query["limit"].clone())
        .collect()
}

#[tokio::test]
async fn pages_follow_the_cursor_and_never_the_url() {
    let meta = Meta::answering([page(0..100, Some("B")), page(100..130, None)]).await;
    assert_eq!(outcome(&numbers(&meta).await), (130, None));
    let received = meta.received();
    assert_eq!(received.len(), 2, "one call for a hundred numbers");
    assert_eq!(received[0].uri.path(), "/v26.0/800100/phone_numbers");
    assert!(received[0].fields().contains(&"health_status"));
    assert_eq!(received[1].query["after"], "B");
    assert_eq!(limits(&meta), ["100", "100"]);
}

#[tokio::test]
async fn an_empty_list_without_paging_is_complete() {
    let meta = Meta::answering([ScriptedAnswer::json(&json!({"data": []}))]).await;
    assert_eq!(outcome(&numbers(&meta).await), (0, None));
}

#[tokio::test]
async fn a_repeated_cursor_ends_the_listing_as_incomplete() {
    let loops = (0..10).map(|_| page(0..1, Some("AGAIN")));
    let meta = Meta::answering(loops).await;
    assert_eq!(
        outcome(&numbers(&meta).await),
        (2, Some(FailureKind::Malformed))
    );
    assert_eq!(meta.received().len(), 2);
    assert_eq!(meta.failures("phone_numbers", "malformed"), 1);
}

#[tokio::test]
async fn a_response_without_a_list_is_not_an_empty_listing() {
    for body in [json!({}), json!({"data": null}), json!({"data": "x"})] {
        let meta = Meta::answering([ScriptedAnswer::json(&body)]).await;
        let listed = numbers(&meta).await;
        assert_eq!(
            outcome(&listed),
            (0, Some(FailureKind::Malformed)),
            "{body}"
        );
    }
}

#[tokio::test]
async fn an_object_that_cannot_be_read_makes_the_listing_incomplete() {
    let body = json!({"data": [{"id": "1"}, {"status": "CONNECTED"}, {"id": "2"}]});
    let meta = Meta::answering([ScriptedAnswer::json(&body)]).await;
    assert_eq!(
        outcome(&numbers(&meta).await),
        (2, Some(FailureKind::Malformed))
    );
}

#[tokio::test]
async fn pages_before_a_failure_are_kept() {
    let error = json!({"code": 80008, "message": "too many calls"});
    let meta = Meta::answering([page(0..100, Some("B")), ScriptedAnswer::error(&error)]).await;
    assert_eq!(
        outcome(&numbers(&meta).await),
        (100, Some(FailureKind::RateLimit))
    );
}

#[tokio::test]
async fn every_page_takes_a_call_from_the_budget() {
    let mut meta = Meta::answering([page(0..1, Some("B")), page(1..2, None)]).await;
    meta.calls = Counted {
        at_most: Some(1),
        ..Counted::default()
    };
    assert_eq!(
        outcome(&numbers(&meta).await),
        (1, Some(FailureKind::BudgetSpent))
    );
    assert_eq!(meta.received().len(), 1);
}

#[tokio::test]
async fn pages_are_halved_when_meta_asks_for_less() {
    let less = || {
        ScriptedAnswer::error(
            &json!({"code": 1, "message": "Please reduce the amount of data you're asking for, then retry your request"}),
        )
    };
    let meta = Meta::answering([less(), less(), page(0..25, Some("B")), page(25..30, None)]).await;
    assert_eq!(outcome(&numbers(&meta).await), (30, None));
    assert_eq!(limits(&meta), ["100", "50", "25", "25"]);
    let stubborn = Meta::answering((0..20).map(|_| less())).await;
    assert_eq!(
        outcome(&numbers(&stubborn).await),
        (0, Some(FailureKind::Transient))
    );
    assert_eq!(limits(&stubborn), ["100", "50", "25", "12", "10"]);
}

#[tokio::test]
async fn a_listing_is_read_up_to_its_ceiling_and_one_that_just_fits_is_complete() {
    let pages = |count: u64| {
        (0..count).map(move |number| {
            let first = number * 100;
            let next = (number + 1 < count).then(|| format!("after-{number}"));
            page(first..first + 100, next.as_deref())
        })
    };
    let fits = Meta::answering(pages(50)).await;
    assert_eq!(outcome(&numbers(&fits).await), (ceiling::NUMBERS, None));
    let more = Meta::answering(pages(70)).await;
    let expected = (ceiling::NUMBERS, Some(FailureKind::TooMany));
    assert_eq!(outcome(&numbers(&more).await), expected);
    assert_eq!(
        more.received().len(),
        51,
        "the page that shows that there are more"
    );
    assert_eq!(more.failures("phone_numbers", "too_many_objects"), 1);
    // Its last page is larger than requested.
    let mut giant: Vec<_> = pages(50).take(49).collect();
    giant.push(page(4_900..5_500, None));
    let giant = Meta::answering(giant).await;
    assert_eq!(outcome(&numbers(&giant).await), expected);
}

#[tokio::test]
async fn a_response_that_is_too_large_is_retried_with_smaller_pages() {
    let large = json!({"data": [{"id": "1", "verified_name": "x".repeat(70_000)}]});
    let meta = Meta::answering([ScriptedAnswer::json(&large), page(0..2, None)]).await;
    assert_eq!(outcome(&numbers(&meta).await), (2, None));
    assert_eq!(meta.failures("phone_numbers", "too_large"), 1);
    assert_eq!(
        meta.received()[0].headers["accept-encoding"],
        "gzip",
        "and it is the decompressed size that counts"
    );
}

#[tokio::test]
async fn a_500_is_retried_once_with_half_the_page() {
    let html = || ScriptedAnswer::text(500, "<html>Sorry</html>").with("content-type", "text/html");
    let meta = Meta::answering([html(), html(), page(0..1, None)]).await;
    assert_eq!(
        outcome(&numbers(&meta).await),
        (0, Some(FailureKind::Transient))
    );
    assert_eq!(limits(&meta), ["100", "50"]);
}

#[tokio::test]
async fn an_unknown_field_is_dropped_and_the_others_are_read() {
    let unknown = json!({"code": 100, "message": "(#100) Tried accessing nonexisting field (new_name_status) on node type (WhatsAppBusinessPhoneNumber)"});
    let meta = Meta::answering([
        ScriptedAnswer::error(&unknown),
        page(0..3, None),
        page(0..3, None),
    ])
    .await;
    assert_eq!(outcome(&numbers(&meta).await), (3, None));
    assert_eq!(outcome(&numbers(&meta).await), (3, None));
    let received = meta.received();
    let before = received[0].fields();
    assert!(before.contains(&"new_name_status"));
    for later in &received[1..] {
        assert!(!later.fields().contains(&"new_name_status"));
        assert_eq!(later.fields().len(), before.len() - 1);
    }
    let dropped = &meta.telemetry.graph_fields_dropped;
    assert_eq!(dropped.with_label_values(&["phone_numbers"]).get(), 1);
}

#[tokio::test]
async fn concurrent_polls_with_an_unknown_field_all_retry() {
    const BOTH: usize = 2;
    let together = Arc::new(Barrier::new(BOTH));
    let meta = Meta::by_question(move |received| {
        let together = Arc::clone(&together);
        async move {
            if !received.fields().contains(&"health_status") {
                return page(0..1, None);
            }
            together.wait().await;
            ScriptedAnswer::error(&json!({"code": 100, "message": "(#100) Tried accessing nonexisting field (health_status) on node type (X)"}))
        }
    })
    .await;
    let (one, other) = tokio::join!(numbers(&meta), numbers(&meta));
    assert_eq!((outcome(&one), outcome(&other)), ((1, None), (1, None)));
}

#[tokio::test]
async fn a_field_that_was_not_requested_causes_no_retry() {
    let unknown = json!({"code": 100, "message": "(#100) Tried accessing nonexisting field (other) on node type (X)"});
    let meta = Meta::answering([ScriptedAnswer::error(&unknown)]).await;
    assert_eq!(
        outcome(&numbers(&meta).await),
        (0, Some(FailureKind::UnknownField))
    );
    assert_eq!(meta.received().len(), 1);
}

#[tokio::test]
async fn templates_are_listed_without_components_and_with_totals() {
    let with_totals = json!({"data": [{"id": "7"}], "summary": {"message_template_count": 1, "message_template_limit": 250}});
    let refused =
        || ScriptedAnswer::error(&json!({"code": 100, "message": "(#100) Invalid parameter"}));
    let meta = Meta::answering([
        ScriptedAnswer::json(&with_totals),
        refused(),
        page(0..1, None),
        page(0..1, None),
    ])
    .await;
    let mut limits = Vec::new();
    for _ in 0..3 {
        let (listed, totals) = meta.client.list_templates(&waba(), &meta.calls).await;
        assert_eq!(outcome(&listed), (1, None));
        limits.push(totals.limit);
    }
    assert_eq!(limits, [Some(250), None, None]);
    let received = meta.received();
    assert!(
        received
            .iter()
            .all(|received| !received.fields().contains(&"components"))
    );
    let with_summary = received
        .iter()
        .map(|received| received.query.contains_key("summary"));
    assert_eq!(with_summary.collect::<Vec<_>>(), [true, true, false, false]);
}

#[tokio::test]
async fn a_page_without_the_limit_is_kept_if_it_cannot_be_requested_again() {
    let bare = || ScriptedAnswer::json(&json!({"data": [{"id": "1"}]}));
    let error = json!({"code": 80008, "message": "too many calls"});
    let meta = Meta::answering([bare(), ScriptedAnswer::error(&error), bare()]).await;
    assert_eq!(outcome(&numbers(&meta).await), (1, None));
    assert_eq!(outcome(&numbers(&meta).await), (1, None));
    let asks_for_tier: Vec<bool> = meta
        .received()
        .iter()
        .map(|received| received.fields().contains(&"messaging_limit_tier"))
        .collect();
    assert_eq!(asks_for_tier, [false, true, true]);
    let mut spent = Meta::answering([bare()]).await;
    spent.calls = Counted {
        at_most: Some(1),
        ..Counted::default()
    };
    assert_eq!(outcome(&numbers(&spent).await), (1, None));
}

#[tokio::test]
async fn later_pages_of_a_listing_are_requested_with_what_its_first_page_lacks() {
    let bare = |id: &str, next: bool| {
        let mut page = json!({"data": [{"id": id}], "paging": {"cursors": {"after": id}}});
        if next {
            page["paging"]["next"] = json!("https://elsewhere.example/");
        }
        ScriptedAnswer::json(&page)
    };
    let meta = Meta::answering([bare("1", true), bare("1", true), bare("2", false)]).await;
    assert_eq!(outcome(&numbers(&meta).await), (2, None));
    assert_eq!(meta.received().len(), 3, "one repetition for the account");
}
