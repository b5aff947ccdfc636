//! Current problems are shown, and past problems do not hide them.

use serde_json::{Value, json};

use super::super::level::{Level, is_out_of_service};
use super::*;
use crate::domain::account::EventKind;
use crate::domain::{DisplayDigits, Word};

/// Moves the event to this day, as a poll or a webhook.
fn on(day: i64, event: Event) -> Event {
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

/// A template that was approved, and changed to this status on `day`.
fn template_since(which: usize, day: i64, status: template::Status) -> Vec<Event> {
    let listed = |status| templates_of(vec![settled(which, status)]);
    vec![
        on(-60, listed(template::Status::Approved)),
        on(day, listed(status)),
    ]
}

/// An incomplete listing, which does not remove missing templates.
fn templates_of(objects: Vec<template::Snapshot>) -> Event {
    let totals = template::Totals::default();
    let complete = false;
    polled(Fact::TemplatesListed(Listing { objects, complete }, totals))
}

fn settled(which: usize, status: template::Status) -> template::Snapshot {
    template::Snapshot {
        correct_category: None,
        ..template(which, status)
    }
}

fn of_templates(events: &[Vec<Event>]) -> Value {
    let mut events = events.concat();
    events.push(account("Fern & Moss"));
    json(&facts(&events))
}

#[test]
fn templates_rejected_or_disabled_long_ago_are_only_counted() {
    use template::Status;
    for (status, recent) in [
        (Status::Rejected, "warning"),
        (Status::Disabled, "critical"),
    ] {
        for (day, level) in [(-6, recent), (-7, "fine"), (-50, "fine")] {
            let body = of_templates(&[template_since(1, day, status)]);
            assert_eq!(body["level"], level, "{status:?} on day {day}");
            let past = &body["accounts"][0]["templates_past"];
            let expected = if level == "fine" {
                json!({status.as_str(): 1})
            } else {
                json!({})
            };
            assert_eq!(*past, expected, "{status:?} on day {day}");
        }
        // First seen by a poll, so it may be as old as the account.
        let body = of_templates(&[vec![templates_of(vec![settled(1, status)])]]);
        assert_eq!(body["level"], "fine", "{status:?}");
        assert_eq!(body["summary"]["templates_past"], 1);
        assert_eq!(body["summary"]["template_problems"], 0);
    }
}

#[test]
fn many_old_rejections_do_not_hide_a_pause() {
    use template::Status;
    let mut events: Vec<Vec<Event>> = (100..400)
        .map(|which| template_since(which, -30, Status::Rejected))
        .collect();
    let rated = |which, rating| {
        let snapshot = template::Snapshot {
            quality_rating: Some(rating),
            ..settled(which, Status::Approved)
        };
        vec![on(-1, templates_of(vec![snapshot]))]
    };
    let scheduled = |which, key| {
        let update = template::Update::Status {
            event: template::EventKind::Flagged,
            reason: None,
            category: None,
            pause: None,
            disable_at: Some(days(3)),
        };
        let mut events = template_since(which, -60, Status::Approved);
        events.push(of_template(key, which, update));
        events
    };
    events.push(rated(1, QualityRating::Yellow));
    events.push(template_since(2, -2, Status::Rejected));
    events.push(template_since(3, -1, Status::Rejected));
    events.push(template_since(4, -1, Status::LimitExceeded));
    events.push(rated(5, QualityRating::Red));
    events.push(scheduled(6, 66));
    events.push(template_since(7, -1, Status::Paused));
    events.push(template_since(8, -1, Status::Disabled));
    let body = of_templates(&events);
    let account = &body["accounts"][0];
    let rows = account["template_problems"].as_array().expect("a list");
    let order: Vec<(&str, &str)> = rows
        .iter()
        .map(|row| {
            let name = row["name"].as_str().expect("a name");
            (name, row["concern"].as_str().expect("a concern"))
        })
        .collect();
    let expected = [
        ("offer_8", "disabled"),
        ("offer_7", "paused"),
        ("offer_6", "disable_scheduled"),
        ("offer_5", "rated_red"),
        ("offer_4", "limit_exceeded"),
        ("offer_3", "rejected"),
        ("offer_2", "rejected"),
        ("offer_1", "rated_yellow"),
    ];
    assert_eq!(order, expected);
    assert_eq!(account["template_problems_total"], 8);
    assert_eq!(account["templates_past"], json!({"REJECTED": 300}));
    let issue = "templates: 1 newly DISABLED, 1 PAUSED, 1 scheduled to be disabled, 1 rated RED, 1 LIMIT_EXCEEDED, \
                 2 newly REJECTED, 1 rated YELLOW";
    assert_eq!(account["troubles"][0]["text"], issue);
    assert_eq!(account["troubles"][0]["level"], "critical");
}

#[test]
fn the_rating_of_an_unusable_template_is_ignored() {
    use template::Status;
    for status in [
        Status::Disabled,
        Status::Rejected,
        Status::Archived,
        Status::Deleted,
    ] {
        let red = template::Snapshot {
            quality_rating: Some(QualityRating::Red),
            ..settled(1, status)
        };
        let body = of_templates(&[vec![templates_of(vec![red])]]);
        assert_eq!(body["level"], "fine", "{status:?}");
    }
}

#[test]
fn the_page_folds_old_templates_to_one_line() {
    let mut events = template_since(1, -30, template::Status::Rejected);
    events.extend(template_since(2, -30, template::Status::Disabled));
    let page = drawn(&facts(&events));
    assert!(
        page.contains("Not listed: 2 templates (1 DISABLED, 1 REJECTED)"),
        "{page}"
    );
    assert!(page.contains("2 templates, no problems"), "{page}");
}
