//! Likely causes of a fall of a phone number's quality rating, ranked, each with its evidence.
//!
//! Meta rates a number by how customers reacted to its messages in the last seven days, and reports neither blocks nor
//! reasons. The data that it does report is compared: the [`WINDOW`] of 7 days up to the fall with the [`BASELINE`] of
//! 28 days before it. Whole weeks are compared, so the days of the week make no difference.
//!
//! # Score
//!
//! A piece of evidence has a strength `s` from 0 to 1, and its kind has a weight `w`: how likely the cause is, if this
//! is all that is known and `s` is 1 (see [`weights`]). The pieces of a cause are combined as independent ones are:
//!
//! ```text
//! score = f × (1 − (1 − w₁s₁) × (1 − w₂s₂) × …)
//! ```
//!
//! so that several weak pieces count more than one, and the score never exceeds 1. `f` is 1 except for a template for
//! which Meta gives figures: then it is smaller if few messages were sent with it, or if it is read as usual.
//!
//! | evidence | strength |
//! |---|---|
//! | `template_rating`, `template_paused` | 1 for RED, a pause or a disabling, 0.6 for YELLOW; less with the distance in time, from 7 days before the fall to 2 days after it |
//! | `read_rate` | how far the read rate is below the template's own median, beyond the noise and beyond what all templates lost |
//! | `opt_outs_after_sends`, `failures_after_sends` | the rise of the number's opt-outs or failures, times how much more of it falls on the days of this template than its share of the messages |
//! | `volume_jump` | the rise of the messages sent with the template, on a scale of doublings |
//! | `opt_outs`, `failures` | the rise per message sent, beyond chance, as far as no template explains it |
//! | `response_time`, `journey_drop_off` | the rise above the usual value, beyond the noise |
//!
//! Causes below [`weights::MIN_SCORE`] are not listed: then there is no evident cause.
//!
//! # Confidence
//!
//! [`Confidence`] depends on the score, on the number of kinds of evidence that agree, and on the data: without
//! insights, or with less than two weeks of the baseline, it is never `strong`.

mod days;
mod explanation;
mod from_state;
mod history;
mod missing;
mod numbers;
mod read_rates;
mod rise;
mod statistics;
mod templates;
#[cfg(test)]
mod tests;
mod volumes;
pub mod weights;
mod words;

pub use explanation::{Cause, CauseKind, Confidence, Evidence, EvidenceKind, Explanation, Verdict};
pub use from_state::{explain, last_fall, number_history};
pub use history::{DailySends, Fall, NumberHistory, Setback, SetbackKind, TemplateHistory};
pub use missing::MissingData;

use std::cmp::Ordering;
use std::time::Duration;

use crate::domain::Timestamp;
use days::Period;

/// Days up to the fall, including its own. Meta's rating covers seven days.
pub const WINDOW: i32 = 7;

/// Days before the window, which show the usual values.
pub const BASELINE: i32 = 28;

/// Age up to which a fall is explained. Later, the days before it are no longer stored.
pub const MAX_AGE: Duration = Duration::from_secs(14 * 86_400);

/// Maximum number of causes in an explanation.
pub const MAX_CAUSES: usize = 10;

/// The fall, if causes are searched for it. Otherwise, why they are not.
fn explainable(fall: Option<Fall>, now: Timestamp) -> Result<Fall, Explanation> {
    match fall {
        None => Err(Explanation::without_causes(None, Verdict::NoFall)),
        Some(fall) if now.since(fall.at) > MAX_AGE => {
            Err(Explanation::without_causes(Some(fall), Verdict::TooOld))
        }
        Some(fall) => Ok(fall),
    }
}

/// Explains the last fall of a number's rating. `None` for `fall` if the rating never fell.
#[must_use]
pub fn causes_of_fall(history: &NumberHistory, now: Timestamp) -> Explanation {
    let fall = match explainable(history.fall, now) {
        Ok(fall) => fall,
        Err(explanation) => return explanation,
    };
    let period = Period::new(fall.at, now);
    let candidates = templates::candidates(history, &period);
    let explained = templates::explained_rises(&candidates);
    let mut causes: Vec<Cause> = candidates
        .into_iter()
        .filter_map(templates::Candidate::into_cause)
        .chain(numbers::causes(history, &period, explained))
        .filter(|cause| cause.score >= weights::MIN_SCORE)
        .collect();
    causes.sort_by(rank);
    causes.truncate(MAX_CAUSES);
    let missing = missing::missing(history, &period);
    for cause in &mut causes {
        cause.confidence = Confidence::new(cause, &missing);
    }
    let verdict = if causes.is_empty() {
        Verdict::NoEvidentCause
    } else {
        Verdict::LikelyCauses
    };
    Explanation {
        fall: Some(fall),
        verdict,
        causes,
        missing,
    }
}

/// Highest score first. Ties are broken by kind and id, so that the order is the same each time.
fn rank(one: &Cause, other: &Cause) -> Ordering {
    other
        .score
        .total_cmp(&one.score)
        .then_with(|| one.kind.cmp(&other.kind))
}
