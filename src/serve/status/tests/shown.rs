//! What the page shows of a business and of the exporter.

use super::problems::{troubled, with_problems_everywhere};
use super::*;

#[test]
fn a_healthy_setup_has_no_issues() {
    let calm = facts(&[
        account("Fern & Moss"),
        numbers(vec![number(1, QualityRating::Green, "Fern & Moss")]),
    ]);
    let status = json(&calm);
    assert_eq!(status["level"], "fine");
    assert_eq!(status["attention"]["items"], serde_json::json!([]));
    assert_eq!(status["accounts"][0]["messaging_limit"], "UNLIMITED");
    let page = drawn(&calm);
    assert!(page.contains(">No problems<"), "{page}");
    assert!(!page.contains("Needs attention"), "{page}");
}

#[test]
fn a_flag_comes_first_with_its_countdown() {
    let troubled = facts(&troubled());
    let status = json(&troubled);
    let number = &status["accounts"][0]["phone_numbers"][0];
    assert_eq!(number["status"], "FLAGGED", "the worst comes first");
    assert_eq!(number["flag"]["since"], "2026-03-30T23:33:20Z");
    assert_eq!(number["flag"]["meta_acts"]["at"], "2026-04-06T23:33:20Z");
    assert_eq!(number["flag"]["meta_acts"]["in_seconds"], 6 * DAY_S);
    let page = drawn(&troubled);
    for text in [
        "+1 555-010-0002 Fern &amp; Moss Service</bdi></a>: flagged; Meta takes action in 6 d 0 h; rated RED",
        "Meta disables the account in 5 d 0 h",
        "RESTRICTED_BIZ_INITIATED_MESSAGING, ends in 2 d 0 h",
        "3 of 3 templates with problems",
        "pause ends in 5 h 0 min",
        "disabled in 3 d 0 h",
        "becomes MARKETING in 7 d 0 h",
        "INVALID_FORMAT",
    ] {
        assert!(page.contains(text), "{text} is not on the page:\n{page}");
    }
}

#[test]
fn issues_of_the_exporter_are_listed() {
    let page = drawn(&with_problems_everywhere(facts(&troubled())));
    for text in [
        "the store cannot commit: the disk is full",
        "polls fail: numbers; see the log",
        "quota is used up; polls resume in 1 d 0 h",
        "the last reload failed",
        "the access token expires in 2 d 0 h",
        "the token lacks whatsapp_business_management",
        "webhook fields not subscribed: account_alerts, ",
        "callback URL differs",
        "3 refused (3 bad_signature)",
        "Last run 24 h ago: 1 fine, 1 problem, 1 unknown.",
        "<bdi>&lt;booking&gt;</bdi> <bdi>2</bdi>: <bdi>date</bdi>",
        "12.5 %",
        "free_text 1,249, slow 1",
        "handshake (<bdi>shop</bdi>): refuses the verify token",
        "Restart it.",
    ] {
        assert!(page.contains(text), "{text} is not on the page:\n{page}");
    }
}

#[test]
fn unreadable_parts_are_reported_and_the_rest_is_shown() {
    let mut facts = facts(&troubled());
    facts.examination = Err("a.db.doctor.json is no report".to_owned());
    let status = status(&facts, Err("the history cannot be read: broken".to_owned()));
    let page = page::draw(&status);
    assert!(page.contains("the history cannot be read: broken"));
    assert!(page.contains("a.db.doctor.json is no report"));
    assert!(page.contains("FLAGGED"));
    assert!(!page.contains("<svg"));
}

#[test]
fn external_names_are_escaped() {
    let hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u{202e}gnp";
    let long = "W".repeat(512);
    let facts = facts(&[
        account(hostile),
        numbers(vec![
            number(1, QualityRating::Red, hostile),
            number(2, QualityRating::Red, &long),
        ]),
    ]);
    let page = drawn(&facts);
    assert!(
        !page.contains("<script") && !page.contains("<img"),
        "{page}"
    );
    assert!(page.contains("<bdi>&lt;script&gt;alert(1)"), "{page}");
    assert!(page.contains(&long), "a long name is shown whole");
    let json = json(&facts);
    assert_eq!(json["accounts"][0]["name"], hostile);
}

#[test]
fn the_worst_items_are_listed_and_the_others_counted() {
    let rating = |which| match which {
        149 => QualityRating::Red,
        _ => QualityRating::Yellow,
    };
    let many = (0..150).map(|which| number(which, rating(which), "Fern & Moss"));
    let paused = (0..30).map(|which| template(which, template::Status::Paused));
    let facts = facts(&[
        account("Fern & Moss"),
        numbers(many.collect()),
        templates(paused.collect()),
    ]);
    let status = json(&facts);
    let account = &status["accounts"][0];
    let shown = |list: &Value| list.as_array().map(Vec::len);
    assert_eq!(shown(&account["phone_numbers"]), Some(100));
    assert_eq!(account["phone_numbers"][0]["quality_rating"], "RED");
    assert_eq!(account["phone_numbers_total"], 150);
    assert_eq!(shown(&account["template_problems"]), Some(20));
    assert_eq!(account["template_problems_total"], 30);
    assert_eq!(shown(&status["attention"]["items"]), Some(25));
    assert_eq!(status["attention"]["warning"], 150);
    let page = drawn(&facts);
    assert!(page.contains("50 more phone numbers"), "{page}");
    assert!(page.contains("10 more templates"), "{page}");
    assert!(page.contains("And 126 more"), "{page}");
}

#[test]
fn a_timeline_has_a_text() {
    let row = |day, from: Option<&str>, to: &str| HistoryRow {
        waba_id: WABA.into(),
        entity: NUMBER.into(),
        entity_id: "90010001".into(),
        attribute: "quality_rating".into(),
        at: days(day),
        source: "poll".into(),
        from: from.map(str::to_owned),
        to: to.into(),
        order_ms: 0,
    };
    let recent = Recent {
        rows: vec![row(-25, None, "GREEN"), row(-4, Some("GREEN"), "YELLOW")],
        complete_since: NOW.minus(WINDOW),
    };
    let facts = facts(&[numbers(vec![number(1, QualityRating::Yellow, "Fern")])]);
    let steps = ShownSteps::new(recent, NOW);
    let page = page::draw(&status(&facts, Ok(&steps))).replace('\u{a0}', " ");
    let story = "Quality, 30 days: unknown for 5 days, then GREEN for 21 days, \
                 then YELLOW since 2026-03-27 23:33 UTC (4 days)";
    assert!(page.contains(story), "{page}");
}

#[test]
fn no_element_has_inline_style_or_script() {
    let page = drawn(&with_problems_everywhere(facts(&troubled())));
    let (_, body) = page.split_once("<body>").expect("a body");
    for forbidden in [
        " style=",
        "<script",
        " onload=",
        " onclick=",
        "src=",
        "http://",
        "https://",
    ] {
        assert!(!body.contains(forbidden), "{forbidden}");
    }
    assert_eq!(page.matches("<h1>").count(), 1);
    assert_eq!(page.matches("<style>").count(), 1);
}
