//! Renders the use of the messaging limits of business portfolios.

use std::collections::BTreeMap;

use super::metric::metrics;
use super::page::{EntityLabels, Page, SampleValue};
use super::rows::Rows;
use crate::domain::{BusinessId, MessagingLimit};
use crate::insight::headroom::Headroom;

metrics! {
    MESSAGING_LIMIT: Gauge "whatsapp_portfolio_messaging_limit" ["business_id"]
        "Maximum number of unique customers that the business portfolio may message in 24 hours, as its phone numbers and accounts report it, +Inf for no limit. Absent until known.";
    RECIPIENTS: Gauge "whatsapp_portfolio_recipients" ["business_id"]
        "Number of unique customers to whom the phone numbers of the portfolio delivered messages outside a customer service window in the last 24 hours. It counts towards the messaging limit. A lower bound while whatsapp_portfolio_coverage_ratio is below 1. Absent if it cannot be computed.";
    USED_RATIO: Gauge "whatsapp_portfolio_messaging_limit_used_ratio" ["business_id"]
        "Used share of the portfolio's messaging limit: recipients divided by the limit, 0 without a limit. Absent if the limit or the number of recipients is unknown.";
    COVERAGE: Gauge "whatsapp_portfolio_coverage_ratio" ["business_id"]
        "Share of the last 24 hours of the portfolio's known phone numbers whose webhooks about messages were received, from 0 to 1. Numbers of accounts that the exporter does not watch are unknown. Absent without known phone numbers, or if trackers.enabled is false.";
}

/// Writes the families of all portfolios.
pub(super) fn write(page: &mut Page, portfolios: &BTreeMap<BusinessId, Headroom>) {
    let rows: Rows<'_, Headroom> = portfolios
        .iter()
        .map(|(id, headroom)| (EntityLabels::new(&[("business_id", id.as_str())]), headroom))
        .collect();
    rows.value(page, &MESSAGING_LIMIT, |one| {
        let limit = one.limit.map(MessagingLimit::as_f64);
        limit.map(SampleValue::Float)
    });
    rows.value(page, &RECIPIENTS, |one| {
        one.recipients.map(SampleValue::Whole)
    });
    rows.value(page, &USED_RATIO, |one| {
        one.used_ratio().map(SampleValue::Float)
    });
    rows.value(page, &COVERAGE, |one| one.coverage.map(SampleValue::Float));
}
