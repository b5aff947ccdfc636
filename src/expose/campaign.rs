//! Renders the counters of declared campaigns.
//!
//! A campaign is identified by its declared name, and sums over phone numbers. With full state sets, every declared
//! campaign has its series from the start.

use std::collections::BTreeMap;

use super::Options;
use super::metric::metrics;
use super::page::{EntityLabels, Page, SampleValue};
use crate::domain::campaign::{CampaignStage, DROP_CODES};
use crate::domain::{ErrorCode, Timestamp, Word};
use crate::state::{Accounts, Counts};

metrics! {
    MESSAGES: Counter "whatsapp_campaign_messages_total" ["campaign", "stage"]
        "Number of messages of a campaign in trackers.campaigns, over all phone numbers, by stage: sent, delivered, read, failed, replied (the customer wrote within 24 hours of the delivery) and opted_out (the customer stopped marketing messages within 72 hours of it). Replies and opt-outs count for the campaign that was delivered last, a minute after they happen.";
    FAILURES: Counter "whatsapp_campaign_failures_total" ["campaign", "error_code"]
        "Number of errors of a campaign's failed messages, by Meta's error code. With full state sets, codes with which Meta holds or drops campaigns start at 0; others are absent before their first error.";
    LAST_FAILURE: Gauge "whatsapp_campaign_last_failure_timestamp_seconds" ["campaign", "error_code"]
        "Time of the last failed message of a campaign with each error code. Absent before the first.";
}

/// Counters of a campaign, over all numbers.
#[derive(Default)]
struct Sums {
    stages: Counts<CampaignStage>,
    failures: BTreeMap<ErrorCode, u64>,
    last_failures: BTreeMap<ErrorCode, Timestamp>,
}

/// Writes the families of the declared campaigns that this process exports.
pub(super) fn write(
    page: &mut Page,
    accounts: &Accounts,
    options: &Options,
    exports: impl Fn(&str) -> bool,
) {
    let declared = options.campaigns.iter().filter(|name| exports(name));
    let mut sums: BTreeMap<&str, Sums> = declared
        .map(|name| (name.as_str(), Sums::default()))
        .collect();
    for sum in sums.values_mut() {
        let codes = DROP_CODES.iter().map(|code| (ErrorCode::Number(*code), 0));
        sum.failures = codes.collect();
    }
    let numbers = accounts.values().flat_map(|account| account.traffic());
    for (name, counts) in numbers.flat_map(|traffic| traffic.campaigns.iter()) {
        // A campaign that is no longer declared.
        let Some(sum) = sums.get_mut(name) else {
            continue;
        };
        for (stage, count) in counts.stages.iter() {
            sum.stages.add(stage, count);
        }
        for (code, count) in counts.failures.occurred() {
            *sum.failures.entry(code).or_default() += count;
        }
        for (code, at) in counts.failures.last_times() {
            let last = sum.last_failures.entry(code).or_insert(at);
            *last = at.max(*last);
        }
    }
    let labelled = sums.iter();
    let labelled: Vec<(EntityLabels, &Sums)> = labelled
        .map(|(name, sums)| (EntityLabels::new(&[("campaign", name)]), sums))
        .collect();
    let mut family = page.family(&MESSAGES);
    for (campaign, sums) in &labelled {
        for (stage, count) in sums.stages.iter().filter(|(stage, _)| !stage.is_other()) {
            family.count(campaign, &[stage.as_str()], count);
        }
    }
    let mut family = page.family(&FAILURES);
    for (campaign, sums) in &labelled {
        for (code, count) in &sums.failures {
            let code = code.to_string();
            family.count(campaign, &[&code], *count);
        }
    }
    let mut family = page.family(&LAST_FAILURE);
    for (campaign, sums) in &labelled {
        for (code, at) in &sums.last_failures {
            let code = code.to_string();
            family.sample(campaign, &[&code], SampleValue::Time(*at));
        }
    }
}
