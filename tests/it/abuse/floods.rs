//! Unlimited numbers of unknown names, in signed deliveries and in events: all become one label value.

use super::{Target, good};

/// Number of names of each kind. Without a limit, Prometheus would have as many series of each kind.
const MANY: u64 = 20_000;

/// Number of samples once each collector has polled each account, and their number no longer changes.
async fn settled(target: &Target) -> usize {
    target.until_polled().await;
    let (mut last, mut looks) = (0, 0);
    while looks < 20 {
        let now = samples(target).await;
        looks = if now == last { looks + 1 } else { 0 };
        last = now;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    last
}

async fn samples(target: &Target) -> usize {
    let answer = target.http.get(target.url("/metrics")).send().await;
    let text = answer.expect("an answer").text().await.expect("text");
    text.lines().filter(|line| !line.starts_with('#')).count()
}

/// A delivery of a thousand changes, each made for its number.
fn thousand(begin: u64, change: impl Fn(u64) -> String) -> Vec<u8> {
    let changes: Vec<String> = (begin..begin + 1_000).map(change).collect();
    let changes = changes.join(",");
    let head = r#"{"object":"whatsapp_business_account","entry":[{"id":"800100200300401","time":1774000000,"changes":["#;
    format!(r#"{head}{changes}]}}]}}"#).into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_words_add_no_series() {
    let target = Target::start(&[]);
    // The first delivery of each kind may add series.
    let kinds: [fn(u64) -> String; 4] = [
        |number| format!(r#"{{"field":"field_{number}","value":{{}}}}"#),
        |number| format!(r#"{{"field":"account_update","value":{{"event":"EVENT_{number}"}}}}"#),
        |number| {
            format!(
                r#"{{"field":"account_alerts","value":{{"alert_type":"ALERT_{number}","alert_severity":"SEVERITY_{number}"}}}}"#
            )
        },
        |number| {
            format!(
                r#"{{"field":"account_update","value":{{"event":"ACCOUNT_VIOLATION","violation_info":{{"violation_type":"TYPE_{number}"}}}}}}"#
            )
        },
    ];
    for kind in kinds {
        assert_eq!(target.deliver(thousand(0, kind)).await, 200);
    }
    let before = settled(&target).await;
    for kind in kinds {
        for begin in (1_000..MANY).step_by(1_000) {
            assert_eq!(target.deliver(thousand(begin, kind)).await, 200);
        }
    }
    assert_eq!(samples(&target).await, before);
    target.is_well(1).await;
    target.is_within_its_memory();
}

#[tokio::test(flavor = "multi_thread")]
async fn unwatched_accounts_numbers_and_templates_have_a_limit() {
    let target = Target::start(&[]);
    let strangers = (0..MANY / 1_000).map(|thousand| {
        let entries: Vec<String> = (0..1_000)
            .map(|one| format!(r#"{{"id":"{}","time":1774000000,"changes":[{{"field":"account_update","value":{{"event":"VERIFIED_ACCOUNT"}}}}]}}"#, 9_000_000 + thousand * 1_000 + one))
            .collect();
        format!(r#"{{"object":"whatsapp_business_account","entry":[{}]}}"#, entries.join(",")).into_bytes()
    });
    let before = settled(&target).await;
    for delivery in strangers {
        assert_eq!(target.deliver(delivery).await, 200);
    }
    assert_eq!(
        samples(&target).await,
        before,
        "accounts that are not watched"
    );
    for begin in (0..MANY).step_by(1_000) {
        let number = |number: u64| {
            let digits = 15_550_000_000 + number;
            format!(
                r#"{{"field":"phone_number_quality_update","value":{{"display_phone_number":"{digits}","event":"FLAGGED","current_limit":"TIER_1K"}}}}"#
            )
        };
        assert_eq!(target.deliver(thousand(begin, number)).await, 200);
        let template = |number: u64| {
            let id = 5_000_000_000 + number;
            format!(
                r#"{{"field":"message_template_status_update","value":{{"event":"PAUSED","message_template_id":{id},"message_template_name":"t{id}","message_template_language":"en","reason":null}}}}"#
            )
        };
        assert_eq!(target.deliver(thousand(begin, template)).await, 200);
    }
    let after = samples(&target).await;
    let most = 20_000 * 20;
    assert!(after < before + most, "{before} became {after}");
    assert_eq!(target.deliver(good(1)).await, 200);
    target.is_within_its_memory();
}
