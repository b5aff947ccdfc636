//! Current problems of templates are shown, and old ones are only counted.

use serde_json::{Value, json};

use super::now::on;
use super::*;
use crate::domain::Word;

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
