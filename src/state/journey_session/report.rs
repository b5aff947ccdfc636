//! Reports of steps. A webhook and an application may report the same step, which counts once.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{JourneySession, push_bounded};
use crate::domain::Timestamp;
use crate::domain::journey::StepOutcome;
use crate::state::redate::dated;

/// Time within which a webhook and an application report the same event. The clocks of the two differ, and an application
/// may report a step before or after Meta sends its message.
const SAME_EVENT: Duration = Duration::from_secs(60);

/// Who reports a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reporter {
    /// Meta's webhooks.
    Webhook,
    /// An application of the business.
    Application,
}

/// A report of a step by one of the reporters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Report {
    at: Timestamp,
    step: String,
    is_answer: bool,
    by: Reporter,
}

impl Report {
    fn outcome(&self) -> StepOutcome {
        if self.is_answer {
            StepOutcome::Answered
        } else {
            StepOutcome::Entered
        }
    }
}

dated! { Report: at }

impl JourneySession {
    /// Whether the other reporter has reported the same about a step within a minute. Two such reports count once; a
    /// third report counts again.
    pub fn is_repeated(
        &mut self,
        at: Timestamp,
        (step, outcome): (&str, StepOutcome),
        by: Reporter,
    ) -> bool {
        self.reports
            .retain(|report| at.since(report.at) <= SAME_EVENT);
        let is_same =
            |report: &Report| report.by != by && report.outcome() == outcome && report.step == step;
        let same = self.reports.iter().position(is_same);
        same.map(|same| self.reports.remove(same)).is_some()
    }

    /// Records a report, because the other reporter may repeat it.
    pub fn note_report(
        &mut self,
        at: Timestamp,
        (step, outcome): (&str, StepOutcome),
        by: Reporter,
    ) {
        let report = Report {
            at,
            step: step.to_owned(),
            is_answer: outcome == StepOutcome::Answered,
            by,
        };
        // Webhooks do not report that a customer left.
        if outcome != StepOutcome::Abandoned {
            push_bounded(&mut self.reports, report);
        }
    }
}
