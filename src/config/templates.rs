//! `templates`: how much is exported about each message template.

use std::ops::RangeInclusive;

use super::setting::{Scalar, Setting};
use super::value;
use super::walker::Walker;
use crate::domain::{StateSets, TemplateDetail};

/// None at all is said by `templates.detail`; a million series are more than one scrape can carry.
const SERIES: RangeInclusive<usize> = 1..=1_000_000;

pub(super) const DETAILS: [(&str, TemplateDetail); 3] = [
    ("all", TemplateDetail::All),
    ("problems", TemplateDetail::Problems),
    ("none", TemplateDetail::None),
];

pub(super) const STATE_SETS: [(&str, StateSets); 2] =
    [("sparse", StateSets::Sparse), ("full", StateSets::Full)];

const DETAIL: Scalar<TemplateDetail> = Scalar {
    setting: Setting::new(
        "templates.detail",
        "Which templates have series of their own: all, problems or none; the totals are always there",
    )
    .default("all"),
    parse: |text| value::word(text, &DETAILS),
};

const STATE_SET_FORM: Scalar<StateSets> = Scalar {
    setting: Setting::new(
        "templates.state_sets",
        "sparse exports the present state's series only, full one for each state",
    )
    .default("sparse"),
    parse: |text| value::word(text, &STATE_SETS),
};

const SERIES_LIMIT: Scalar<usize> = Scalar {
    setting: Setting::new(
        "templates.series_limit",
        "Most series about single templates per account; the rest is refused and counted",
    )
    .default("20000"),
    parse: |text| value::number(text, &SERIES),
};

/// How much is exported about each template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplatesConfig {
    /// `templates.detail`; default `all`.
    pub detail: TemplateDetail,
    /// `templates.state_sets`; default `sparse`.
    pub state_sets: StateSets,
    /// `templates.series_limit`; series per account, default 20,000.
    pub series_limit: usize,
}

impl TemplatesConfig {
    pub(super) fn read(walker: &mut Walker<'_>) -> Self {
        Self {
            detail: walker.scalar(&DETAIL),
            state_sets: walker.scalar(&STATE_SET_FORM),
            series_limit: walker.scalar(&SERIES_LIMIT),
        }
    }
}
