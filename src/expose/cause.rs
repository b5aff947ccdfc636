//! Renders the likely causes of falls of quality ratings.

use super::metric::metrics;
use super::page::{EntityLabels, Page, SampleValue};
use crate::domain::Timestamp;
use crate::insight::attribution::{self, CauseKind};
use crate::state::Accounts;

/// Maximum number of causes of a number, as on the status page.
const MAX_CAUSES: usize = 3;

metrics! {
    SCORE: Gauge "whatsapp_phone_number_likely_cause_score" ["waba_id", "phone_number_id", "cause", "template_id"]
        "Score, from 0 to 1, of the three most likely causes of the last fall of the phone number's quality rating: template, opt_outs, failures, response_time or journeys. template_id is empty unless the cause is a template. Absent without a fall in the last 14 days, and without evidence.";
}

/// Writes the causes of all numbers whose rating has fallen recently.
pub(super) fn write(page: &mut Page, accounts: &Accounts, now: Timestamp) {
    let mut family = page.family(&SCORE);
    for (waba_id, account) in accounts {
        for number in account.numbers() {
            let causes = attribution::explain(&[account], &number.id, now).causes;
            // Most numbers have no causes, so no labels are rendered for them.
            if causes.is_empty() {
                continue;
            }
            let entity = EntityLabels::new(&[
                ("waba_id", waba_id.as_str()),
                ("phone_number_id", number.id.as_str()),
            ]);
            for cause in causes.iter().take(MAX_CAUSES) {
                let labels = [cause.kind.as_str(), template_id(&cause.kind)];
                family.sample(&entity, &labels, SampleValue::Float(cause.score));
            }
        }
    }
}

/// The id of the template. Empty if the cause is not a template.
fn template_id(kind: &CauseKind) -> &str {
    match kind {
        CauseKind::Template { id, .. } => id.as_str(),
        CauseKind::OptOuts
        | CauseKind::Failures
        | CauseKind::ResponseTime
        | CauseKind::Journeys => "",
    }
}
