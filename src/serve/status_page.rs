//! The page at `/`: what is watched, how it is, and how old that knowledge is.
//!
//! Server-rendered, no script, no asset from anywhere. States are told in words, colour only helps.

use std::collections::BTreeSet;

use axum::response::Html;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::domain::template::Status as TemplateStatus;
use crate::domain::{CanSendMessage, Collector, Timestamp, WabaId, Word, account, number};
use crate::domain::{MessagingLimit, QualityRating};
use crate::state::{Account, Accounts, Number, Template};
use crate::telemetry::Telemetry;

/// How often the page asks for itself again, in seconds.
const REFRESH_S: u32 = 15;

/// Most accounts and templates shown on the page; `/metrics` has all of them.
const MAX_ACCOUNTS: usize = 200;
const MAX_TEMPLATES: usize = 20;

const STYLE: &str = include_str!("status_page.css");

/// How a state is coloured.
#[derive(Clone, Copy)]
enum Tone {
    Good,
    Warn,
    Bad,
    Plain,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Plain => "plain",
        }
    }
}

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
                header {
                    h1 { "WhatsApp Business exporter" }
                    p { (accounts.len()) " accounts watched, version " (env!("CARGO_PKG_VERSION")) ". "
                        a href="/metrics" { "/metrics" } " · " a href="/-/healthy" { "health" } " · "
                        a href="/-/ready" { "readiness" } }
                    p { "Webhooks: " (telemetry.webhook_deliveries.get()) " deliveries accepted, "
                        (telemetry.webhook_duplicates.get()) " repeated changes, "
                        (telemetry.webhook_stale.get()) " that came too late." }
                }
                main {
                    @for (waba_id, account) in accounts.iter().take(MAX_ACCOUNTS) {
                        (account_section(waba_id, account, &failing, now))
                    }
                    @if accounts.len() > MAX_ACCOUNTS {
                        p { (accounts.len() - MAX_ACCOUNTS) " more accounts are on /metrics." }
                    }
                }
            }
        }
    };
    Html(page.into_string())
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
            p.states {
                (account_states(account, now))
            }
            p.age { (data_age(waba_id, account, failing, now)) }
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
        @if let Some(can_send) = account.can_send_message.value() { (state("can send", can_send, tone_of_sending(can_send))) }
        @if let Some(subscribed) = account.webhook_subscribed.value() {
            @if *subscribed { (badge("webhooks subscribed", Tone::Good)) } @else { (badge("webhooks not subscribed", Tone::Bad)) }
        }
        @if let Some(at) = account.disable_scheduled_at() { (badge(&format!("will be disabled {}", distance(at, now)), Tone::Bad)) }
        @for (kind, expires) in account.restrictions(now) {
            @let until = expires.map(|at| format!(", over {}", distance(at, now))).unwrap_or_default();
            (badge(&format!("{}{until}", kind.as_str()), Tone::Bad))
        }
    }
}

fn data_age(waba_id: &WabaId, account: &Account, failing: &Failing, now: Timestamp) -> Markup {
    let collectors = Collector::ALL
        .iter()
        .filter(|collector| !collector.is_other());
    html! {
        "Read: "
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
    html! {
        table {
            caption { "Phone numbers" }
            thead { tr { th { "Number" } th { "Name" } th { "Quality" } th { "Status" } th { "Sending" } th { "Limit" } th { "Flag" } } }
            tbody {
                @for number in account.numbers() { (number_row(number, now)) }
            }
        }
    }
}

fn number_row(number: &Number, now: Timestamp) -> Markup {
    html! {
        tr {
            th scope="row" { (number.display_phone_number.value().map_or(number.id.as_str(), String::as_str)) }
            td { (number.verified_name.value().map_or("", String::as_str)) }
            td { @if let Some(rating) = number.quality_rating.value() { (badge(rating.as_str(), tone_of_rating(rating))) } }
            td { @if let Some(status) = number.status.value() { (badge(status.as_str(), tone_of_status(status))) } }
            td { @if let Some(can_send) = number.can_send_message.value() { (badge(can_send.as_str(), tone_of_sending(can_send))) } }
            td { @if let Some(limit) = number.messaging_limit.value() { (limit_in_words(limit)) } }
            td { @if let Some(deadline) = number.flagged_deadline() { (badge(&format!("flagged, Meta acts {}", distance(deadline, now)), Tone::Bad)) } }
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
            p { (all) " templates, none in trouble." }
        } @else {
            table {
                caption { (problems.len()) " of " (all) " templates need a look" }
                thead { tr { th { "Template" } th { "Language" } th { "Status" } th { "Quality" } th { "Category" } th { "Ahead" } } }
                tbody {
                    @for template in problems.iter().take(MAX_TEMPLATES) { (template_row(template, now)) }
                }
            }
            @if problems.len() > MAX_TEMPLATES { p { (problems.len() - MAX_TEMPLATES) " more are on /metrics." } }
        }
    }
}

fn template_row(template: &Template, now: Timestamp) -> Markup {
    html! {
        tr {
            th scope="row" { (template.name.value().map_or(template.id.as_str(), String::as_str)) }
            td { (template.language.value().map_or("", String::as_str)) }
            td {
                @if let Some(status) = template.status.value() { (badge(status.as_str(), tone_of_template(status))) }
                @if let Some(reason) = template.rejected_reason() { " " (reason.as_str()) }
            }
            td { @if let Some(rating) = template.quality_rating.value() { (badge(rating.as_str(), tone_of_rating(rating))) } }
            td { @if let Some(category) = template.category.value() { (category.as_str()) } }
            td {
                @if let Some(at) = template.paused_until() { "pause ends " (distance(at, now)) }
                @if let Some(at) = template.disable_scheduled_at() { (badge(&format!("disabled {}", distance(at, now)), Tone::Bad)) }
                @if let Some((coming, at)) = template.category_change_scheduled() { "becomes " (coming.as_str()) " " (distance(at, now)) }
            }
        }
    }
}

fn badge(text: &str, tone: Tone) -> Markup {
    html! { span class={ "badge " (tone.class()) } { (text) } }
}

fn state<W: Word>(what: &str, word: W, tone: Tone) -> Markup {
    badge(&format!("{what} {}", word.as_str()), tone)
}

fn tone_of_rating(rating: QualityRating) -> Tone {
    match rating {
        QualityRating::Green => Tone::Good,
        QualityRating::Yellow => Tone::Warn,
        QualityRating::Red => Tone::Bad,
        QualityRating::Unknown | QualityRating::Other => Tone::Plain,
    }
}

fn tone_of_status(status: number::Status) -> Tone {
    use number::Status;
    match status {
        Status::Connected | Status::Linked => Tone::Good,
        Status::Flagged | Status::Restricted | Status::RateLimited | Status::Banned => Tone::Bad,
        Status::Pending | Status::Unverified | Status::Warned | Status::Paused => Tone::Warn,
        // Test numbers are always disconnected: by itself that is no trouble.
        _ => Tone::Plain,
    }
}

fn tone_of_sending(can_send: CanSendMessage) -> Tone {
    match can_send {
        CanSendMessage::Available => Tone::Good,
        CanSendMessage::Limited => Tone::Warn,
        CanSendMessage::Blocked => Tone::Bad,
        CanSendMessage::Other => Tone::Plain,
    }
}

fn tone_of_template(status: TemplateStatus) -> Tone {
    match status {
        TemplateStatus::Approved => Tone::Good,
        TemplateStatus::Rejected | TemplateStatus::Disabled => Tone::Bad,
        TemplateStatus::Paused | TemplateStatus::LimitExceeded | TemplateStatus::InAppeal => {
            Tone::Warn
        }
        _ => Tone::Plain,
    }
}

fn limit_in_words(limit: MessagingLimit) -> String {
    match limit {
        MessagingLimit::Customers(customers) => format!("{customers} a day"),
        MessagingLimit::Unlimited => "unlimited".to_owned(),
    }
}

/// `in 3h 20m` or `5s ago`, to the precision a reader needs.
fn distance(at: Timestamp, now: Timestamp) -> String {
    let (ahead, gap) = if at > now {
        (true, at.since(now))
    } else {
        (false, now.since(at))
    };
    let unit = match gap.as_secs() {
        0..=119 => 1,
        120..=7_199 => 60,
        7_200..=172_799 => 3_600,
        _ => 86_400,
    };
    let rounded = std::time::Duration::from_secs(gap.as_secs() / unit * unit);
    let text = humantime::format_duration(rounded);
    if ahead {
        format!("in {text}")
    } else {
        format!("{text} ago")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_read_well() {
        let now = Timestamp::from_seconds(1_000_000);
        let at = |seconds: i64| distance(Timestamp::from_seconds(1_000_000 + seconds), now);
        assert_eq!(at(-5), "5s ago");
        assert_eq!(at(10_000), "in 2h");
        assert_eq!(at(7 * 86_400 - 30), "in 6days");
    }
}
