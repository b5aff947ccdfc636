//! The call quota of each account in a rolling hour, and the usage headers. See
//! <https://developers.facebook.com/docs/graph-api/overview/rate-limiting>.

use std::collections::{BTreeMap, VecDeque};

use serde_json::json;

use super::error::GraphError;
use crate::simulator::world::Account;

/// Calls per hour of an account without a registered number.
const UNREGISTERED_CALLS_PER_HOUR: usize = 200;
/// Calls per hour of an account with a registered number.
const REGISTERED_CALLS_PER_HOUR: usize = 5_000;
const HOUR_SECONDS: f64 = 3_600.0;
/// Percentage at which Meta rate-limits.
const FULL_PERCENT: usize = 100;

/// App usage of an app that makes few calls.
pub(super) const QUIET_APP_PERCENT: u32 = 1;

/// Calls of the last hour, by account.
#[derive(Debug)]
pub struct Quota {
    window_seconds: i64,
    calls: BTreeMap<String, VecDeque<i64>>,
}

impl Quota {
    /// A quota whose hour lasts `3600 / speed` seconds, so that a fast demo is not throttled because of its speed.
    #[must_use]
    pub fn new(speed: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "seconds of an hour or less"
        )]
        let window_seconds = (HOUR_SECONDS / speed).ceil() as i64;
        Self {
            window_seconds,
            calls: BTreeMap::new(),
        }
    }

    /// Counts a call to `account` at `now`.
    ///
    /// # Errors
    /// 80008 if the calls of the hour are used up, or the account's own code while it is rate-limited.
    pub fn count(&mut self, account: &Account, now: i64) -> Result<(), GraphError> {
        if let Some(limit) = &account.rate_limit {
            return Err(GraphError::rate_limited(limit.code));
        }
        let calls = self.calls.entry(account.id.clone()).or_default();
        while calls
            .front()
            .is_some_and(|first| *first <= now - self.window_seconds)
        {
            calls.pop_front();
        }
        if calls.len() >= allowed(account) {
            return Err(GraphError::rate_limited(80_008));
        }
        calls.push_back(now);
        Ok(())
    }

    /// The value of `X-Business-Use-Case-Usage`, keyed by the account, even for reads of its numbers.
    #[must_use]
    pub fn usage(&self, account: &Account, now: i64) -> String {
        let calls = self.calls.get(&account.id);
        let used = calls.map_or(0, |calls| calls.len() * FULL_PERCENT / allowed(account));
        let wait_seconds = calls
            .and_then(|calls| calls.front())
            .filter(|_| used >= FULL_PERCENT)
            .map_or(0, |first| first + self.window_seconds - now);
        let (percent, minutes) = match &account.rate_limit {
            Some(limit) => (FULL_PERCENT, i64::from(limit.regain_minutes)),
            None => (
                used,
                wait_seconds.max(0).div_euclid(60) + i64::from(wait_seconds % 60 > 0),
            ),
        };
        json!({&account.id: [{
            "type": "whatsapp_business_management",
            "call_count": percent,
            "total_cputime": percent / 2,
            "total_time": percent / 2,
            "estimated_time_to_regain_access": minutes,
        }]})
        .to_string()
    }
}

/// The value of `X-App-Usage`, which is sent with failed calls that belong to no account.
#[must_use]
pub fn app_usage(percent: u32) -> String {
    json!({"call_count": percent, "total_cputime": 0, "total_time": 0}).to_string()
}

fn allowed(account: &Account) -> usize {
    if account.registered {
        REGISTERED_CALLS_PER_HOUR
    } else {
        UNREGISTERED_CALLS_PER_HOUR
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unregistered_account_has_two_hundred_calls_in_a_rolling_hour() {
        let mut account = Account::new("800", "Fern & Moss");
        account.registered = false;
        let mut quota = Quota::new(1.0);
        for _ in 0..200 {
            quota.count(&account, 1_000).expect("within the quota");
        }
        assert_eq!(
            quota.count(&account, 1_000).expect_err("used up").code,
            80_008
        );
        assert!(
            quota
                .usage(&account, 1_000)
                .contains(r#""call_count":100,"estimated_time_to_regain_access":60"#)
        );
        quota.count(&account, 1_000 + 3_600).expect("an hour later");
    }
}
