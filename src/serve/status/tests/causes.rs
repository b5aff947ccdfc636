//! Likely causes of a fall, on the page and in the JSON.

use serde_json::{Value, json};

use super::*;

/// A number that was GREEN, and a template that is RED.
pub(super) fn events() -> Vec<Event> {
    fallen_on(-1)
}

fn fallen_on(day: i64) -> Vec<Event> {
    let listed = |day, rating| {
        let event = numbers(vec![number(2, rating, "Fern & Moss Service")]);
        let observed_at = days(day);
        Event {
            observed_at,
            ..event
        }
    };
    let red = template::Update::Quality {
        previous: Some(QualityRating::Green),
        new: QualityRating::Red,
    };
    let red = Event {
        observed_at: days(day),
        ..of_template(77, 1, red)
    };
    vec![
        listed(day - 20, QualityRating::Green),
        listed(day, QualityRating::Red),
        red,
    ]
}

fn of_number(status: &Value) -> &Value {
    &status["accounts"][0]["phone_numbers"][0]["likely_causes"]
}

#[test]
fn a_recent_fall_is_shown_with_its_causes() {
    let facts = facts(&fallen_on(-2));
    let shown = of_number(&json(&facts)).clone();
    assert_eq!(shown["verdict"], "likely_causes");
    assert_eq!(
        shown["fall"],
        json!({"from": "GREEN", "to": "RED", "at": "2026-03-29T23:33:20Z", "age_seconds": 2 * DAY_S})
    );
    let cause = &shown["causes"][0];
    assert_eq!(cause["template_name"], "offer_1");
    assert_eq!(cause["score"], 0.7);
    assert_eq!(cause["confidence"], "moderate");
    let missing: Vec<_> = shown["missing"].as_array().expect("a list").clone();
    let missing: Vec<&Value> = missing.iter().map(|gap| &gap["data"]).collect();
    assert_eq!(missing, ["messages", "insights"]);
    let page = drawn(&facts);
    for text in [
        "Rating fell from GREEN to RED 2 days ago.",
        "(moderate): Meta rated it RED less than a day before the fall.",
        "No messages of this phone number were counted",
        "href=\"#causes-90010002\"",
        "id=\"causes-90010002\"",
    ] {
        assert!(page.contains(text), "{text} is not on the page:\n{page}");
    }
}

#[test]
fn without_evidence_the_page_says_so() {
    let events: Vec<Event> = fallen_on(-2).into_iter().take(2).collect();
    let facts = facts(&events);
    assert_eq!(of_number(&json(&facts))["verdict"], "no_evident_cause");
    let text = "The rating fell, but the known data shows nothing unusual before it.";
    let page = drawn(&facts);
    assert!(page.contains(text), "{page}");
}

#[test]
fn an_old_fall_and_a_rating_that_was_always_low_have_no_causes() {
    let old = facts(&fallen_on(-15));
    assert_eq!(of_number(&json(&old))["verdict"], "too_old");
    assert!(drawn(&old).contains("The rating fell more than 14 days ago."));
    let always = facts(&[numbers(vec![number(
        2,
        QualityRating::Yellow,
        "Fern & Moss",
    )])]);
    assert_eq!(of_number(&json(&always))["verdict"], "no_fall");
    let never = facts(&[numbers(vec![number(
        2,
        QualityRating::Green,
        "Fern & Moss",
    )])]);
    assert_eq!(*of_number(&json(&never)), Value::Null);
    assert!(!drawn(&never).contains("Likely causes"));
    // It fell and recovered.
    let mut events = fallen_on(-3);
    events.push(numbers(vec![number(
        2,
        QualityRating::Green,
        "Fern & Moss",
    )]));
    assert_eq!(
        of_number(&json(&facts(&events)))["verdict"],
        "likely_causes"
    );
}

#[test]
fn at_most_three_causes_are_shown() {
    let mut events = fallen_on(-2);
    for which in 2..8 {
        let red = template::Update::Quality {
            previous: None,
            new: QualityRating::Red,
        };
        events.push(Event {
            observed_at: days(-3),
            ..of_template(100 + which as u128, which, red)
        });
    }
    let shown = json(&facts(&events));
    assert_eq!(
        of_number(&shown)["causes"].as_array().map(Vec::len),
        Some(3)
    );
}
