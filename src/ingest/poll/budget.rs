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

/// Additional time for each collector of lower priority, so that the first poll is a small one and the others know
/// its result.
const USAGE_BELIEVED_LONGER: Duration = Duration::from_secs(60);

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
            let is_critical = self.usage.is_some_and(|(told_at, ratio)| {
                ratio >= USAGE_CRITICAL && now < told_at.plus(USAGE_VALID_FOR)
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
        let Some((told_at, ratio)) = self.usage else {
            return Ok(());
        };
        let (too_much, longer) = match collector {
            Collector::Numbers => (ratio >= 1.0, 0),
            Collector::Account => (ratio >= USAGE_CRITICAL, 1),
            Collector::Templates | Collector::Other => (ratio >= self.max_usage_ratio, 2),
            Collector::Insights => (ratio >= self.max_usage_ratio, 3),
        };
        let believed_until = told_at.plus(USAGE_VALID_FOR + USAGE_BELIEVED_LONGER * longer);
        if too_much && now < believed_until {
            Err(Deferral {
                until: believed_until,
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

    /// What has been spent, for a later owner of the account.
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_775_000_000 + seconds)
    }

    fn limited_until(seconds: i64) -> Result<(), Deferral> {
        Err(Deferral {
            until: at(seconds),
            reason: DeferralReason::RateLimit,
        })
    }

    fn collector() -> impl Strategy<Value = Collector> {
        prop_oneof![
            Just(Collector::Numbers),
            Just(Collector::Account),
            Just(Collector::Templates),
            Just(Collector::Insights)
        ]
    }

    proptest! {
        #[test]
        fn no_hour_ever_has_more_calls_than_the_budget(
            calls_per_hour in 1..40_u32,
            asks in prop::collection::vec((0..200_i64, collector()), 1..400),
        ) {
            let mut budget = Budget::new(calls_per_hour, 0.75);
            let (mut clock, mut granted) = (0, Vec::new());
            for (wait, collector) in asks {
                clock += wait;
                if budget.take(collector, at(clock)).is_ok() {
                    granted.push(clock);
                }
            }
            for start in &granted {
                let in_the_hour = granted.iter().filter(|call| (*start..*start + 3_600).contains(*call));
                prop_assert!(in_the_hour.count() <= calls_per_hour as usize);
            }
        }
    }

    #[test]
    fn insights_wait_first_and_numbers_last() {
        let mut budget = Budget::new(100, 0.75);
        let grant = |budget: &mut Budget, collector| {
            (0..200)
                .filter(|_| budget.take(collector, at(0)).is_ok())
                .count()
        };
        assert_eq!(grant(&mut budget, Collector::Insights), 50);
        assert_eq!(grant(&mut budget, Collector::Templates), 25);
        assert_eq!(grant(&mut budget, Collector::Account), 15);
        assert_eq!(grant(&mut budget, Collector::Numbers), 10);
        let spent = budget
            .take(Collector::Numbers, at(0))
            .expect_err("all are taken");
        assert_eq!(
            (spent.reason, spent.until),
            (DeferralReason::BudgetSpent, at(60))
        );
        assert_eq!(budget.take(Collector::Numbers, at(3_700)), Ok(()));
    }

    #[test]
    fn a_later_owner_goes_on_where_the_earlier_one_ended() {
        let mut earlier = Budget::new(3, 0.75);
        for second in [0, 10, 70] {
            assert_eq!(earlier.take(Collector::Numbers, at(second)), Ok(()));
        }
        let spent = earlier.spent(at(71));
        let by_minute = vec![(at(0), 2), (at(70), 1)];
        assert_eq!((&spent.by_minute, spent.held_until), (&by_minute, None));

        let mut later = Budget::new(3, 0.75);
        later.restore(&spent, at(100));
        let refusal = later.take(Collector::Numbers, at(100));
        assert!(refusal.is_err_and(|one| one.reason == DeferralReason::BudgetSpent));
        assert_eq!(later.take(Collector::Numbers, at(3_660)), Ok(()));
        // What it has counted itself does not count again.
        let own = later.spent(at(3_661));
        later.restore(&own, at(3_661));
        assert_eq!(later.spent(at(3_661)), own);
    }

    #[test]
    fn a_hold_is_kept_by_a_later_owner_but_never_for_more_than_an_hour() {
        let mut earlier = Budget::new(100, 0.75);
        earlier.hold(at(600));
        let mut later = Budget::new(100, 0.75);
        later.restore(&earlier.spent(at(0)), at(0));
        assert_eq!(later.begin(Collector::Numbers, at(1)), limited_until(600));
        assert_eq!(later.begin(Collector::Numbers, at(600)), Ok(()));
        assert_eq!(earlier.spent(at(600)).held_until, None);

        let year = 31_536_000;
        let of_a_wrong_clock = SpentCalls {
            by_minute: vec![(at(year), 100)],
            held_until: Some(at(year)),
        };
        let mut later = Budget::new(100, 0.75);
        later.restore(&of_a_wrong_clock, at(0));
        assert_eq!(later.begin(Collector::Numbers, at(1)), limited_until(3_600));
        assert_eq!(later.spent(at(1)).by_minute, [(at(0), 100)]);
        assert_eq!(later.take(Collector::Numbers, at(3_660)), Ok(()));
    }

    #[test]
    fn metas_usage_figures_are_respected_until_they_are_too_old() {
        let mut budget = Budget::new(1_000, 0.75);
        budget.note_usage(0.8, None, at(0));
        assert_eq!(
            budget.begin(Collector::Templates, at(1)),
            limited_until(720)
        );
        assert_eq!(budget.begin(Collector::Account, at(1)), Ok(()));
        budget.note_usage(0.97, None, at(0));
        assert_eq!(budget.begin(Collector::Account, at(1)), limited_until(660));
        assert_eq!(budget.begin(Collector::Templates, at(720)), Ok(()));
        budget.note_usage(1.0, Some(Duration::from_secs(1_800)), at(800));
        assert_eq!(
            budget.begin(Collector::Numbers, at(801)),
            limited_until(2_600)
        );
        assert_eq!(budget.begin(Collector::Numbers, at(2_600)), Ok(()));
    }

    #[test]
    fn near_the_limit_numbers_are_polled_rarely_but_with_all_pages() {
        let mut budget = Budget::new(1_000, 0.75);
        assert_eq!(budget.begin(Collector::Numbers, at(0)), Ok(()));
        budget.note_usage(0.97, None, at(590));
        assert_eq!(
            budget.begin(Collector::Numbers, at(600)),
            limited_until(900)
        );
        budget.note_usage(0.97, None, at(895));
        assert_eq!(budget.begin(Collector::Numbers, at(900)), Ok(()));
        assert_eq!(budget.take(Collector::Numbers, at(901)), Ok(()));
        assert_eq!(budget.take(Collector::Numbers, at(902)), Ok(()));
        budget.note_usage(0.5, None, at(903));
        assert_eq!(budget.begin(Collector::Numbers, at(910)), Ok(()));
    }
}
