//! Tests that render facts as the page and the JSON.

mod causes;
mod now;
mod portfolio;
mod reports;
mod selection;
mod sending;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::digest::Digests;
use super::figures::Figures;
use super::overview::Overview;
use super::selection::AccountSelection;
use super::timeline::{NUMBER, ShownSteps, WINDOW};
use super::{Facts, Status, page};
use crate::domain::access::{Access, AccessStates, End, Subscription, Token};
use crate::domain::account::{Ban, BanState, Restriction, RestrictionType, ReviewStatus};
use crate::domain::journey::{Confusion, JourneyId};
use crate::domain::template::{Category, PauseTitle, RejectedReason};
use crate::domain::{
    AppId, BusinessId, CallbackUrl, CanSendMessage, Collector, DeliveryKey, EntityHealth, Event,
    Fact, Health, HealthEntity, Listing, MessagingLimit, PhoneNumberId, QualityRating, Source,
    TemplateId, Timestamp, WabaId, WebhookConfiguration, account, number, template,
};
use crate::insight::confusing_steps::ConfusingStep;
use crate::state::{Counts, State};
use crate::store::{HistoryRow, Recent};
use crate::telemetry::{Examination, Finding, Report, Telemetry};

const NOW: Timestamp = Timestamp::from_seconds(1_775_000_000);
const WABA: &str = "800100200300400";
const BUSINESS: &str = "700100200300400";
const DAY_S: i64 = 86_400;

fn days(days: i64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() + days * DAY_S * 1_000)
}

fn waba() -> WabaId {
    WabaId::parse(WABA).expect("digits")
}

fn polled(fact: Fact) -> Event {
    Event {
        waba_id: waba(),
        observed_at: days(-1),
        source: Source::Poll,
        fact,
    }
}

fn webhook(key: u128, fact: Fact) -> Event {
    Event {
        source: Source::Webhook(DeliveryKey(key)),
        observed_at: Timestamp::from_seconds(1_775_000_000 - DAY_S / 24),
        ..polled(fact)
    }
}

fn health(can_send_message: CanSendMessage) -> Option<Health> {
    let kind = HealthEntity::PhoneNumber;
    let entity = EntityHealth {
        kind,
        can_send_message,
    };
    Health::new(vec![entity], None)
}

fn number(which: usize, rating: QualityRating, name: &str) -> number::Snapshot {
    let id = PhoneNumberId::parse(&format!("9001{which:04}")).expect("digits");
    number::Snapshot {
        display_phone_number: Some(format!("+1 555-010-{which:04}")),
        verified_name: Some(name.to_owned()),
        quality_rating: Some(rating),
        status: Some(number::Status::Connected),
        messaging_limit: Some(MessagingLimit::Customers(2_000)),
        throughput_level: Some(number::ThroughputLevel::Standard),
        name_status: Some(number::NameStatus::Approved),
        health: health(CanSendMessage::Available),
        ..number::Snapshot::new(id)
    }
}

fn numbers(objects: Vec<number::Snapshot>) -> Event {
    let complete = true;
    polled(Fact::NumbersListed(Listing { objects, complete }))
}

fn identity(which: usize) -> template::Identity {
    template::Identity {
        id: TemplateId::parse(&format!("7001{which:04}")).expect("digits"),
        name: Some(format!("offer_{which}").into()),
        language: Some("en_US".into()),
    }
}

/// A snapshot that contains only the template's identity.
fn snapshot_of(identity: template::Identity) -> template::Snapshot {
    template::Snapshot {
        name: identity.name,
        language: identity.language,
        ..template::Snapshot::new(identity.id)
    }
}

fn template(which: usize, status: template::Status) -> template::Snapshot {
    template::Snapshot {
        status: Some(status),
        category: Some(Category::Utility),
        correct_category: Some(Category::Marketing),
        quality_rating: Some(QualityRating::Green),
        last_reason: Some(RejectedReason::InvalidFormat),
        ..snapshot_of(identity(which))
    }
}

fn templates(objects: Vec<template::Snapshot>) -> Event {
    let complete = true;
    let totals = template::Totals::default();
    polled(Fact::TemplatesListed(Listing { objects, complete }, totals))
}

fn of_template(key: u128, which: usize, update: template::Update) -> Event {
    let identity = identity(which);
    webhook(
        key,
        Fact::Template(template::WebhookUpdate { identity, update }),
    )
}

fn account(name: &str) -> Event {
    polled(Fact::AccountRead(account::Snapshot {
        name: Some(name.to_owned()),
        business_id: BusinessId::parse(BUSINESS),
        review_status: Some(ReviewStatus::Approved),
        messaging_limit: Some(MessagingLimit::Unlimited),
        health: health(CanSendMessage::Available),
        webhook_subscribed: Some(true),
        ..account::Snapshot::default()
    }))
}

/// A business with every kind of problem.
fn troubled() -> Vec<Event> {
    let paused = template::Update::Status {
        event: template::EventKind::Paused,
        reason: None,
        category: None,
        pause: Some(PauseTitle::SecondPause),
        disable_at: None,
    };
    let doomed = template::Update::Status {
        event: template::EventKind::Flagged,
        reason: None,
        category: None,
        pause: None,
        disable_at: Some(days(3)),
    };
    let moved = template::Update::CategoryAnnounced {
        present: Some(Category::Utility),
        coming: Category::Marketing,
        at: Some(days(7)),
    };
    let rejected = template::Update::Status {
        event: template::EventKind::Rejected,
        reason: Some(RejectedReason::InvalidFormat),
        category: None,
        pause: None,
        disable_at: None,
    };
    let restriction = Restriction {
        kind: RestrictionType::BizInitiatedMessaging,
        expires_at: Some(days(2)),
    };
    let update = account::Update::AccountUpdate {
        event: account::EventKind::DisabledUpdate,
        digits: None,
        ban: Some(Ban {
            state: BanState::ScheduleForDisable,
            date: Some(days(5)),
        }),
        restrictions: vec![restriction],
        violation: None,
        disconnection: None,
    };
    let flagged = number::Snapshot {
        status: Some(number::Status::Flagged),
        health_details: sending::details(HealthEntity::PhoneNumber, 141_000),
        ..number(2, QualityRating::Red, "Fern & Moss Service")
    };
    vec![
        account("Fern & Moss"),
        sending::account(
            CanSendMessage::Limited,
            sending::details(HealthEntity::Waba, 141_010),
        ),
        numbers(vec![
            number(1, QualityRating::Green, "Fern & Moss"),
            flagged,
        ]),
        templates(vec![
            template(1, template::Status::Approved),
            template(2, template::Status::Approved),
            template(3, template::Status::Rejected),
        ]),
        of_template(1, 1, paused),
        of_template(2, 2, doomed),
        of_template(3, 2, moved),
        webhook(4, Fact::Account(update)),
        of_template(5, 3, rejected),
    ]
}

fn facts(events: &[Event]) -> Facts {
    let mut state = State::default();
    state.watch([waba()]);
    for event in events {
        state.apply(event);
    }
    let telemetry = Telemetry::new();
    telemetry.config_last_reload_successful.set(1);
    let accounts = state.accounts().values();
    let numbers = accounts.flat_map(|account| account.number_ids());
    Facts {
        confusing_steps: Vec::new(),
        experiments: Vec::new(),
        numbers_of_several: numbers.cloned().collect(),
        accounts: state.accounts().clone(),
        access: AccessStates::new(),
        assignments: Arc::default(),
        watched: [("main".to_owned(), 1)].into(),
        figures: Figures::new(&telemetry),
        callback: CallbackUrl::new("https://watch.example/webhook"),
        unions: Arc::default(),
        store: Ok(()),
        others: None,
        examination: Ok(None),
        now: NOW,
    }
}

/// Facts with a problem in each part of the exporter.
fn with_problems_everywhere(mut facts: Facts) -> Facts {
    let telemetry = Telemetry::new();
    let waba_id = WabaId::parse(WABA).expect("digits");
    let polls = &telemetry.polls;
    polls.record("main", &waba_id, Collector::Numbers, Some("timeout"));
    telemetry.quotas.note_usage(&waba_id, 1.0);
    telemetry.quotas.note_planned(&waba_id, 14);
    let regain = telemetry.graph_regain_access.with_label_values(&[WABA]);
    regain.set(days(1).as_seconds_f64());
    let received = telemetry.webhook_last_received.with_label_values(&[WABA]);
    received.set(days(-1).as_seconds_f64());
    let refused = telemetry
        .webhook_rejected
        .with_label_values(&["bad_signature"]);
    refused.inc_by(3);
    facts.figures = Figures::new(&telemetry);
    let mut signs = Counts::default();
    signs.add(Confusion::Slow, 1);
    signs.add(Confusion::FreeText, 1_249);
    facts.confusing_steps = vec![ConfusingStep {
        journey: JourneyId {
            journey: "<booking>".to_owned(),
            version: "2".to_owned(),
        },
        step: "date".to_owned(),
        entered: 10_000,
        signs,
    }];
    facts.store = Err("the store cannot commit: the disk is full".to_owned());
    let token = Token {
        is_valid: true,
        expires: Some(End::At(days(2))),
        data_access_expires: Some(End::At(days(10))),
        scopes: Some(BTreeSet::new()),
        ..Token::default()
    };
    let access = Access {
        app_id: AppId::parse("400500600700800"),
        token: Some(token),
        subscription: Some(Subscription::default()),
        callback_matches: Some(false),
        callback: None,
    };
    facts.access.insert("shop".to_owned(), access);
    let finding = Finding::problem("handshake", "refuses the verify token", "Restart it.");
    let findings = vec![
        Finding::fine("token", "is accepted"),
        Finding::unknown("clock", "cannot be told", "Ask again.").about("shop"),
        finding.about("shop"),
    ];
    facts.examination = Ok(Some(Examination {
        at: days(-1),
        report: Report::new(findings),
    }));
    facts
}

fn status(facts: &Facts, steps: Result<&ShownSteps, String>) -> Status {
    let overview = Overview::new(facts, &Digests::default());
    let selection = AccountSelection {
        found: overview.order.len(),
        shown: overview.order.clone(),
        limit: 100,
        ..AccountSelection::default()
    };
    Status::new(facts, overview, selection, steps)
}

fn calm_steps() -> ShownSteps {
    let recent = Recent {
        rows: vec![],
        complete_since: NOW.minus(WINDOW),
    };
    ShownSteps::new(recent, NOW)
}

fn json(facts: &Facts) -> Value {
    let steps = calm_steps();
    serde_json::to_value(status(facts, Ok(&steps))).expect("plain data")
}

fn drawn(facts: &Facts) -> String {
    let steps = calm_steps();
    let page = page::draw(&status(facts, Ok(&steps)));
    // The markup that controls line breaks is not part of the text.
    let page = page.replace("<wbr>", "").replace("<code>", "");
    page.replace("</code>", "").replace('\u{a0}', " ")
}

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
    assert!(page.contains("50 phone numbers more"), "{page}");
    assert!(page.contains("10 templates more"), "{page}");
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

/// Collects every path of the JSON, with `[]` for an element of a list.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    /// Objects whose keys are values.
    const BY_VALUE: [&str; 4] = [
        "accounts[].phone_numbers[].thread_owners",
        "accounts[].templates_past",
        "summary.phone_numbers_by_rating",
        "webhooks.refused_by_reason",
    ];
    match value {
        Value::Object(fields) if !BY_VALUE.contains(&path) => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                paths(value, &format!("{path}{dot}{name}"), found);
            }
        }
        Value::Array(elements) => {
            for element in elements {
                paths(element, &format!("{path}[]"), found);
            }
        }
        _ => drop(found.insert(path.to_owned())),
    }
}

#[test]
fn the_docs_list_every_field_and_no_other() {
    let page = include_str!("../../../docs/status-api.md");
    let (_, table) = page
        .split_once("<!-- status fields -->")
        .expect("the table");
    let (table, _) = table
        .split_once("<!-- end of status fields -->")
        .expect("its end");
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let fields = rows
        .flat_map(|row| row.split(" | ").next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned));
    let documented: BTreeSet<String> = fields.collect();
    let mut found = BTreeSet::new();
    let events = troubled().into_iter().chain(reports::events());
    let events: Vec<Event> = events.chain(causes::events()).collect();
    let troubled = with_problems_everywhere(facts(&events));
    paths(&json(&troubled), "", &mut found);
    // A value that is null with problems is an object or a list without them, and vice versa.
    found.retain(|path| !found_inside(path, &documented));
    assert_eq!(found, documented);
}

/// Whether the value is null here, and an object or a list in the table.
fn found_inside(path: &str, documented: &BTreeSet<String>) -> bool {
    documented.iter().any(|field| {
        let rest = field.strip_prefix(path);
        rest.is_some_and(|rest| rest.starts_with(['.', '[']))
    })
}

#[test]
fn the_example_of_the_docs_matches_a_response() {
    let page = include_str!("../../../docs/status-api.md");
    let (_, example) = page.split_once("```json\n").expect("an example");
    let (example, _) = example.split_once("```").expect("its end");
    let example: Value = serde_json::from_str(example).expect("JSON");
    let (mut shown, mut found) = (BTreeSet::new(), BTreeSet::new());
    paths(&example, "", &mut shown);
    paths(&json(&facts(&troubled())), "", &mut found);
    assert!(shown.is_subset(&found), "{shown:?}");
}

#[test]
fn an_override_of_the_callback_is_an_issue_of_the_number() {
    let with = |levels: WebhookConfiguration| {
        let snapshot = number::Snapshot {
            webhook_configuration: Some(levels),
            ..number(1, QualityRating::Green, "Fern & Moss")
        };
        facts(&[account("Fern & Moss"), numbers(vec![snapshot])])
    };
    let url = |text| CallbackUrl::new(text);
    let elsewhere = WebhookConfiguration {
        phone_number: url("https://crm.example/in?token=s3cret"),
        ..WebhookConfiguration::default()
    };
    let facts = with(elsewhere);
    let text = "its messages webhooks go to https://crm.example/in, not to webhook.callback_url";
    let status = json(&facts);
    let shown = &status["accounts"][0]["phone_numbers"][0];
    assert_eq!(shown["troubles"][0]["text"], text);
    assert_eq!(shown["messages_override"], "https://crm.example/in");
    assert_eq!(status["attention"]["warning"], 1);
    assert!(drawn(&facts).contains(text));
    assert!(!status.to_string().contains("s3cret"));

    // States of other replicas are as old as the last reading.
    assert_eq!(json(&facts)["store"]["other_replicas"], Value::Null);
    let facts = Facts {
        others: Some((7, NOW.minus(Duration::from_secs(12)))),
        ..facts
    };
    let others = &json(&facts)["store"]["other_replicas"];
    assert_eq!(others["accounts"], 7);
    assert_eq!(others["read"]["age_seconds"], 12);
    let page = drawn(&facts).replace('\u{a0}', " ");
    let sentence = "7 accounts of other replicas: states read from the database 12 s ago.";
    assert!(page.contains(sentence), "{page}");

    // Without an expected URL there is nothing to compare.
    let facts = Facts {
        callback: None,
        ..facts
    };
    let status = json(&facts);
    assert_eq!(status["attention"]["warning"], 0);
    // An override with the exporter's own URL, and a wrong URL of the app, are no issue of the number.
    let own = WebhookConfiguration {
        account: url("https://watch.example/webhook?version=2"),
        application: url("https://old.example/"),
        ..WebhookConfiguration::default()
    };
    assert_eq!(json(&with(own))["attention"]["warning"], 0);
}
