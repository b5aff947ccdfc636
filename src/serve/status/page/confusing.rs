//! The steps of journeys that confuse customers most: a table, the worst step first.

use maud::{Markup, html};

use crate::serve::status::confusing::ConfusingStepStatus;
use crate::serve::status::words::{grouped, percent};

const TITLES: [&str; 4] = ["Step", "Asked", "Signs of confusion per entry", "Reasons"];

/// Draws nothing without such steps.
pub(super) fn draw(steps: &[ConfusingStepStatus]) -> Markup {
    html! {
        @if !steps.is_empty() {
            section aria-labelledby="confusing" {
                h2 #confusing { "Steps that confuse customers" }
                table role="table" {
                    thead role="rowgroup" { tr role="row" {
                        @for title in TITLES { th scope="col" role="columnheader" { (title) } }
                    } }
                    tbody role="rowgroup" {
                        @for step in steps { (row(step)) }
                    }
                }
            }
        }
    }
}

fn row(step: &ConfusingStepStatus) -> Markup {
    let reasons = step.reasons.iter();
    let reasons = reasons.map(|one| format!("{} {}", one.reason, grouped(one.count)));
    let reasons: Vec<String> = reasons.collect();
    html! {
        tr role="row" {
            th scope="row" role="rowheader" {
                bdi { (step.journey) } " " bdi { (step.version) } ": " bdi { (step.step) }
            }
            td role="cell" data-title=(TITLES[1]) { (grouped(step.entered)) }
            td role="cell" data-title=(TITLES[2]) { (percent(step.share)) }
            td role="cell" data-title=(TITLES[3]) { (reasons.join(", ")) }
        }
    }
}
