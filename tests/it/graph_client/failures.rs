//! Every failure has one of few kinds, is counted once, and has the time to wait.

use std::time::Duration;

use whatsapp_business_exporter::ingest::graph::{Failure, FailureKind};
use whatsapp_business_exporter::simulator::world::MANAGEMENT_SCOPE;
use whatsapp_business_exporter::simulator::{Endpoint, Fault, WorldChange};

use crate::support::meta::{Meta, WABA, small_world};
use crate::support::ports::unused_address;
use crate::support::reader::{Reader, options};

/// Timeout of requests that the simulator never answers.
const IMPATIENCE: Duration = Duration::from_millis(300);
/// Longer than any test lasts.
const FOR_EVER_MS: u64 = 600_000;

/// Reads the account of a Meta to which these changes have happened.
async fn account_after(changes: impl IntoIterator<Item = WorldChange>) -> (Failure, Reader) {
    let meta = Meta::new(small_world()).await;
    for change in changes {
        meta.let_happen(change);
    }
    refused(Reader::for_meta(&meta)).await
}

/// Reads the account of a Meta with these faults.
async fn account_spoilt_by(faults: impl IntoIterator<Item = Fault>) -> (Failure, Reader) {
    let meta = Meta::new(small_world()).await;
    for fault in faults {
        meta.fault(None, None, fault);
    }
    refused(Reader::for_meta(&meta)).await
}

async fn refused(reader: Reader) -> (Failure, Reader) {
    let failure = reader.account().await.expect_err("it must fail");
    (failure, reader)
}

fn rate_limited(code: u32, regain_minutes: u32) -> WorldChange {
    WorldChange::RateLimited {
        waba_id: WABA.into(),
        code,
        regain_minutes,
    }
}

fn graph_error(status: u16, code: u32, subcode: Option<u32>, is_transient: bool) -> Fault {
    Fault::GraphError {
        status,
        code,
        subcode,
        message: "made up, with a token=EAAG in it".into(),
        is_transient: Some(is_transient),
    }
}

#[tokio::test]
async fn an_account_that_the_token_cannot_see_is_not_found_or_hidden() {
    let hidden = WorldChange::AccountVisibleChanged {
        waba_id: WABA.into(),
        is_visible: false,
    };
    let (failure, reader) = account_after([hidden]).await;
    assert_eq!(failure.kind(), FailureKind::NotFoundOrHidden);
    assert_eq!(reader.failures("account", "not_found_or_hidden"), 1.0);
    let numbers = reader.numbers().await;
    assert!(!numbers.listing.complete && numbers.listing.objects.is_empty());
    let (templates, _) = reader.templates().await;
    assert!(!templates.listing.complete && templates.listing.objects.is_empty());
}

#[tokio::test]
async fn a_rate_limit_lasts_as_long_as_the_usage_header_states() {
    for code in [80_008, 80_007] {
        let (failure, _) = account_after([rate_limited(code, 7)]).await;
        assert_eq!(failure.kind(), FailureKind::RateLimit);
        assert_eq!(failure.retry_after(), Some(Duration::from_secs(7 * 60)));
    }
}

#[tokio::test]
async fn an_app_wide_rate_limit_gives_no_time_to_wait() {
    let (failure, reader) = account_after([rate_limited(4, 7)]).await;
    assert_eq!(failure.kind(), FailureKind::RateLimit);
    assert_eq!(failure.retry_after(), None);
    assert_eq!(reader.failures("account", "rate_limit"), 1.0);
}

#[tokio::test]
async fn retry_after_is_honoured_and_the_longer_wait_wins() {
    let retry_after = Fault::RetryAfter { seconds: 90 };
    let limited = graph_error(400, 80_008, None, false);
    let (failure, _) = account_spoilt_by([retry_after.clone(), limited]).await;
    assert_eq!(failure.retry_after(), Some(Duration::from_secs(90)));

    let meta = Meta::new(small_world()).await;
    meta.fault(None, None, retry_after);
    meta.let_happen(rate_limited(80_008, 7));
    let (failure, _) = refused(Reader::for_meta(&meta)).await;
    assert_eq!(failure.retry_after(), Some(Duration::from_secs(7 * 60)));
}

#[tokio::test]
async fn an_expired_token_and_a_missing_scope_are_distinguished() {
    let (failure, _) = account_after([WorldChange::TokenExpired]).await;
    assert_eq!(failure.kind(), FailureKind::Token);
    let scope_taken = WorldChange::TokenScopeGranted {
        scope: MANAGEMENT_SCOPE.into(),
        is_granted: false,
    };
    let (failure, _) = account_after([scope_taken]).await;
    assert_eq!(failure.kind(), FailureKind::Permission);
}

#[tokio::test]
async fn meta_s_error_codes_decide_and_not_its_http_status() {
    let cases = [
        (400, 190, Some(463), false, FailureKind::Token),
        (500, 190, None, true, FailureKind::Token),
        (400, 10, None, false, FailureKind::Permission),
        (400, 17, None, true, FailureKind::RateLimit),
        (400, 613, None, false, FailureKind::RateLimit),
        (403, 368, None, false, FailureKind::Blocked),
        (400, 2, None, false, FailureKind::Transient),
        (400, 131_000, None, false, FailureKind::Transient),
        (400, 999_999, None, true, FailureKind::Transient),
        (400, 999_999, None, false, FailureKind::Other),
        (200, 1, None, false, FailureKind::Transient),
    ];
    for (status, code, subcode, is_transient, kind) in cases {
        let error = graph_error(status, code, subcode, is_transient);
        let (failure, _) = account_spoilt_by([error]).await;
        assert_eq!(failure.kind(), kind, "{status} {code}");
        let text = format!("{failure} {failure:?}");
        assert!(!text.contains("EAAG"), "{text}");
    }
}

#[tokio::test]
async fn a_page_of_html_with_500_may_pass() {
    let (failure, reader) = account_spoilt_by([Fault::ServerErrorPage]).await;
    assert_eq!(failure.kind(), FailureKind::Transient);
    assert_eq!(reader.failures("account", "transient"), 1.0);
}

#[tokio::test]
async fn truncated_json_is_malformed_and_nothing_of_it_is_believed() {
    let (failure, reader) = account_spoilt_by([Fault::TruncatedJson]).await;
    assert_eq!(failure.kind(), FailureKind::Malformed);
    let numbers = reader.numbers().await;
    assert!(!numbers.listing.complete && numbers.listing.objects.is_empty());
}

#[tokio::test]
async fn an_answer_over_the_limit_is_not_read_to_its_end() {
    let meta = Meta::new(small_world()).await;
    // Compresses to next to nothing: the limit is on what it becomes.
    let bytes = 200_000;
    meta.fault(None, None, Fault::HugeBody { bytes });
    let reader = Reader::with(&meta, |options| options.max_answer_bytes = 100_000);
    let (failure, reader) = refused(reader).await;
    assert_eq!(failure.kind(), FailureKind::TooLarge);
    let numbers = reader.numbers().await;
    assert!(!numbers.listing.complete);
    // 100, 50, 25, 12 and 10 objects a page: smaller pages are tried before it is given up.
    assert_eq!(meta.request_count(Endpoint::PhoneNumbers), 5);
}

#[tokio::test]
async fn a_silent_and_a_trickling_answer_end_with_the_timeout() {
    let slow = [
        Fault::Hang {
            milliseconds: FOR_EVER_MS,
        },
        Fault::Trickle {
            bytes: 1,
            milliseconds: 100,
        },
    ];
    for fault in slow {
        let meta = Meta::new(small_world()).await;
        meta.fault(None, None, fault);
        let reader = Reader::with(&meta, |options| options.request_timeout = IMPATIENCE);
        let (failure, reader) = refused(reader).await;
        assert_eq!(failure.kind(), FailureKind::Timeout);
        assert_eq!(reader.failures("account", "timeout"), 1.0);
    }
}

#[tokio::test]
async fn a_slow_answer_within_the_timeout_is_read() {
    let meta = Meta::new(small_world()).await;
    let (bytes, milliseconds) = (64, 1);
    let trickle = Fault::Trickle {
        bytes,
        milliseconds,
    };
    meta.fault(None, None, trickle);
    assert!(Reader::for_meta(&meta).numbers().await.listing.complete);
}

#[tokio::test]
async fn a_missing_listener_is_a_failed_connection() {
    let reader = Reader::new(options(&format!("http://{}", unused_address())));
    let (failure, reader) = refused(reader).await;
    assert_eq!(failure.kind(), FailureKind::Connection);
    assert_eq!(reader.failures("account", "connection"), 1.0);
}

#[tokio::test]
async fn without_a_budget_nothing_is_asked() {
    let meta = Meta::new(small_world()).await;
    let mut reader = Reader::for_meta(&meta);
    reader.budget.is_spent = true;
    let (failure, reader) = refused(reader).await;
    assert_eq!(failure.kind(), FailureKind::BudgetSpent);
    assert!(!reader.numbers().await.listing.complete);
    assert_eq!(meta.requests(), []);
}
