//! Meta's usage headers: the used share of the quota, and when calls are possible again.
//!
//! `X-Business-Use-Case-Usage` is keyed by account, even for calls about numbers, and can contain several entries of
//! one type. `X-App-Usage` appears instead on responses that could not be attributed to an account. Figures are
//! percentages; the time to regain access is in minutes.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::clock;
use crate::domain::WabaId;
use crate::ingest::{ParseWarnings, json};
use crate::telemetry::Telemetry;

const BUSINESS_USAGE: &str = "x-business-use-case-usage";
const APP_USAGE: &str = "x-app-usage";

/// The names of the figures in the `kind` label.
const KINDS: [&str; 3] = ["call_count", "total_cputime", "total_time"];

/// Owner of the quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageScope {
    /// The quota of one account.
    Account,
    /// The quota of the app, shared by all its accounts.
    App,
}

/// Quota usage that Meta reports with a response.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// Owner of the quota.
    pub scope: UsageScope,
    /// The highest of the figures; at 1 calls are refused.
    pub ratio: f64,
    /// Time until calls are possible again. `None` if they are possible.
    pub regain_after: Option<Duration>,
    figures: [f64; 3],
}

impl Usage {
    /// The usage of this account, or of the app if the headers have none of the account.
    pub fn read(headers: &HeaderMap, waba_id: Option<&WabaId>) -> Option<Self> {
        let of_account = waba_id.and_then(|waba_id| {
            json(headers, BUSINESS_USAGE)?
                .get(waba_id.as_str())
                .cloned()
        });
        let scope = match of_account {
            Some(_) => UsageScope::Account,
            None => UsageScope::App,
        };
        let entries = match of_account.or_else(|| json(headers, APP_USAGE))? {
            Value::Array(entries) => entries,
            entry => vec![entry],
        };
        let most = |key| {
            entries
                .iter()
                .filter_map(|entry| number(entry, key))
                .fold(0.0, f64::max)
        };
        let figures = KINDS.map(|kind| most(kind) / 100.0);
        let minutes = most("estimated_time_to_regain_access");
        Some(Self {
            scope,
            ratio: figures.into_iter().fold(0.0, f64::max),
            regain_after: (minutes > 0.0)
                .then(|| Duration::from_secs_f64(minutes.min(MAX_MINUTES) * 60.0)),
            figures,
        })
    }

    /// Updates the metrics of the quota.
    pub(super) fn record(&self, waba_id: &WabaId, telemetry: &Telemetry) {
        telemetry.quotas.note_usage(waba_id, self.ratio);
        let id = waba_id.as_str();
        for (kind, figure) in KINDS.iter().zip(self.figures) {
            telemetry
                .graph_usage_ratio
                .with_label_values(&[id, kind])
                .set(figure);
        }
        match self.regain_after {
            Some(after) => {
                let at = clock::now().plus(after).as_seconds_f64();
                telemetry
                    .graph_regain_access
                    .with_label_values(&[id])
                    .set(at);
            }
            // The series is absent while calls are possible, so there may be nothing to remove.
            None => drop(telemetry.graph_regain_access.remove_label_values(&[id])),
        }
    }
}

/// Quotas are per hour; a day bounds the effect of a broken header.
const MAX_MINUTES: f64 = 24.0 * 60.0;

/// An unreadable figure counts as absent; every response repeats all figures.
fn json(headers: &HeaderMap, name: &str) -> Option<Value> {
    json::read(
        headers.get(name)?.as_bytes(),
        "usage",
        &mut ParseWarnings::new(),
    )
}

fn number(entry: &Value, key: &str) -> Option<f64> {
    let value = entry.get(key)?;
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &'static str, value: &str) -> Option<Usage> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().expect("a header"));
        Usage::read(&headers, WabaId::parse("800100").as_ref())
    }

    #[test]
    fn the_highest_of_several_entries_counts() {
        let usage = read(
            BUSINESS_USAGE,
            r#"{"800100":[{"type":"whatsapp_business_management","call_count":2,"total_cputime":90,"total_time":1,"estimated_time_to_regain_access":0},{"type":"whatsapp_business_management","call_count":40,"total_cputime":1,"total_time":1,"estimated_time_to_regain_access":3}]}"#,
        );
        let usage = usage.expect("usage");
        assert_eq!(
            (usage.ratio, usage.regain_after),
            (0.9, Some(Duration::from_secs(180)))
        );
        assert_eq!(usage.figures, [0.4, 0.9, 0.01]);
    }

    #[test]
    fn an_unreadable_figure_does_not_affect_others() {
        let usage = read(
            BUSINESS_USAGE,
            r#"{"800100":[{"type":"cut \ud83d","call_count":1e999,"total_cputime":90}]}"#,
        );
        assert_eq!(usage.map(|usage| usage.figures), Some([0.0, 0.9, 0.0]));
    }

    #[test]
    fn usage_of_other_accounts_is_ignored_and_that_of_the_app_is_read() {
        assert_eq!(read(BUSINESS_USAGE, r#"{"1":[{"call_count":100}]}"#), None);
        assert_eq!(read(BUSINESS_USAGE, "not json"), None);
        let usage = read(
            APP_USAGE,
            r#"{"call_count":"28","total_cputime":2,"total_time":3}"#,
        )
        .expect("usage");
        assert_eq!((usage.ratio, usage.regain_after), (0.28, None));
    }
}
