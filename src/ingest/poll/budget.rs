//! The call budget of an account: a maximum per hour, and a share of Meta's quota. Pure: the caller passes the time.
//!
//! If calls are short, numbers and their health have priority over templates, and templates over insights: insights
//! stop at half of the budget, template listings at three quarters, account nodes at nine tenths, and numbers when it
//! is used up.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::domain::{Collector, SpentCalls, Timestamp, WabaId, Word};
use crate::ingest::graph::FailureKind;

/// Calls are counted by the minute, from the first call of each.
const MINUTE: Duration = Duration::from_secs(60);

/// How long a minute's calls count. One minute more than an hour, because part of the oldest minute may still be
/// within the hour, and then counts in full.
const COUNTED_FOR: Duration = Duration::from_secs(61 * 60);

/// Longest hold: quotas apply to a rolling hour.
const LONGEST_HOLD: Duration = Duration::from_secs(3_600);

/// How long Meta's usage figures prevent polls of numbers. The figures come with responses: without calls they
/// would never improve, so one poll is allowed after this time.
const USAGE_VALID_FOR: Duration = Duration::from_secs(10 * 60);

/// Additional time for each collector of lower priority, so that the first poll is a small one, and its result decides
/// about the others.
const USAGE_VALID_LONGER: Duration = Duration::from_secs(60);

/// Used share of Meta's quota above which polls of account nodes wait too, and numbers are polled rarely. Meta
/// throttles at 1.
const USAGE_CRITICAL: f64 = 0.95;

/// The interval of numbers then: three times the default.
const CRITICAL_INTERVAL: Duration = Duration::from_secs(15 * 60);

/// Why a poll waits although it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeferralReason {
    /// Meta limits calls, or reports that its quota is nearly used up.
    RateLimit,
    /// The account's own hourly budget is used up.
    BudgetSpent,
    /// All slots for concurrent polls are in use.
    Queued,
    /// The account's node, numbers or templates have not been read yet.
    NotListed,
    /// The database has not confirmed that this replica still owns the account.
    NotOwned,
}

impl DeferralReason {
    /// The label value. The same as for a failed call if the reason can be both.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RateLimit => FailureKind::RateLimit.as_str(),
            Self::BudgetSpent => FailureKind::BudgetSpent.as_str(),
            Self::Queued => "queued",
            Self::NotListed => "not_listed",
            Self::NotOwned => "not_owned",
        }
    }

    /// What an operator can do about it.
    #[must_use]
    pub fn cure(self) -> &'static str {
        match self {
            Self::RateLimit => {
                "find out what else uses Meta's quota of this account, or lengthen poll.numbers_interval, poll.account_interval or poll.templates_interval"
            }
            Self::BudgetSpent => {
                "raise poll.calls_per_hour, or lengthen poll.numbers_interval, poll.account_interval or poll.templates_interval"
            }
            Self::Queued => {
                "lengthen poll.numbers_interval, poll.account_interval or poll.templates_interval, or find out why Meta responds slowly"
            }
            Self::NotListed => {
                "find out why the account, its phone numbers or its templates cannot be read: whatsapp_exporter_poll_failure has the reason"
            }
            Self::NotOwned => "check that PostgreSQL runs, and that this machine reaches it",
        }
    }
}

/// A call that must not be made now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deferral {
    /// When to try again.
    pub until: Timestamp,
    /// Why the call must wait.
    pub reason: DeferralReason,
}

/// The calls of one account.
#[derive(Clone, Debug)]
pub struct Budget {
    calls_per_hour: u32,
    max_usage_ratio: f64,
    by_minute: VecDeque<(Timestamp, u32)>,
    usage: Option<(Timestamp, f64)>,
    regain_at: Option<Timestamp>,
    held_until: Option<Timestamp>,
    numbers_began: Option<Timestamp>,
}

impl Budget {
    /// A fresh budget; `max_usage_ratio` is the share of Meta's quota above which templates wait.
    #[must_use]
    pub fn new(calls_per_hour: u32, max_usage_ratio: f64) -> Self {
        Self {
            calls_per_hour,
            max_usage_ratio,
            by_minute: VecDeque::new(),
            usage: None,
            regain_at: None,
            held_until: None,
            numbers_began: None,
        }
    }

    /// Changes the limits. Earlier calls still count, so that a reload does not increase the quota.
    pub fn limit_to(&mut self, calls_per_hour: u32, max_usage_ratio: f64) {
        self.calls_per_hour = calls_per_hour;
        self.max_usage_ratio = max_usage_ratio;
    }

    /// Takes one call for `collector`.
    ///
    /// # Errors
    /// If the budget has none left, with the reason and the time of the next attempt.
    pub fn take(&mut self, collector: Collector, now: Timestamp) -> Result<(), Deferral> {
        self.check(collector, now)?;
        match self.by_minute.back_mut() {
            Some((last, calls)) if now < last.plus(MINUTE) => *calls = calls.saturating_add(1),
            _ => self.by_minute.push_back((now, 1)),
        }
        Ok(())
    }

    /// Whether a poll of `collector` may start. The poll takes its calls itself.
    ///
    /// # Errors
    /// Like [`Budget::take`].
    pub fn begin(&mut self, collector: Collector, now: Timestamp) -> Result<(), Deferral> {
        if let Some(until) = self.held_until.filter(|until| *until > now) {
            return Err(Deferral {
                until,
                reason: DeferralReason::RateLimit,
            });
        }
        self.check(collector, now)?;
        if collector == Collector::Numbers {
            let is_critical = self.usage.is_some_and(|(reported_at, ratio)| {
                ratio >= USAGE_CRITICAL && now < reported_at.plus(USAGE_VALID_FOR)
            });
            let again = self.numbers_began.map(|at| at.plus(CRITICAL_INTERVAL));
            if let Some(again) = again.filter(|again| is_critical && *again > now) {
                return Err(Deferral {
                    until: again,
                    reason: DeferralReason::RateLimit,
                });
            }
            self.numbers_began = Some(now);
        }
        Ok(())
    }

    fn check(&mut self, collector: Collector, now: Timestamp) -> Result<(), Deferral> {
        if let Some(regain_at) = self.regain_at.filter(|regain_at| *regain_at > now) {
            return Err(Deferral {
                until: regain_at,
                reason: DeferralReason::RateLimit,
            });
        }
        self.check_usage(collector, now)?;
        let allowed = f64::from(self.calls_per_hour) * hourly_share(collector);
        if f64::from(self.used(now)) + 1.0 > allowed.max(1.0) {
            return Err(Deferral {
                until: now.plus(MINUTE),
                reason: DeferralReason::BudgetSpent,
            });
        }
        Ok(())
    }

    /// Records the quota usage that Meta reported.
    pub fn note_usage(&mut self, ratio: f64, regain_after: Option<Duration>, now: Timestamp) {
        self.usage = Some((now, ratio));
        self.regain_at = regain_after
            .filter(|after| !after.is_zero())
            .map(|after| now.plus(after));
    }

    fn check_usage(&self, collector: Collector, now: Timestamp) -> Result<(), Deferral> {
        let Some((reported_at, ratio)) = self.usage else {
            return Ok(());
        };
        let (too_much, longer) = match collector {
            Collector::Numbers => (ratio >= 1.0, 0),
            Collector::Account => (ratio >= USAGE_CRITICAL, 1),
            Collector::Templates | Collector::Other => (ratio >= self.max_usage_ratio, 2),
            Collector::Insights => (ratio >= self.max_usage_ratio, 3),
        };
        let valid_until = reported_at.plus(USAGE_VALID_FOR + USAGE_VALID_LONGER * longer);
        if too_much && now < valid_until {
            Err(Deferral {
                until: valid_until,
                reason: DeferralReason::RateLimit,
            })
        } else {
            Ok(())
        }
    }

    fn used(&mut self, now: Timestamp) -> u32 {
        // If time runs backwards, minutes in the future still count, so the error is in Meta's favour.
        while self
            .by_minute
            .front()
            .is_some_and(|(start, _)| start.plus(COUNTED_FOR) <= now)
        {
            self.by_minute.pop_front();
        }
        let calls = self.by_minute.iter().map(|(_, calls)| *calls);
        calls.fold(0, u32::saturating_add)
    }

    /// Records that Meta limits the account's calls until then. No poll begins before.
    pub fn hold(&mut self, until: Timestamp) {
        self.held_until = self.held_until.max(Some(until));
    }

    /// The spent calls, for a later owner of the account.
    pub fn spent(&mut self, now: Timestamp) -> SpentCalls {
        self.used(now);
        let held_until = self.held_until.max(self.regain_at);
        SpentCalls {
            by_minute: self.by_minute.iter().copied().collect(),
            held_until: held_until.filter(|until| *until > now),
        }
    }

    /// Counts what an earlier process or another owner has spent, apart from what this budget has counted itself. A
    /// stored time in the future comes from a wrong clock: such calls count from now, and no hold is longer than an
    /// hour, so the account is polled again within an hour.
    pub fn restore(&mut self, spent: &SpentCalls, now: Timestamp) {
        let counted_until = self.by_minute.back().map(|(start, _)| start.plus(MINUTE));
        let by_minute = spent.by_minute.iter();
        let others = by_minute.filter(|(start, _)| Some(*start) >= counted_until);
        let others = others.map(|(start, calls)| ((*start).min(now), *calls));
        self.by_minute.extend(others);
        if let Some(until) = spent.held_until {
            self.hold(until.min(now.plus(LONGEST_HOLD)));
        }
    }
}

fn hourly_share(collector: Collector) -> f64 {
    match collector {
        Collector::Numbers => 1.0,
        Collector::Account => 0.9,
        Collector::Templates | Collector::Other => 0.75,
        Collector::Insights => 0.5,
    }
}

/// The budgets of all accounts.
#[derive(Debug)]
pub struct Budgets {
    fresh: Budget,
    by_account: BTreeMap<WabaId, Budget>,
}

impl Budgets {
    /// Each account starts with a copy of `fresh`.
    #[must_use]
    pub fn new(fresh: Budget) -> Self {
        Self {
            fresh,
            by_account: BTreeMap::new(),
        }
    }

    /// Like [`Budget::limit_to`], for all accounts.
    pub fn limit_to(&mut self, calls_per_hour: u32, max_usage_ratio: f64) {
        let accounts = self.by_account.values_mut();
        for budget in accounts.chain(std::iter::once(&mut self.fresh)) {
            budget.limit_to(calls_per_hour, max_usage_ratio);
        }
    }

    /// Maximum number of calls of one account per hour.
    #[must_use]
    pub fn calls_per_hour(&self) -> u32 {
        self.fresh.calls_per_hour
    }

    /// The budget of one account.
    pub fn for_account(&mut self, waba_id: &WabaId) -> &mut Budget {
        self.by_account
            .entry(waba_id.clone())
            .or_insert_with(|| self.fresh.clone())
    }
}

#[cfg(test)]
mod tests;
