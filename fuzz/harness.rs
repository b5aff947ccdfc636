//! Functions that accept any bytes and check what must hold. Shared by the fuzz targets and by the tests that replay
//! their findings.
#![allow(
    dead_code,
    reason = "each target is a program of its own and uses one of these"
)]

mod draw;
mod grammar;
mod store_sequence;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::SecretString;
use serde_json::Value;
use whatsapp_business_exporter::config::{Config, ConfigErrors, FixedEnvironment, Flags, WebFile};
use whatsapp_business_exporter::deliver::sign;
use whatsapp_business_exporter::domain::track::Trackers;
use whatsapp_business_exporter::domain::{AppId, Event, Source, Timestamp, WabaId};
use whatsapp_business_exporter::expose::{
    Apps, Options, Selection, StateSets, TemplateDetail, TextFormat, render,
};
use whatsapp_business_exporter::ingest::graph::{Usage, wire};
use whatsapp_business_exporter::ingest::track::EventReader;
use whatsapp_business_exporter::ingest::webhook::{Delivery, Verifier};
use whatsapp_business_exporter::ingest::{CustomerHasher, CustomerKey, ParseWarnings, read_json};
use whatsapp_business_exporter::state::State;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Every secret that the configuration is given; must be shown nowhere. As long as the shortest of Meta's: what is
/// written in the wrong place is shown whole if it is short.
const MARK: &str = "EAAGmarked0123456789abcdefABCDEF";

const NOW: Timestamp = Timestamp::from_seconds(1_774_000_000);

/// A retry comes later than the first try.
const RETRIED_AFTER: Duration = Duration::from_secs(90);

/// Longest label value: a name of 512 characters, each escaped or of four bytes.
const MAX_LINE: usize = 8 * 1024;

/// Reads a delivery and renders its effect. Applied twice, it changes nothing more.
pub fn webhook_body(data: &[u8]) {
    let customers = CustomerHasher::new(&CustomerKey::from_app_secret(&SecretString::from(SECRET)));
    let Ok(delivery) = Delivery::parse(data, NOW, Some(&customers)) else {
        return;
    };
    applied_twice(&delivery.events);
}

/// Verifies a signature, the first line, over the other lines. Only the right one is accepted.
pub fn signature_header(data: &[u8]) {
    let at = data
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(data.len());
    let (header, body) = data.split_at(at);
    let secret = SecretString::from(SECRET);
    let verifier = Verifier::new(&[
        ("another".into(), SecretString::from("another")),
        ("own".into(), secret.clone()),
    ]);
    let right = sign(&secret, body);
    assert!(verifier.verify(Some(right.as_bytes()), body).is_ok());
    if verifier.verify(Some(header), body).is_ok() {
        let other = sign(&SecretString::from("another"), body);
        // White space around a header's value is not part of it.
        let sent = header.trim_ascii();
        let is_right = |right: &str| sent.eq_ignore_ascii_case(right.as_bytes());
        assert!(is_right(&right) || is_right(&other), "{header:?}");
    }
    assert!(verifier.verify(None, body).is_err());
}

/// Reads JSON as each kind of response, and text as usage headers.
pub fn graph_answer(data: &[u8]) {
    let mut odd = ParseWarnings::new();
    let strict = serde_json::from_slice::<Value>(data);
    let json = read_json(data, "answer", &mut odd);
    if let Ok(strict) = strict {
        assert_eq!(
            json.as_ref(),
            Some(&strict),
            "read another way than it is written"
        );
    }
    if let Some(json) = json {
        let app = AppId::parse("1").expect("digits");
        drop(wire::number::snapshot(&json, &mut odd));
        drop(wire::template::snapshot(&json, &mut odd));
        drop(wire::account::snapshot(&json, &mut odd));
        drop(wire::access::token(&json, &mut odd));
        drop(wire::access::subscription(&json, &mut odd));
        wire::account::subscribed(&json, &app, &mut odd);
        wire::account::expanded(&json, &app, &mut odd);
        wire::template::totals(&json);
        let days = wire::insights::template_days(&json, Some("47"), &mut odd);
        for day in wire::insights::sum_products(days) {
            assert!(day.day.start < day.day.end, "{day:?}");
        }
        for day in wire::insights::number_days(&json, &mut odd) {
            assert!(day.day.start < day.day.end, "{day:?}");
        }
    }
    let Ok(value) = HeaderValue::from_bytes(data) else {
        return;
    };
    for name in ["x-business-use-case-usage", "x-app-usage"] {
        let headers = HeaderMap::from_iter([(HeaderName::from_static(name), value.clone())]);
        if let Some(usage) = Usage::read(&headers, WabaId::parse("1").as_ref()) {
            assert!(!usage.ratio.is_nan() && usage.ratio >= 0.0, "{usage:?}");
        }
    }
}

/// Reads a configuration file and a listener's; no secret is shown, and every error has its place.
pub fn config(data: &[u8]) {
    let environment = FixedEnvironment::default()
        .with_file("file", data)
        .with_variable("WHATSAPP_ACCESS_TOKEN", MARK)
        .with_variable("WHATSAPP_APP_SECRET", MARK)
        .with_variable("WHATSAPP_WEBHOOK_VERIFY_TOKEN", MARK)
        .with_variable("WHATSAPP_BUSINESS_ACCOUNT_IDS", "1,2");
    let flags = Flags::default().with_config_file(Some("file".into()));
    match Config::load(&flags, &environment) {
        Ok(config) => {
            let shown = format!("{config:?}{}", config.summary());
            assert!(!shown.contains(MARK), "{shown}");
        }
        Err(errors) => told_well(&errors),
    }
    if let Err(errors) = WebFile::load(Path::new("file"), &environment) {
        told_well(&errors);
    }
}

/// Reads a batch of events and shows what came of it.
pub fn events(data: &[u8]) {
    let customers = CustomerHasher::new(&CustomerKey::from_app_secret(&SecretString::from(SECRET)));
    let reader = EventReader {
        customers: &customers,
        trackers: &Trackers::default(),
        receipt: NOW.into(),
        account_of: |_: &_| WabaId::parse("102290129340398"),
    };
    let Ok(items) = reader.read(data) else {
        return;
    };
    let events: Vec<Event> = items
        .into_iter()
        .filter_map(|item| item.outcome.ok())
        .collect();
    applied_twice(&events);
}

/// Draws a delivery from the grammar with one mutation, and reads it by the parser and by a second implementation.
pub fn grammar(data: &[u8]) {
    grammar::check(data);
}

/// Draws events and restarts, and takes them through a store in memory.
pub fn store_sequence(data: &[u8]) {
    store_sequence::check(data);
}

fn told_well(errors: &ConfigErrors) {
    assert!(errors.count() > 0);
    for error in errors.iter() {
        let line = error.to_string();
        assert!(
            !error.place.is_empty() && !error.message.is_empty(),
            "{line:?}"
        );
        assert!(!line.contains(MARK), "{line}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
}

fn applied_twice(events: &[Event]) {
    let mut state = State::default();
    state.watch(events.iter().map(|event| event.waba_id.clone()));
    state.track(Arc::new(Trackers::default()));
    events.iter().for_each(|event| drop(state.apply(event)));
    let once = [TextFormat::Text, TextFormat::OpenMetrics].map(|format| shown(&state, format));
    once.iter().for_each(|text| is_well_formed(text));
    for event in events {
        let mut retry = event.clone();
        if let Source::UndatedWebhook(_) = event.source {
            retry.observed_at = event.observed_at.plus(RETRIED_AFTER);
        }
        drop(state.apply(&retry));
    }
    let twice = [TextFormat::Text, TextFormat::OpenMetrics].map(|format| shown(&state, format));
    assert_eq!(once, twice);
}

fn shown_as_text(state: &State) -> String {
    shown(state, TextFormat::Text)
}

fn shown(state: &State, format: TextFormat) -> String {
    let options = Options {
        template_detail: TemplateDetail::All,
        state_sets: StateSets::Full,
        created_timestamps: false,
        template_state_sets: StateSets::Full,
        template_series_limit: 1_000,
        journeys: whatsapp_business_exporter::domain::journey::Journeys(Vec::new()),
        campaigns: Vec::new(),
        experiments: whatsapp_business_exporter::domain::experiment::Experiments(Vec::new()),
        business_hours: None,
        callback: None,
        polls_insights: true,
    };
    let (access, assignments) = (Default::default(), Default::default());
    let unions = Default::default();
    let apps = Apps::without_replicas(&access, &assignments, &unions);
    let all = Selection::default();
    render(state.accounts(), &apps, &[], NOW, &options, all, format).text
}

/// Every line is a comment, or a series and a number; and no line is endless.
fn is_well_formed(text: &str) {
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap_or_default();
        let is_number = value.parse::<f64>().is_ok();
        let is_series = series.starts_with("whatsapp_") && quotes(series).is_multiple_of(2);
        assert!(is_series && is_number && line.len() < MAX_LINE, "{line}");
    }
}

/// Quotation marks that no backslash precedes.
fn quotes(series: &str) -> usize {
    let mut escaped = false;
    let marks = series.chars().filter(|character| {
        let is_mark = *character == '"' && !escaped;
        escaped = *character == '\\' && !escaped;
        is_mark
    });
    marks.count()
}
