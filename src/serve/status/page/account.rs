//! The section of an account: its states, numbers, templates with problems, and the age of the data.

use maud::{Markup, html};

use super::{badge, breakable, causes, portfolio, timeline, word, word_about};
use crate::domain::{CanSendMessage, QualityRating, Word, number};
use crate::serve::status::Status;
use crate::serve::status::account::{AccountStatus, Poll};
use crate::serve::status::level::{Level, is_out_of_service};
use crate::serve::status::number::NumberStatus;
use crate::serve::status::recency::RECENT_DAYS;
use crate::serve::status::sending::ShownEntity;
use crate::serve::status::template::TemplateStatus;
use crate::serve::status::timeline::Segment;
use crate::serve::status::value::{Ahead, MetaWord};
use crate::serve::status::words::{ago, counted, distance, limit};

pub(super) fn draw(account: &AccountStatus, status: &Status) -> Markup {
    let id = format!("account-{}", account.waba_id);
    let name = account.name.as_deref().unwrap_or("(name not read yet)");
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { bdi { (name) } " " small { a href={ "?waba_id=" (account.waba_id) } { (account.waba_id) } } }
            (states(account))
            @if !account.issues.is_empty() {
                ul.troubles {
                    @for issue in &account.issues { li { (badge(issue.level.as_str(), issue.level)) " " (breakable(&issue.text)) } }
                }
            }
            (health(account))
            @if let Some(portfolio) = &account.portfolio { (portfolio::draw(portfolio)) }
            (sending(account))
            (numbers(account, status))
            (causes::draw(account, status))
            (templates(account, status))
            p.quiet { (data_age(account)) }
        }
    }
}

fn states(account: &AccountStatus) -> Markup {
    html! {
        p.states {
            (word_about("review", account.review_status))
            @if let Some(MetaWord(word)) = account.can_send_message {
                (badge(&format!("sending {}", word.as_str()), account.can_send_level))
            }
            @if account.funding_attached == Some(false) { (badge("no payment method attached", Level::Neutral)) }
            @if account.marketing_disabled == Some(true) { (badge("marketing messages switched off", Level::Neutral)) }
            @match account.webhook_subscribed {
                Some(true) => (badge("webhooks subscribed", Level::Fine)),
                Some(false) => (badge("webhooks not subscribed", Level::Critical)),
                None => {},
            }
        }
    }
}

/// Meta's texts about the account's own health.
fn health(account: &AccountStatus) -> Markup {
    let entities = account.health.iter().filter(|entity| has_text(entity));
    html! {
        @for entity in entities { p { (explained(entity)) } }
    }
}

fn has_text(entity: &ShownEntity) -> bool {
    !entity.errors.is_empty() || !entity.additional_info.is_empty()
}

/// `WABA: 141006 No valid payment method. Solution: Add one.` The texts are Meta's.
fn explained(entity: &ShownEntity) -> Markup {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    html! {
        (breakable(entity.entity_type.0.as_str())) ":"
        @for error in &entity.errors {
            @if let Some(code) = error.error_code { " " (code) }
            " " bdi { (text(&error.error_description)) }
            @if let Some(solution) = &error.possible_solution { " Solution: " bdi { (solution) } }
        }
        @for remark in &entity.additional_info { " " bdi { (remark) } }
    }
}

/// Drawn only if the value has changed: most accounts could always send.
fn sending(account: &AccountStatus) -> Markup {
    let segments = &account.timelines.can_send_message;
    let values = segments.iter().filter(|segment| segment.value.is_some());
    html! {
        @if values.count() > 1 {
            div.wide { span.quiet { "Sending, 30 days" } (timeline::draw("Sending", segments, |word| CanSendMessage::parse(word).into())) }
        }
    }
}

fn numbers(account: &AccountStatus, status: &Status) -> Markup {
    let left_out = account.phone_numbers_total - account.phone_numbers.len();
    html! {
        @if account.phone_numbers.is_empty() {
            p { "No phone numbers." }
        } @else {
            table.numbers role="table" {
                caption { (counted(account.phone_numbers_total, "phone number")) }
                thead role="rowgroup" { tr role="row" {
                    @for title in ["Number", "Quality, 30 days", "Status, 30 days", "Sending", "Limit in 24 h"] {
                        th scope="col" role="columnheader" { (title) }
                    }
                } }
                tbody role="rowgroup" {
                    @for number in &account.phone_numbers { (number_row(number, account, status)) }
                }
            }
            @if left_out > 0 { p { (counted(left_out, "more phone number")) ": see " a href="metrics" { "/metrics" } "." } }
        }
    }
}

fn number_row(number: &NumberStatus, account: &AccountStatus, status: &Status) -> Markup {
    let digits = number.display_phone_number.as_ref();
    let digits = digits.unwrap_or(&number.phone_number_id);
    let name = number.verified_name.as_deref().unwrap_or_default();
    let timelines = &number.timelines;
    html! {
        tr role="row" id={ "number-" (number.phone_number_id) } {
            th scope="row" role="rowheader" {
                span.digits { bdi { (digits) } }
                @if !name.is_empty() { span.name { bdi { (name) } } }
            }
            td role="cell" data-label="Quality" {
                (word(number.quality_rating))
                @if number.likely_causes.is_some() { a href={ "#causes-" (number.phone_number_id) } { "Likely causes" } }
                (timeline::draw("Quality", &timelines.quality_rating, |word| QualityRating::parse(word).into()))
            }
            td role="cell" data-label="Status" {
                @if let Some(MetaWord(status)) = number.status { (badge(status.as_str(), number.status_level)) }
                @if let Some(flag) = &number.flag { strong.line.critical { (flagged(number, flag.meta_acts, status)) } }
                (timeline::draw("Status", &timelines.status, status_level(&timelines.status)))
            }
            td role="cell" data-label="Sending" {
                (number_sending(number, account))
                @for (role, conversations) in &number.thread_owners {
                    span.line { (counted(*conversations, "conversation")) " controlled by " bdi { (role) } }
                }
            }
            td role="cell" data-label="Limit" { @if let Some(customers) = number.messaging_limit { (limit(customers.0)) } }
        }
    }
}

/// Explanations of the account, its portfolio and the app are shown once, with the account.
fn number_sending(number: &NumberStatus, account: &AccountStatus) -> Markup {
    let is_of_account = |entity: &ShownEntity| {
        let mut shown = account.health.iter().filter(|shown| has_text(shown));
        shown.any(|shown| shown.entity_type == entity.entity_type)
    };
    let own = number.health.iter();
    let own = own.filter(|entity| has_text(entity) && !is_of_account(entity));
    html! {
        @if let Some(MetaWord(word)) = number.can_send_message { (badge(word.as_str(), number.can_send_level)) }
        @for entity in own { span.name { (explained(entity)) } }
    }
}

/// An out-of-service status is drawn as a loss only if the number was in service before.
fn status_level(segments: &[Segment]) -> impl Fn(&str) -> Level {
    let mut values = segments
        .iter()
        .filter_map(|segment| segment.value.as_deref());
    let first = values.next().unwrap_or_default();
    let has_changed = values.any(|value| value != first);
    move |word| {
        let status = number::Status::parse(word);
        if has_changed && is_out_of_service(status) {
            Level::Critical
        } else {
            status.into()
        }
    }
}

/// The flag. The status may already be FLAGGED, but a webhook can report the flag earlier.
fn flagged(number: &NumberStatus, deadline: Ahead, status: &Status) -> String {
    let is_said = number.status == Some(MetaWord(number::Status::Flagged));
    let flagged = if is_said { "" } else { "flagged; " };
    let when = distance(deadline.at.0, status.at.0);
    if deadline.in_seconds > 0 {
        format!("{flagged}Meta takes action {when}")
    } else {
        format!("{flagged}the deadline passed {when}")
    }
}

fn templates(account: &AccountStatus, status: &Status) -> Markup {
    let problems = &account.template_problems;
    let left_out = account.template_problems_total - problems.len();
    html! {
        @if problems.is_empty() {
            p { (counted(account.templates_total, "template")) ", no problems." }
        } @else {
            table.templates role="table" {
                caption { (account.template_problems_total) " of " (counted(account.templates_total, "template")) " with problems or a scheduled change" }
                thead role="rowgroup" { tr role="row" {
                    @for title in ["Template", "Status", "Quality", "Ahead", "Category"] {
                        th scope="col" role="columnheader" { (title) }
                    }
                } }
                tbody role="rowgroup" {
                    @for template in problems { (template_row(template, status)) }
                }
            }
            @if left_out > 0 { p { (counted(left_out, "more template")) ": see " a href="metrics" { "/metrics" } "." } }
        }
        (past(account))
    }
}

/// Templates with past problems, folded to one line.
fn past(account: &AccountStatus) -> Markup {
    let total: usize = account.templates_past.values().sum();
    let counts = account.templates_past.iter();
    let counts: Vec<String> = counts
        .map(|(status, count)| format!("{count} {status}"))
        .collect();
    html! {
        @if total > 0 {
            p.quiet {
                "Not listed: " (counted(total, "template")) " (" (counts.join(", ")) "), rejected or disabled more than "
                (RECENT_DAYS) " days ago or before the exporter first saw them, deleted or archived."
            }
        }
    }
}

fn template_row(template: &TemplateStatus, status: &Status) -> Markup {
    let name = template.name.as_ref().unwrap_or(&template.template_id);
    html! {
        tr role="row" {
            th scope="row" role="rowheader" {
                span.digits { bdi { (breakable(name)) } }
                @if let Some(language) = &template.language { span.name { bdi { (language) } } }
            }
            td role="cell" data-label="Status" {
                (word(template.status))
                @if let Some(MetaWord(reason)) = template.rejected_reason { span.name.word { (breakable(reason.as_str())) } }
            }
            td role="cell" data-label="Quality" { (word(template.quality_rating)) }
            td.word role="cell" data-label="Ahead" { (ahead(template, status)) }
            td.word role="cell" data-label="Category" { @if let Some(MetaWord(category)) = template.category { (category.as_str()) } }
        }
    }
}

fn ahead(template: &TemplateStatus, status: &Status) -> Markup {
    let when = |ahead: Ahead| distance(ahead.at.0, status.at.0);
    let correct = template
        .correct_category
        .filter(|_| template.category_change.is_none());
    html! {
        @if let Some(ends) = template.pause_ends { span.line { "pause ends " (when(ends)) } }
        @if let Some(at) = template.disabled { (badge(&format!("disabled {}", when(at)), Level::Critical)) }
        @if let Some(change) = &template.category_change { span.line { "becomes " (change.to.0.as_str()) " " (when(change.when)) } }
        @if let Some(MetaWord(category)) = correct { span.line { "Meta's category: " (category.as_str()) } }
        @if let Some(cost) = &template.category_cost { span.line { "estimated cost: " (cost) } }
    }
}

fn data_age(account: &AccountStatus) -> Markup {
    let age = |poll: &Poll| match poll.last_success {
        Some(last) => ago(last.age_seconds),
        None => "not yet".to_owned(),
    };
    html! {
        "Last read: "
        @for (place, poll) in account.polls.iter().enumerate() {
            @if place > 0 { ", " }
            (poll.collector.0.as_str()) " " (age(poll))
            @if poll.is_failing { strong.warning { " (failing)" } }
        }
        ". Last webhook: " (account.last_webhook.map_or("none since the exporter started".to_owned(), |last| ago(last.age_seconds))) "."
        @if let Some(ratio) = account.api.usage_ratio { " API quota used: " (format!("{:.0}", ratio * 100.0)) "\u{a0}%." }
        @if let Some(calls) = account.api.planned_calls_per_hour { " Calls planned: " (calls) " an hour."}
    }
}
