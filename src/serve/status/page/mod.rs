//! The page at `/`, rendered only from the status.
//!
//! Rendered on the server, without scripts or external assets. Its Content-Security-Policy allows only one style
//! element, by its hash. Text names every state; colour and height are additional.

mod account;
mod causes;
mod confusing;
mod experiments;
mod exporter;
mod portfolio;
mod search;
mod timeline;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::Status;
use super::level::Level;
use super::overview::{Attention, OverviewItem, WatchedCounts};
use super::value::MetaWord;
use super::words::{counted, minute};
use crate::domain::Word;

/// Interval at which the page reloads itself, in seconds.
const REFRESH_S: u32 = 15;

/// The same for a page with a search field, so that a reader can fill it in.
const SEARCHABLE_REFRESH_S: u32 = 60;

const STYLE: &str = include_str!("style.css");

/// Allows only the style element. `data:` is for the empty icon, which prevents a request for one.
static CONTENT_SECURITY_POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'"
    )
});

/// The Content-Security-Policy of the page.
pub(super) fn content_security_policy() -> &'static str {
    &CONTENT_SECURITY_POLICY
}

/// The page.
pub(super) fn draw(status: &Status) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="refresh" content=(refresh_s(status));
                title { (verdict(&status.attention)) " · WhatsApp Business exporter" }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { (heading(status)) }
                main {
                    (attention(status))
                    (search::field(status))
                    (timelines_missing(status))
                    @for account in &status.accounts { (account::draw(account, status)) }
                    (search::pages(status))
                    (confusing::draw(&status.confusing_steps))
                    (experiments::draw(&status.experiments))
                    (exporter::draw(status))
                }
                footer { (page_footer(status)) }
            }
        }
    };
    page.into_string()
}

fn heading(status: &Status) -> Markup {
    let WatchedCounts {
        accounts,
        phone_numbers,
        templates,
        template_problems,
        ..
    } = status.summary;
    html! {
        h1 { "WhatsApp Business exporter" }
        p class={ "verdict " (status.level.as_str()) } { (verdict(&status.attention)) }
        p {
            (counted(accounts, "account")) " · " (counted(phone_numbers, "phone number")) " " (ratings(&status.summary))
            " · " (counted(templates, "template")) ", "
            @if template_problems == 0 { "no problems" } @else { (template_problems) " with problems" }
        }
        p.quiet { "As of " time datetime=(status.at.text()) { (status.at.text()) } "; refreshes every " (refresh_s(status)) "\u{a0}s." }
    }
}

/// `2 critical, 1 warning`.
fn verdict(attention: &Attention) -> String {
    let Attention {
        critical, warning, ..
    } = *attention;
    match (critical, warning) {
        (0, 0) => "No problems".to_owned(),
        (0, _) => counted(warning, "warning"),
        (_, 0) => format!("{critical} critical"),
        _ => format!("{critical} critical, {}", counted(warning, "warning")),
    }
}

/// `1 RED, 1 YELLOW, 6 GREEN`, worst first.
fn ratings(summary: &WatchedCounts) -> Markup {
    let ratings = &summary.phone_numbers_by_rating;
    let worst_first = ["RED", "YELLOW", "GREEN", "UNKNOWN", "OTHER"];
    let counts = worst_first
        .iter()
        .filter_map(|word| Some(format!("{} {word}", ratings.get(word)?)));
    let counts: Vec<String> = counts.collect();
    html! { @if !counts.is_empty() { "(" (counts.join(", ")) ")" } }
}

fn attention(status: &Status) -> Markup {
    let Attention {
        critical,
        warning,
        items,
    } = &status.attention;
    let left_out = (critical + warning).saturating_sub(items.len());
    html! {
        @if !items.is_empty() {
            section.attention aria-labelledby="attention" {
                h2 #attention { "Needs attention" }
                ul {
                    @for item in items {
                        li class=(item.level.as_str()) {
                            (badge(item.level.as_str(), item.level)) " "
                            a href=(address(item, status)) { bdi { (item.subject) } } ": "
                            (breakable(&item.issues.join("; ")))
                        }
                    }
                }
                @if left_out > 0 { p { "And " (left_out) " more: see " a href="metrics" { "/metrics" } "." } }
            }
        }
    }
}

/// Link to the details, relative to the page, so that it works below a path of a proxy: an anchor of this page, or
/// the page of the account.
fn address(item: &OverviewItem, status: &Status) -> String {
    let Some(waba_id) = &item.waba_id else {
        return "#exporter".to_owned();
    };
    let place = match &item.phone_number_id {
        Some(number) => format!("#number-{number}"),
        None => format!("#account-{waba_id}"),
    };
    let mut shown = status.accounts.iter();
    if shown.any(|account| account.waba_id == *waba_id) {
        place
    } else {
        format!("?waba_id={waba_id}{place}")
    }
}

fn timelines_missing(status: &Status) -> Markup {
    html! {
        @if let Some(error) = &status.timelines.error {
            p.note { (badge("no timelines", Level::Warning)) " " (error) }
        }
    }
}

fn refresh_s(status: &Status) -> u32 {
    if search::is_shown(status) {
        SEARCHABLE_REFRESH_S
    } else {
        REFRESH_S
    }
}

fn page_footer(status: &Status) -> Markup {
    let since = minute(status.timelines.since);
    html! {
        p.quiet {
            "Timelines run from " (since) " UTC on the left to now on the right. Taller bars are worse; a thin line means unknown. "
            "Words in capitals are Meta's."
        }
        p.quiet {
            "This page as JSON: " a href="api/v1/status" { "/api/v1/status" } ". All metrics: "
            a href="metrics" { "/metrics" } ". History of changes: " a href="api/v1/history" { "/api/v1/history" }
            ". Version " (status.version) ", revision " (status.revision) "."
        }
    }
}

/// Text whose long words (Meta's constants, field and template names) wrap only after an underscore, and only
/// if they do not fit in one line.
fn breakable(text: &str) -> Markup {
    html! {
        @for word in text.split_inclusive(' ') {
            @if word.contains('_') {
                code { @for part in word.trim_end().split_inclusive('_') { (part) @if part.ends_with('_') { wbr; } } }
                @if word.ends_with(' ') { " " }
            } @else { (word) }
        }
    }
}

/// A badge with a few words.
fn badge(text: &str, level: Level) -> Markup {
    html! { span class={ "badge " (level.as_str()) } { (text) } }
}

/// A badge with one of Meta's words; empty if there is no value.
fn word<W: Word + Into<Level>>(said: Option<MetaWord<W>>) -> Markup {
    html! { @if let Some(MetaWord(word)) = said { (badge(word.as_str(), word.into())) } }
}

/// As [`word`], with the name of the attribute.
fn word_about<W: Word + Into<Level>>(what: &str, said: Option<MetaWord<W>>) -> Markup {
    html! { @if let Some(MetaWord(word)) = said { (badge(&format!("{what} {}", word.as_str()), word.into())) } }
}
