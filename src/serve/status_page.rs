//! The page at `/`: what is watched, how it is, and how old that knowledge is.
//!
//! Server-rendered, no script, no asset from anywhere. States are told in words, colour only helps;
//! what is here is the business' own, never a customer's.

mod tone;
mod words;

use std::collections::BTreeSet;

use axum::response::Html;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::domain::{Collector, QualityRating, Timestamp, WabaId, Word, account};
use crate::state::{Account, Accounts, Counts, Number, Template};
use crate::telemetry::Telemetry;
use tone::{Tone, badge, word};
use words::{counted, distance};

/// How often the page asks for itself again, in seconds.
const REFRESH_S: u32 = 15;

/// Most accounts, numbers and templates shown on the page; `/metrics` has all of them.
const MAX_ACCOUNTS: usize = 200;
const MAX_NUMBERS: usize = 100;
const MAX_TEMPLATES: usize = 20;

const STYLE: &str = include_str!("status_page.css");

/// Polls whose last try failed, by account and collector.
type Failing = BTreeSet<(String, String)>;

/// The page as of `now`.
pub(super) fn render(accounts: &Accounts, telemetry: &Telemetry, now: Timestamp) -> Html<String> {
    let failing = telemetry.failing_polls();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="refresh" content=(REFRESH_S);
                title { "WhatsApp Business exporter" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { (summary(accounts, telemetry, &failing)) }
                main {
                    @for (waba_id, account) in accounts.iter().take(MAX_ACCOUNTS) {
                        (account_section(waba_id, account, &failing, now))
                    }
                    (rest(accounts.len(), MAX_ACCOUNTS, "account"))
                }
            }
        }
    };
    Html(page.into_string())
}

fn summary(accounts: &Accounts, telemetry: &Telemetry, failing: &Failing) -> Markup {
    let templates = || accounts.values().flat_map(|account| account.templates());
    let problems = templates()
        .filter(|template| template.is_a_problem())
        .count();
    html! {
        h1 { "WhatsApp Business exporter" }
        p {
            (counted(accounts.len(), "account")) " · " (numbers_by_rating(accounts)) " · "
            (counted(templates().count(), "template")) ": "
            @if problems == 0 { "none in trouble" } @else { (badge(&format!("{problems} in trouble"), Tone::Warn)) }
            @if !failing.is_empty() { " · " (badge(&format!("{} failing", counted(failing.len(), "poll")), Tone::Bad)) }
        }
        p.quiet {
            "Webhook deliveries: " (telemetry.webhook_deliveries.get()) " accepted, "
            (telemetry.webhooks_refused()) " refused. Changes: "
            (telemetry.webhook_duplicates.get()) " repeated, " (telemetry.webhook_stale.get()) " too late. "
            "Everything is on " a href="/metrics" { "/metrics" } "; version " (env!("CARGO_PKG_VERSION")) "."
        }
    }
}

/// `8 phone numbers: 1 RED 1 YELLOW 6 GREEN`: the worst first.
fn numbers_by_rating(accounts: &Accounts) -> Markup {
    let mut tally = Counts::<QualityRating>::default();
    let mut total = 0;
    for number in accounts.values().flat_map(|account| account.numbers()) {
        total += 1;
        if let Some(rating) = number.quality_rating.value() {
            tally.increment(rating);
        }
    }
    let counts: Vec<(QualityRating, u64)> = tally.iter().collect();
    let worst_first = [
        QualityRating::Red,
        QualityRating::Yellow,
        QualityRating::Green,
    ];
    html! {
        (counted(total, "phone number")) ": "
        @for rating in worst_first {
            @let count = counts.iter().find(|(of, _)| *of == rating).map_or(0, |(_, count)| *count);
            @if count > 0 { (badge(&format!("{count} {}", rating.as_str()), rating.into())) }
        }
    }
}

/// What a limit of this page left out.
fn rest(count: usize, shown: usize, noun: &str) -> Markup {
    html! {
        @if count > shown { p { (counted(count - shown, noun)) " more: see /metrics." } }
    }
}

fn account_section(
    waba_id: &WabaId,
    account: &Account,
    failing: &Failing,
    now: Timestamp,
) -> Markup {
    let name = account
        .name
        .value()
        .map_or("(name not read yet)", String::as_str);
    html! {
        section {
            h2 { (name) " " small { (waba_id) } }
            div { (account_states(account, now)) }
            p.quiet { (data_age(waba_id, account, failing, now)) }
            (numbers_table(account, now))
            (templates_table(account, now))
        }
    }
}

fn account_states(account: &Account, now: Timestamp) -> Markup {
    let review = account.review_status.value();
    html! {
        @if let Some(review) = review {
            (state("review", review, if review == account::ReviewStatus::Approved { Tone::Good } else { Tone::Warn }))
        }
        @if let Some(can_send) = account.can_send_message.value() { (state("sending", can_send, can_send.into())) }
        @if let Some(subscribed) = account.webhook_subscribed.value() {
            @if *subscribed { (badge("webhooks subscribed", Tone::Good)) } @else { (badge("webhooks not subscribed", Tone::Bad)) }
        }
        @if let Some(at) = account.disable_scheduled_at() { (badge(&format!("will be disabled {}", distance(at, now)), Tone::Bad)) }
        @for (kind, expires) in account.restrictions(now) {
            @let until = expires.map(|at| format!(", ends {}", distance(at, now))).unwrap_or_default();
            (badge(&format!("{}{until}", kind.as_str()), Tone::Bad))
        }
    }
}

fn state<W: Word>(what: &str, word: W, tone: Tone) -> Markup {
    badge(&format!("{what} {}", word.as_str()), tone)
}

fn data_age(waba_id: &WabaId, account: &Account, failing: &Failing, now: Timestamp) -> Markup {
    let collectors = Collector::ALL
        .iter()
        .filter(|collector| !collector.is_other());
    html! {
        "Last read: "
        @for (place, collector) in collectors.enumerate() {
            @if place > 0 { ", " }
            (collector.as_str()) " "
            @match account.last_success(*collector) {
                Some(at) => (distance(at, now)),
                None => "not yet",
            }
            @if failing.contains(&(waba_id.to_string(), collector.as_str().to_owned())) { " " (badge("failing", Tone::Bad)) }
        }
        "."
    }
}

fn numbers_table(account: &Account, now: Timestamp) -> Markup {
    let count = account.numbers().count();
    html! {
        @if count > 0 {
            table {
                caption { (counted(count, "phone number")) }
                thead { tr { th { "Number" } th { "Name" } th { "Quality" } th { "Status" } th { "Sending" } th { "Customers in 24 h" } } }
                tbody {
                    @for number in account.numbers().take(MAX_NUMBERS) { (number_row(number, now)) }
                }
            }
            (rest(count, MAX_NUMBERS, "phone number"))
        } @else {
            p { "No phone numbers known." }
        }
    }
}

fn number_row(number: &Number, now: Timestamp) -> Markup {
    html! {
        tr {
            th scope="row" { (number.display_phone_number.value().map_or(number.id.as_str(), String::as_str)) }
            td data-label="Name" { (number.verified_name.value().map_or("", String::as_str)) }
            td data-label="Quality" { @if let Some(rating) = number.quality_rating.value() { (word(rating)) } }
            td data-label="Status" {
                @if let Some(status) = number.status.value() { (word(status)) }
                @if let Some(deadline) = number.flagged_deadline() { (badge(&format!("flagged, Meta acts {}", distance(deadline, now)), Tone::Bad)) }
            }
            td data-label="Sending" { @if let Some(can_send) = number.can_send_message.value() { (word(can_send)) } }
            td data-label="Limit" { @if let Some(limit) = number.messaging_limit.value() { (words::limit(limit)) } }
        }
    }
}

fn templates_table(account: &Account, now: Timestamp) -> Markup {
    let all = account.templates().count();
    let problems: Vec<&Template> = account
        .templates()
        .filter(|template| template.is_a_problem())
        .collect();
    html! {
        @if problems.is_empty() {
            p { (counted(all, "template")) ", none in trouble." }
        } @else {
            table {
                caption { (problems.len()) " of " (counted(all, "template")) " in trouble" }
                thead { tr { th { "Template" } th { "Ahead" } th { "Quality" } th { "Status" } th { "Category" } th { "Language" } } }
                tbody {
                    @for template in problems.iter().take(MAX_TEMPLATES) { (template_row(template, now)) }
                }
            }
            (rest(problems.len(), MAX_TEMPLATES, "template"))
        }
    }
}

fn template_row(template: &Template, now: Timestamp) -> Markup {
    html! {
        tr {
            th scope="row" { (template.name.value().map_or(template.id.as_str(), String::as_str)) }
            td data-label="Ahead" { (ahead_of(template, now)) }
            td data-label="Quality" { @if let Some(rating) = template.quality_rating.value() { (word(rating)) } }
            td data-label="Status" {
                @if let Some(status) = template.status.value() { (word(status)) }
                @if let Some(reason) = template.rejected_reason() { " " (reason.as_str()) }
            }
            td data-label="Category" { @if let Some(category) = template.category.value() { (category.as_str()) } }
            td data-label="Language" { (template.language.value().map_or("", String::as_str)) }
        }
    }
}

fn ahead_of(template: &Template, now: Timestamp) -> Markup {
    html! {
        @if let Some(at) = template.paused_until() { "pause ends " (distance(at, now)) " " }
        @if let Some(at) = template.disable_scheduled_at() { (badge(&format!("disabled {}", distance(at, now)), Tone::Bad)) }
        @if let Some((coming, at)) = template.category_change_scheduled() { "becomes " (coming.as_str()) " " (distance(at, now)) }
    }
}
