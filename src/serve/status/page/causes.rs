//! Likely causes of falls of quality ratings, below the numbers of an account.

use maud::{Markup, html};

use super::breakable;
use crate::domain::Word;
use crate::serve::status::Status;
use crate::serve::status::account::AccountStatus;
use crate::serve::status::causes::{FallCauses, ShownCause};
use crate::serve::status::number::NumberStatus;
use crate::serve::status::words::distance;

pub(super) fn draw(account: &AccountStatus, status: &Status) -> Markup {
    let with_causes = account.phone_numbers.iter().filter_map(|number| {
        let causes = number.likely_causes.as_ref()?;
        Some((number, causes))
    });
    html! {
        @for (number, causes) in with_causes { (of_number(number, causes, status)) }
    }
}

fn of_number(number: &NumberStatus, causes: &FallCauses, status: &Status) -> Markup {
    let id = &number.phone_number_id;
    let digits = number.display_phone_number.as_ref().unwrap_or(id);
    html! {
        div.causes id={ "causes-" (id) } {
            h3 { "Likely causes: " bdi { (digits) } }
            p {
                @if let Some(fall) = &causes.fall {
                    "Rating fell from " (fall.from.0.as_str()) " to " (fall.to.0.as_str()) " "
                    (distance(fall.when.at.0, status.at.0)) ". "
                }
                @if causes.causes.is_empty() { (sentence(causes.message)) }
            }
            @if !causes.causes.is_empty() {
                ol { @for cause in &causes.causes { li { (drawn(cause)) } } }
            }
            p.quiet {
                @for gap in &causes.missing { (sentence(gap.message)) " " }
                "All causes with their figures: "
                a href={ "api/v1/explain?phone_number_id=" (id) } { "/api/v1/explain" } "."
            }
        }
    }
}

fn drawn(cause: &ShownCause) -> Markup {
    let evidence: Vec<&str> = cause
        .evidence
        .iter()
        .map(|one| one.message.as_str())
        .collect();
    html! {
        strong { (name(cause)) } " (" (cause.confidence) "): " (evidence.join("; ")) "."
    }
}

fn name(cause: &ShownCause) -> Markup {
    let Some(id) = &cause.template_id else {
        return html! { (cause.kind.replace('_', " ")) };
    };
    let name = cause.template_name.as_ref().unwrap_or(id);
    html! {
        "template " bdi { (breakable(name)) }
        @if let Some(language) = &cause.language { " " bdi { (language) } }
    }
}

/// The text with a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}
