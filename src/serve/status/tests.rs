//! Tests that render facts as the page and the JSON.

mod callback;
mod causes;
mod docs;
mod now;
mod portfolio;
mod problems;
mod reports;
mod selection;
mod sending;
mod shown;
mod templates;

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
use crate::domain::access::AccessStates;
use crate::domain::account::ReviewStatus;
use crate::domain::template::{Category, RejectedReason};
use crate::domain::{
    BusinessId, CallbackUrl, CanSendMessage, DeliveryKey, EntityHealth, Event, Fact, Health,
    HealthEntity, Listing, MessagingLimit, PhoneNumberId, QualityRating, Source, TemplateId,
    Timestamp, WabaId, WebhookConfiguration, account, number, template,
};
use crate::state::State;
use crate::store::{HistoryRow, Recent};
use crate::telemetry::Telemetry;

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
