//! Why accounts and numbers cannot send: levels, issues and Meta's texts.

use super::*;
use crate::domain::account::Funding;
use crate::domain::{HealthDetails, HealthError, HealthRemark};

const HOSTILE: &str = "<script>alert(1)</script>\u{202e}";

pub(super) fn details(entity: HealthEntity, code: u64) -> Option<HealthDetails> {
    let error = HealthError {
        entity,
        code: Some(code),
        description: Some(HOSTILE.to_owned()),
        solution: Some("Do <b>this</b>.".to_owned()),
    };
    let remark = HealthRemark {
        entity,
        text: "Wait & see.".to_owned(),
    };
    Some(HealthDetails::new(vec![error], vec![remark]))
}

/// A poll of the account whose own entity has this word.
pub(super) fn account(word: CanSendMessage, health_details: Option<HealthDetails>) -> Event {
    let entity = EntityHealth {
        kind: HealthEntity::Waba,
        can_send_message: word,
    };
    let snapshot = account::Snapshot {
        health: Health::new(vec![entity], None),
        health_details,
        ..account::Snapshot::default()
    };
    let event = polled(Fact::AccountRead(snapshot));
    // After the poll that read the account's name.
    let observed_at = Timestamp::from_millis(event.observed_at.as_millis() + 1);
    Event {
        observed_at,
        ..event
    }
}

fn after(word: CanSendMessage, details: Option<HealthDetails>) -> Facts {
    facts(&[account(word, details)])
}

#[test]
fn a_missing_payment_is_named_and_critical() {
    let details = details(HealthEntity::Waba, 141_006);
    let json = json(&after(CanSendMessage::Blocked, details));
    let account = &json["accounts"][0];
    let text =
        "sending BLOCKED: no valid payment method (141006); business-initiated messages fail";
    assert_eq!(account["troubles"][0]["text"], text);
    assert_eq!(json["attention"]["items"][0]["troubles"][0], text);
    assert_eq!(account["can_send_level"], "critical");
    assert_eq!(json["level"], "critical");
    let entity = &account["health"][0];
    assert_eq!(entity["entity_type"], "WABA");
    assert_eq!(entity["can_send_message"], "BLOCKED");
    assert_eq!(entity["errors"][0]["error_code"], 141_006);
    assert_eq!(entity["errors"][0]["error_description"], HOSTILE);
    assert_eq!(entity["errors"][0]["possible_solution"], "Do <b>this</b>.");
    assert_eq!(entity["additional_info"][0], "Wait & see.");
}

#[test]
fn an_unverified_portfolio_is_a_line_that_needs_no_attention() {
    let details = details(HealthEntity::Waba, 141_010);
    let json = json(&after(CanSendMessage::Limited, details));
    let account = &json["accounts"][0];
    let text = "sending LIMITED: the business portfolio is not verified (141010)";
    assert_eq!(account["troubles"][0]["text"], text);
    assert_eq!(account["troubles"][0]["level"], "neutral");
    assert_eq!(account["level"], "neutral");
    assert_eq!(json["attention"]["items"].as_array().map(Vec::len), Some(0));
    assert_eq!(json["level"], "fine");
}

#[test]
fn another_code_keeps_the_severity_of_the_word() {
    for (word, code, level, text) in [
        (
            CanSendMessage::Limited,
            138_024,
            "warning",
            "sending LIMITED (WABA 138024)",
        ),
        (
            CanSendMessage::Blocked,
            141_010,
            "critical",
            "sending BLOCKED (WABA 141010)",
        ),
    ] {
        let json = json(&after(word, details(HealthEntity::Waba, code)));
        let account = &json["accounts"][0];
        assert_eq!(account["troubles"][0]["text"], text);
        assert_eq!(account["level"], level);
    }
    let bare = json(&after(CanSendMessage::Limited, None));
    assert_eq!(
        bare["accounts"][0]["troubles"][0]["text"],
        "sending LIMITED"
    );
    let fine = json(&after(CanSendMessage::Available, None));
    assert_eq!(
        fine["accounts"][0]["health"].as_array().map(Vec::len),
        Some(0)
    );
}

#[test]
fn a_payment_missing_for_many_numbers_is_one_item() {
    let of_account = details(HealthEntity::Waba, 141_006);
    let entity = EntityHealth {
        kind: HealthEntity::Waba,
        can_send_message: CanSendMessage::Blocked,
    };
    let unpaid = |which| number::Snapshot {
        health: Health::new(vec![entity], None),
        health_details: of_account.clone(),
        ..number(which, QualityRating::Green, "Fern & Moss")
    };
    let listed = numbers(vec![unpaid(1), unpaid(2), unpaid(3)]);
    let alone = json(&facts(std::slice::from_ref(&listed)));
    assert_eq!(
        alone["attention"]["critical"], 3,
        "the account is not read yet"
    );
    let polled = account(CanSendMessage::Blocked, of_account.clone());
    let json = json(&facts(&[polled, listed]));
    assert_eq!(json["attention"]["critical"], 1);
    let number = &json["accounts"][0]["phone_numbers"][0];
    assert_eq!(number["level"], "neutral");
    assert_eq!(number["can_send_level"], "critical");
}

#[test]
fn texts_are_escaped_and_those_of_the_account_are_shown_once() {
    let of_account = details(HealthEntity::Waba, 141_006);
    let mut blocked = number(1, QualityRating::Green, "Fern & Moss");
    blocked.health_details = of_account.clone();
    let own = number::Snapshot {
        health_details: details(HealthEntity::PhoneNumber, 141_000),
        ..number(2, QualityRating::Green, "Fern & Moss")
    };
    let facts = facts(&[
        account(CanSendMessage::Blocked, of_account),
        numbers(vec![blocked, own]),
    ]);
    let page = drawn(&facts);
    assert!(!page.contains("<script") && !page.contains("<b>"), "{page}");
    let account = "WABA: 141006 <bdi>&lt;script&gt;alert(1)&lt;/script&gt;\u{202e}</bdi> Solution: <bdi>Do &lt;b&gt;this&lt;/b&gt;.</bdi> <bdi>Wait &amp; see.</bdi>";
    assert_eq!(page.matches(account).count(), 1, "{page}");
    assert_eq!(page.matches("PHONE_NUMBER: 141000 ").count(), 1, "{page}");
    let json = json(&facts);
    let numbers = json["accounts"][0]["phone_numbers"].as_array();
    let numbers = numbers.expect("two numbers");
    assert!(
        numbers
            .iter()
            .all(|one| one["health"].as_array().is_some_and(|all| all.len() == 1))
    );
}

#[test]
fn payment_and_marketing_are_shown_where_something_is_missing() {
    let with = |funding, is_disabled| {
        let snapshot = account::Snapshot {
            funding: Some(funding),
            marketing_disabled: Some(is_disabled),
            marketing_onboarding: Some(account::MarketingOnboarding::Onboarded),
            ..account::Snapshot::default()
        };
        facts(&[polled(Fact::AccountRead(snapshot))])
    };
    let missing = with(Funding::Missing, true);
    let page = drawn(&missing);
    for badge in [
        "no payment method attached",
        "marketing messages switched off",
    ] {
        assert!(page.contains(badge), "{badge}");
    }
    let account = &json(&missing)["accounts"][0];
    assert_eq!(account["funding_attached"], false);
    assert_eq!(account["marketing_disabled"], true);
    assert_eq!(account["marketing_onboarding_status"], "ONBOARDED");
    assert_eq!(account["level"], "fine");
    for funding in [Funding::Attached, Funding::Unknown] {
        let page = drawn(&with(funding, false));
        assert!(!page.contains("payment method") && !page.contains("switched off"));
    }
    let unknown = json(&with(Funding::Unknown, false));
    assert_eq!(unknown["accounts"][0]["funding_attached"], Value::Null);
}
