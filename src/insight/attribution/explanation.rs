//! The explanation of a fall: the fall, its likely causes, and the missing data.

use super::Fall;
use super::missing::MissingData;
use super::weights;
use crate::domain::{TemplateId, Timestamp};

/// Likely causes of a fall.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The last fall of the rating. `None` if it never fell.
    pub fall: Option<Fall>,
    /// Whether there are causes, and why not.
    pub verdict: Verdict,
    /// The causes, most likely first.
    pub causes: Vec<Cause>,
    /// Data that the answer lacks.
    pub missing: Vec<MissingData>,
}

impl Explanation {
    /// The answer without causes.
    #[must_use]
    pub fn without_causes(fall: Option<Fall>, verdict: Verdict) -> Self {
        Self {
            fall,
            verdict,
            causes: Vec::new(),
            missing: Vec::new(),
        }
    }
}

/// Whether there are causes, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// At least one.
    LikelyCauses,
    /// The data shows nothing unusual.
    NoEvidentCause,
    /// The rating fell too long ago.
    TooOld,
    /// The rating is not known to have fallen.
    NoFall,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Self; 4] = [
        Self::LikelyCauses,
        Self::NoEvidentCause,
        Self::TooOld,
        Self::NoFall,
    ];

    /// Its name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LikelyCauses => "likely_causes",
            Self::NoEvidentCause => "no_evident_cause",
            Self::TooOld => "too_old",
            Self::NoFall => "no_fall",
        }
    }
}

impl Verdict {
    /// What it means.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::LikelyCauses => {
                "most likely first; each cause coincides with the fall in time, which is not a proof"
            }
            Self::NoEvidentCause => {
                "the rating fell, but the known data shows nothing unusual before it"
            }
            Self::TooOld => "the rating fell more than 14 days ago",
            Self::NoFall => "the rating is not known to have fallen",
        }
    }
}

/// A likely cause.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// What it is.
    pub kind: CauseKind,
    /// From 0 to 1.
    pub score: f64,
    /// How far to trust it.
    pub confidence: Confidence,
    /// The evidence for it, strongest first.
    pub evidence: Vec<Evidence>,
}

/// What a cause is. The order breaks ties.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CauseKind {
    /// The messages sent with a template.
    Template {
        /// Its id.
        id: TemplateId,
        /// Its name.
        name: Option<String>,
        /// Its language.
        language: Option<String>,
    },
    /// Customers stop marketing messages, whatever the template.
    OptOuts,
    /// Messages are not delivered, whatever the template.
    Failures,
    /// Customers wait for a response.
    ResponseTime,
    /// Customers give up in journeys.
    Journeys,
}

impl CauseKind {
    /// Its name in the API.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Template { .. } => "template",
            Self::OptOuts => "opt_outs",
            Self::Failures => "failures",
            Self::ResponseTime => "response_time",
            Self::Journeys => "journeys",
        }
    }
}

/// How far to trust a cause, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// To be checked last.
    Weak,
    /// Worth checking.
    Moderate,
    /// Several kinds of evidence agree, and the data suffices.
    Strong,
}

impl Confidence {
    pub(super) fn new(cause: &Cause, missing: &[MissingData]) -> Self {
        let lacks = |what| missing.contains(&what);
        // Opt-outs, failures and waits are compared with past days; Meta's judgement of a template is not.
        let is_compared = |one: &Evidence| !one.kind.is_from_meta();
        let lacks_days = lacks(MissingData::Baseline) && cause.evidence.iter().any(is_compared);
        if cause.score < weights::MODERATE {
            Self::Weak
        } else if cause.score < weights::STRONG
            || cause.evidence.len() < 2
            || lacks(MissingData::Insights)
            || lacks_days
        {
            Self::Moderate
        } else {
            Self::Strong
        }
    }

    /// Its name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Weak => "weak",
            Self::Moderate => "moderate",
            Self::Strong => "strong",
        }
    }
}

/// Evidence for a cause.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Its kind.
    pub kind: EvidenceKind,
    /// A sentence for people.
    pub message: String,
    /// The observed figure. `None` if there is none.
    pub value: Option<f64>,
    /// What that figure usually is.
    pub usual: Option<f64>,
    /// When it was observed, or began.
    pub at: Option<Timestamp>,
    /// From 0 to 1.
    pub strength: f64,
}

/// The kinds of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EvidenceKind {
    /// Meta rated the template YELLOW or RED.
    TemplateRating,
    /// Meta paused or disabled the template.
    TemplatePaused,
    /// The template is read less than usual.
    ReadRate,
    /// Opt-outs rose on the days of the template.
    OptOutsAfterSends,
    /// Failures rose on the days of the template.
    FailuresAfterSends,
    /// Many more messages than usual were sent with the template.
    VolumeJump,
    /// Opt-outs rose.
    OptOuts,
    /// Failures rose.
    Failures,
    /// Customers waited longer.
    ResponseTime,
    /// More sessions of journeys were abandoned.
    JourneyDropOff,
}

impl EvidenceKind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::TemplateRating,
        Self::TemplatePaused,
        Self::ReadRate,
        Self::OptOutsAfterSends,
        Self::FailuresAfterSends,
        Self::VolumeJump,
        Self::OptOuts,
        Self::Failures,
        Self::ResponseTime,
        Self::JourneyDropOff,
    ];

    /// Its name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TemplateRating => "template_rating",
            Self::TemplatePaused => "template_paused",
            Self::ReadRate => "read_rate",
            Self::OptOutsAfterSends => "opt_outs_after_sends",
            Self::FailuresAfterSends => "failures_after_sends",
            Self::VolumeJump => "volume_jump",
            Self::OptOuts => "opt_outs",
            Self::Failures => "failures",
            Self::ResponseTime => "response_time",
            Self::JourneyDropOff => "journey_drop_off",
        }
    }

    /// How likely the cause is, if the strength is 1 and nothing else is known.
    #[must_use]
    pub fn weight(self) -> f64 {
        match self {
            Self::TemplateRating | Self::TemplatePaused => weights::TEMPLATE_RATING,
            Self::ReadRate => weights::READ_RATE,
            Self::OptOutsAfterSends => weights::OPT_OUTS_AFTER_SENDS,
            Self::FailuresAfterSends => weights::FAILURES_AFTER_SENDS,
            Self::VolumeJump => weights::VOLUME_JUMP,
            Self::OptOuts => weights::OPT_OUTS,
            Self::Failures => weights::FAILURES,
            Self::ResponseTime => weights::RESPONSE_TIME,
            Self::JourneyDropOff => weights::JOURNEY_DROP_OFF,
        }
    }

    /// Whether Meta reports it, so that it is no comparison with past days.
    fn is_from_meta(self) -> bool {
        matches!(self, Self::TemplateRating | Self::TemplatePaused)
    }
}

/// Combines the evidence of a cause. `None` without any.
pub(super) fn cause(kind: CauseKind, factor: f64, mut evidence: Vec<Evidence>) -> Option<Cause> {
    let weighted = |one: &Evidence| one.kind.weight() * one.strength;
    evidence.retain(|one| weighted(one) >= weights::MIN_EVIDENCE);
    evidence.sort_by(|one, other| weighted(other).total_cmp(&weighted(one)));
    let against: f64 = evidence.iter().map(|one| 1.0 - weighted(one)).product();
    (!evidence.is_empty()).then_some(Cause {
        kind,
        score: factor * (1.0 - against),
        confidence: Confidence::Weak,
        evidence,
    })
}
