//! The last fall of a number's rating and its likely causes, for the page, the status and `/api/v1/explain`.

use serde::Serialize;

use super::value::{MetaWord, Moment, PastTime};
use crate::domain::{QualityRating, Timestamp};
use crate::insight::attribution::{
    self, Cause, CauseKind, Evidence, Explanation, Fall, MissingData, Verdict,
};
use crate::state::{Account, Number};

/// Maximum number of causes of a number in the page and the status.
const MAX_SHOWN: usize = 3;

/// A fall with its causes.
#[derive(Debug, Serialize)]
pub struct FallCauses {
    /// `None` if the rating is not known to have fallen.
    pub fall: Option<ShownFall>,
    pub verdict: &'static str,
    /// The meaning of the verdict.
    pub message: &'static str,
    /// Most likely first.
    pub causes: Vec<ShownCause>,
    /// Data that would make the answer better.
    pub missing: Vec<ShownGap>,
}

/// A change of the rating for the worse.
#[derive(Debug, Serialize)]
pub struct ShownFall {
    pub from: MetaWord<QualityRating>,
    pub to: MetaWord<QualityRating>,
    #[serde(flatten)]
    pub when: PastTime,
}

/// A likely cause.
#[derive(Debug, Serialize)]
pub struct ShownCause {
    pub kind: &'static str,
    pub template_id: Option<String>,
    pub template_name: Option<String>,
    pub language: Option<String>,
    /// From 0 to 1.
    pub score: f64,
    pub confidence: &'static str,
    pub evidence: Vec<ShownEvidence>,
}

/// Evidence for a cause.
#[derive(Debug, Serialize)]
pub struct ShownEvidence {
    pub kind: &'static str,
    pub message: String,
    pub value: Option<f64>,
    pub usual: Option<f64>,
    pub at: Option<Moment>,
}

/// Data that is missing.
#[derive(Debug, Serialize)]
pub struct ShownGap {
    pub data: &'static str,
    pub message: &'static str,
}

impl FallCauses {
    /// All causes of an explanation.
    pub fn new(explanation: &Explanation, now: Timestamp) -> Self {
        let Explanation {
            fall,
            verdict,
            causes,
            missing,
        } = explanation;
        let gap = |missing: &MissingData| ShownGap {
            data: missing.as_str(),
            message: missing.message(),
        };
        Self {
            fall: fall.map(|fall| shown_fall(fall, now)),
            verdict: verdict.as_str(),
            message: verdict.message(),
            causes: causes.iter().map(ShownCause::new).collect(),
            missing: missing.iter().map(gap).collect(),
        }
    }

    /// The most likely causes, while the rating is low or has fallen recently.
    pub(super) fn of_number(number: &Number, account: &Account, now: Timestamp) -> Option<Self> {
        let rating = number.quality_rating.value();
        let is_low = matches!(rating, Some(QualityRating::Yellow | QualityRating::Red));
        let explanation = attribution::explain(&[account], &number.id, now);
        if !is_low && matches!(explanation.verdict, Verdict::NoFall | Verdict::TooOld) {
            return None;
        }
        let mut shown = Self::new(&explanation, now);
        shown.causes.truncate(MAX_SHOWN);
        Some(shown)
    }
}

fn shown_fall(fall: Fall, now: Timestamp) -> ShownFall {
    ShownFall {
        from: MetaWord(fall.from),
        to: MetaWord(fall.to),
        when: PastTime::new(fall.at, now),
    }
}

impl ShownCause {
    fn new(cause: &Cause) -> Self {
        let (template_id, template_name, language) = match &cause.kind {
            CauseKind::Template { id, name, language } => {
                (Some(id.to_string()), name.clone(), language.clone())
            }
            CauseKind::OptOuts
            | CauseKind::Failures
            | CauseKind::ResponseTime
            | CauseKind::Journeys => (None, None, None),
        };
        Self {
            kind: cause.kind.as_str(),
            template_id,
            template_name,
            language,
            score: rounded(cause.score, 100.0),
            confidence: cause.confidence.as_str(),
            evidence: cause.evidence.iter().map(ShownEvidence::new).collect(),
        }
    }
}

impl ShownEvidence {
    fn new(evidence: &Evidence) -> Self {
        let figure = |figure: Option<f64>| figure.map(|figure| rounded(figure, 10_000.0));
        Self {
            kind: evidence.kind.as_str(),
            message: evidence.message.clone(),
            value: figure(evidence.value),
            usual: figure(evidence.usual),
            at: evidence.at.map(Moment),
        }
    }
}

/// A figure with as many digits as are significant.
fn rounded(figure: f64, parts: f64) -> f64 {
    (figure * parts).round() / parts
}
