//! The section of the exporter itself: apps, webhooks, store, doctor.

use maud::{Markup, html};

use super::{badge, breakable};
use crate::serve::status::Status;
use crate::serve::status::health::{AppStatus, Doctor, Webhooks};
use crate::serve::status::issues::TOKEN_WARNING_S;
use crate::serve::status::level::Level;
use crate::serve::status::value::Ahead;
use crate::serve::status::words::{ago, counted, distance, grouped};
use crate::telemetry::{Finding, Verdict};

pub(super) fn draw(status: &Status) -> Markup {
    html! {
        section aria-labelledby="exporter" {
            h2 #exporter { "Exporter" }
            @for app in &status.apps { (draw_app(app, status)) }
            h3 { "Webhooks" }
            (webhooks(&status.webhooks))
            h3 { "Store" }
            p {
                @match &status.store.error {
                    None => { (badge("accepts commits", Level::Fine)) },
                    Some(error) => { (badge("cannot commit", Level::Critical)) " " (error) },
                }
            }
            @if let Some(others) = &status.store.other_replicas {
                p { (counted(others.accounts, "account")) " of other replicas: states read from the database " (ago(others.read.age_seconds)) "." }
            }
            h3 { "Doctor" }
            (doctor(&status.doctor))
        }
    }
}

fn draw_app(app: &AppStatus, status: &Status) -> Markup {
    // Nearer ends are listed among its issues.
    let is_far = |end: &Ahead| end.in_seconds >= TOKEN_WARNING_S;
    let ends = app.token_ends.filter(is_far);
    let ends = ends.map(|end| distance(end.at.0, status.at.0));
    html! {
        h3 { "App " bdi { (app.name) } @if let Some(id) = &app.app_id { " " small { (id) } } }
        p.states {
            @match app.token_is_valid {
                Some(true) => (badge("token accepted", Level::Fine)),
                Some(false) => (badge("token rejected", Level::Critical)),
                None => (badge("token not checked yet", Level::Neutral)),
            }
            @match &app.missing_webhook_fields {
                Some(missing) if missing.is_empty() => (badge("webhook fields subscribed", Level::Fine)),
                Some(missing) => (badge(&format!("{} not subscribed", counted(missing.len(), "webhook field")), Level::Warning)),
                None => {},
            }
            @match app.callback_matches {
                Some(true) => (badge("callback URL matches", Level::Fine)),
                Some(false) => (badge("callback URL differs", Level::Warning)),
                None => {},
            }
            @if let Some(ends) = ends { "The token expires " (ends) ". " }
        }
        @if !app.issues.is_empty() {
            ul.troubles {
                @for issue in &app.issues { li { (badge(issue.level.as_str(), issue.level)) " " (breakable(&issue.text)) } }
            }
        }
    }
}

fn webhooks(webhooks: &Webhooks) -> Markup {
    let last = webhooks.last_received;
    html! {
        p {
            "Since the exporter started: " (grouped(webhooks.accepted)) " deliveries accepted, " (grouped(webhooks.refused)) " refused"
            @if webhooks.refused > 0 {
                " ("
                @for (place, (reason, count)) in webhooks.refused_by_reason.iter().enumerate() {
                    @if place > 0 { ", " }
                    (grouped(*count)) " " (reason)
                }
                ")"
            }
            ". Changes: " (grouped(webhooks.duplicates)) " repeated, " (grouped(webhooks.too_late)) " outdated, "
            (grouped(webhooks.unwatched)) " of accounts that are not watched. "
            "Last delivery: " (last.map_or("none".to_owned(), |last| ago(last.age_seconds))) "."
        }
    }
}

fn doctor(doctor: &Doctor) -> Markup {
    html! {
        @match (&doctor.looked, &doctor.error) {
            (_, Some(error)) => p { (badge("report not readable", Level::Warning)) " " (error) },
            (None, None) => p.quiet { "No report yet: run `whatsapp-business-exporter doctor` to diagnose the setup." },
            (Some(looked), None) => {
                p {
                    "Last run " (ago(looked.age_seconds)) ": " (doctor.fine) " fine, " (counted(doctor.problems, "problem")) ", "
                    (doctor.unknown) " unknown."
                }
                @if !doctor.findings.is_empty() {
                    ul.troubles { @for finding in &doctor.findings { (found(finding)) } }
                }
            },
        }
    }
}

fn found(finding: &Finding) -> Markup {
    let level = match finding.verdict {
        Verdict::Problem => Level::Warning,
        Verdict::Unknown => Level::Neutral,
        Verdict::Fine => Level::Fine,
    };
    html! {
        li {
            (badge(finding.verdict.as_str(), level)) " " (finding.check)
            @if let Some(about) = &finding.about { " (" bdi { (about) } ")" }
            ": " (finding.message)
            @if let Some(cure) = &finding.cure { span.line.quiet { (cure) } }
        }
    }
}
