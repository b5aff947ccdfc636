//! Current problems of accounts and numbers are shown, and past problems do not hide them.

use serde_json::Value;

use super::super::level::{Level, is_out_of_service};
use super::*;
use crate::domain::account::EventKind;
use crate::domain::{DisplayDigits, Word};

/// Moves the event to this day, as a poll or a webhook.
pub(super) fn on(day: i64, event: Event) -> Event {
    let observed_at = days(day);
    Event {
        observed_at,
        ..event
    }
}

fn with_status(which: usize, status: number::Status) -> number::Snapshot {
    number::Snapshot {
        status: Some(status),
        ..number(which, QualityRating::Green, "Fern & Moss")
    }
}

/// One number with these statuses, each seen by a poll on its day.
fn number_that_was(statuses: &[(i64, number::Status)]) -> Facts {
    let mut events = vec![account("Fern & Moss")];
    let listed = statuses
        .iter()
        .map(|(day, status)| on(*day, numbers(vec![with_status(1, *status)])));
    events.extend(listed);
    facts(&events)
}

fn first_number(status: &Value) -> &Value {
    &status["accounts"][0]["phone_numbers"][0]
}

#[test]
fn a_number_out_of_service_is_critical_then_a_warning_then_neutral() {
    use number::Status;
    let gone = Status::ALL
        .iter()
        .copied()
        .filter(|one| is_out_of_service(*one));
    for status in gone {
        for before in [Status::Connected, Status::Flagged, Status::Restricted] {
            for (day, level) in [(-1, "critical"), (-8, "warning"), (-31, "fine")] {
                let body = json(&number_that_was(&[(-40, before), (day, status)]));
                let number = first_number(&body);
                let case = format!("{before:?} to {status:?} on day {day}: {number}");
                assert_eq!(number["level"], level, "{case}");
                assert_eq!(body["level"], level, "{case}");
                assert_eq!(
                    number["status_since"]["age_seconds"],
                    -day * DAY_S,
                    "{case}"
                );
            }
        }
    }
    let lost = number_that_was(&[(-2, Status::Connected), (-1, Status::Disconnected)]);
    let page = drawn(&lost);
    let text = "status DISCONNECTED since 2026-03-30 23:33 UTC (24 h ago), previously CONNECTED";
    assert!(page.contains(text), "{page}");
    assert!(page.contains("badge critical\">DISCONNECTED"), "{page}");
}

#[test]
fn a_number_that_was_never_in_service_stays_neutral() {
    use number::Status;
    for statuses in [
        &[(-40, Status::Disconnected)][..],
        &[(-40, Status::Disconnected), (-1, Status::Disconnected)],
        &[(-40, Status::Unknown), (-1, Status::Disconnected)],
    ] {
        let body = json(&number_that_was(statuses));
        assert_eq!(body["level"], "fine", "{statuses:?}");
        assert_eq!(
            first_number(&body)["status_level"],
            "neutral",
            "{statuses:?}"
        );
    }
}

#[test]
fn a_recent_unknown_status_is_not_fine() {
    use number::Status;
    let status_on = |day| {
        json(&number_that_was(&[
            (-40, Status::Connected),
            (day, Status::Other),
        ]))
    };
    assert_eq!(first_number(&status_on(-1))["level"], "warning");
    assert_eq!(first_number(&status_on(-8))["level"], "fine");
}

#[test]
fn the_old_id_of_a_reregistered_number_is_not_a_loss() {
    use number::Status;
    let same_digits = |which, status| number::Snapshot {
        display_phone_number: Some("+1 555-010-0001".to_owned()),
        ..with_status(which, status)
    };
    let again = |new| {
        facts(&[
            on(-3, numbers(vec![same_digits(1, Status::Connected)])),
            on(
                -1,
                numbers(vec![same_digits(1, Status::Migrated), same_digits(2, new)]),
            ),
        ])
    };
    assert_eq!(json(&again(Status::Connected))["level"], "fine");
    assert_eq!(json(&again(Status::Migrated))["level"], "critical");
}

#[test]
fn every_neutral_status_is_a_loss_or_unknown() {
    use number::Status;
    for status in Status::ALL.iter().copied() {
        let is_neutral = Level::from(status) == Level::Neutral;
        let is_unknown = matches!(status, Status::Unknown | Status::Other);
        assert_eq!(
            is_neutral,
            is_out_of_service(status) || is_unknown,
            "{status:?}"
        );
    }
}

fn update(key: u128, event: EventKind, digits: Option<&str>) -> Event {
    webhook(
        key,
        Fact::Account(account::Update::AccountUpdate {
            event,
            digits: digits.and_then(DisplayDigits::parse),
            ban: None,
            restrictions: Vec::new(),
            violation: None,
            disconnection: None,
        }),
    )
}

#[test]
fn an_account_loss_is_shown_with_its_time_until_it_is_reversed() {
    use EventKind::{
        AccountDeleted, AccountOffboarded, AccountReconnected, PartnerAppUninstalled,
        PartnerRemoved,
    };
    for event in [
        AccountDeleted,
        AccountOffboarded,
        PartnerRemoved,
        PartnerAppUninstalled,
    ] {
        let told_on = |day| facts(&[account("Fern & Moss"), on(day, update(1, event, None))]);
        for (day, level) in [(-1, "critical"), (-8, "warning"), (-31, "fine")] {
            let body = json(&told_on(day));
            assert_eq!(
                body["accounts"][0]["level"], level,
                "{event:?} on day {day}"
            );
            let last = &body["accounts"][0]["last_events"][0];
            assert_eq!(last["event"], event.as_str());
            assert_eq!(last["age_seconds"], -day * DAY_S, "{event:?}");
        }
        let page = drawn(&told_on(-1));
        assert!(
            page.contains(&format!("{} 24 h ago", event.as_str())),
            "{page}"
        );
        let back = facts(&[
            account("Fern & Moss"),
            on(-2, update(1, event, None)),
            on(-1, update(2, AccountReconnected, None)),
        ]);
        assert_eq!(json(&back)["level"], "fine", "{event:?}");
    }
}

#[test]
fn an_event_about_one_number_names_it_and_a_violation_is_a_warning() {
    let removed = update(1, EventKind::PartnerRemoved, Some("15550100001"));
    let violation = update(2, EventKind::AccountViolation, None);
    let facts = facts(&[account("Fern & Moss"), removed, violation]);
    let body = json(&facts);
    let issues = &body["accounts"][0]["troubles"];
    assert_eq!(
        issues[0]["text"],
        "PARTNER_REMOVED for phone number 15550100001 60 min ago"
    );
    assert_eq!(issues[1]["text"], "ACCOUNT_VIOLATION 60 min ago");
    assert_eq!(issues[1]["level"], "warning");
    assert_eq!(
        body["accounts"][0]["last_events"][0]["phone_number"],
        "15550100001"
    );
}

#[test]
fn watching_no_accounts_is_critical() {
    let mut facts = facts(&[]);
    facts.accounts.clear();
    let body = json(&facts);
    assert_eq!(body["level"], "critical");
    assert_eq!(body["attention"]["items"][0]["subject"], "Accounts");
    let page = drawn(&facts);
    assert!(page.contains("no accounts are watched"), "{page}");
    assert!(!page.contains("No problems"), "{page}");
}
