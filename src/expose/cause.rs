//! Renders the likely causes of falls of quality ratings.

use super::metric::metrics;
use super::page::{EntityLabels, Page, SampleValue};
use crate::domain::Timestamp;
use crate::insight::attribution::{self, Cause, CauseKind};
use crate::state::{Account, Accounts, Number};

/// Maximum number of causes of a number, as on the status page.
const MAX_CAUSES: usize = 3;

metrics! {
    SCORE: Gauge "whatsapp_phone_number_likely_cause_score" ["waba_id", "phone_number_id", "cause", "template_id"]
        "Score, from 0 to 1, of the three most likely causes of the last fall of the phone number's quality rating: template, opt_outs, failures, response_time or journeys. template_id is empty unless the cause is a template. Absent without a fall in the last 14 days, and without evidence.";
}

/// Writes the causes of all numbers whose rating has fallen lately.
pub(super) fn write(page: &mut Page, accounts: &Accounts, now: Timestamp) {
    let mut family = page.family(&SCORE);
    for (waba_id, account) in accounts {
        for number in account.numbers() {
            let entity = EntityLabels::new(&[
                ("waba_id", waba_id.as_str()),
                ("phone_number_id", number.id.as_str()),
            ]);
            for cause in causes(account, number, now) {
                let template_id = match &cause.kind {
                    CauseKind::Template { id, .. } => id.as_str(),
                    CauseKind::OptOuts
                    | CauseKind::Failures
                    | CauseKind::ResponseTime
                    | CauseKind::Journeys => "",
                };
                let labels = [cause.kind.as_str(), template_id];
                family.sample(&entity, &labels, SampleValue::Float(cause.score));
            }
        }
    }
}

fn causes(account: &Account, number: &Number, now: Timestamp) -> Vec<Cause> {
    // Without reading the templates of numbers that are well, of which there may be thousands.
    let fall = attribution::last_fall(number);
    if fall.is_none_or(|fall| now.since(fall.at) > attribution::MAX_AGE) {
        return Vec::new();
    }
    let mut causes = attribution::explain(&[account], &number.id, now).causes;
    causes.truncate(MAX_CAUSES);
    causes
}
