//! `templates`: the detail of message template metrics.

use std::ops::RangeInclusive;

use super::kind::{NumberKind, Words};
use super::metrics::STATE_SETS;
use super::section::settings;
use super::walker::Walker;
use crate::domain::{StateSets, TemplateDetail};

/// The minimum is 1, because `templates.detail` disables all of them. One scrape cannot transfer more than the
/// maximum.
const SERIES: RangeInclusive<usize> = 1..=1_000_000;

const DETAIL: Words<TemplateDetail> = Words {
    value_name: "DETAIL",
    words: &[
        ("all", TemplateDetail::All),
        ("problems", TemplateDetail::Problems),
        ("none", TemplateDetail::None),
    ],
};

settings! {
    /// Message template metrics.
    #[derive(Clone, Debug, PartialEq, Eq)]
    TemplatesConfig "templates" {
        /// Templates with their own series: all, problems or none; the totals of an account are always exported.
        detail: TemplateDetail = "problems", DETAIL;

        /// Series for the states of single templates, as metrics.state_sets for everything else.
        state_sets: StateSets = "sparse", STATE_SETS;

        /// Maximum series per account about individual templates; series beyond it are dropped and counted.
        series_limit: usize = "20000", NumberKind(SERIES);
    }
}

impl TemplatesConfig {
    pub(super) fn read(walker: &mut Walker<'_>) -> Self {
        Self::read_rows(walker)
    }
}
