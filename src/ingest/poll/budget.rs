//! How many calls may be made for an account: a hard number an hour, and a share of what Meta says is
//! left. Pure: whoever asks brings the time.
//!
//! When calls are short, numbers and their health go first and templates last: a template listing
//! stops at three quarters of the budget, the account's node at nine tenths, numbers at all of it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::domain::{Collector, Timestamp, WabaId};

/// Calls are remembered by the minute; one minute more than an hour, so that the oldest, of which
/// part may still be inside the hour, counts in full.
const MINUTES: i64 = 61;

const MINUTE: Duration = Duration::from_secs(60);

/// How long Meta's usage figures are believed. They come with answers: without calls they would never
/// be told to be better, so after this long one call may ask.
const USAGE_BELIEVED: Duration = Duration::from_secs(10 * 60);

/// From here on even the account's node waits: Meta throttles at 1.
const USAGE_CRITICAL: f64 = 0.95;

/// One account's calls.
#[derive(Clone, Debug)]
pub struct Budget {
    calls_per_hour: u32,
    max_usage_ratio: f64,
    by_minute: VecDeque<(i64, u32)>,
    usage: Option<(Timestamp, f64)>,
    regain_at: Option<Timestamp>,
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
        }
    }

    /// Takes one call for `collector`.
    ///
    /// # Errors
    /// If there is none, with the time at which to ask again.
    pub fn take(&mut self, collector: Collector, now: Timestamp) -> Result<(), Timestamp> {
        self.check(collector, now)?;
        let minute = minute_of(now);
        match self.by_minute.back_mut() {
            Some((last, calls)) if *last >= minute => *calls += 1,
            _ => self.by_minute.push_back((minute, 1)),
        }
        Ok(())
    }

    /// Would there be a call for `collector`?
    ///
    /// # Errors
    /// As [`Budget::take`].
    pub fn check(&mut self, collector: Collector, now: Timestamp) -> Result<(), Timestamp> {
        if let Some(regain_at) = self.regain_at.filter(|regain_at| *regain_at > now) {
            return Err(regain_at);
        }
        self.check_usage(collector, now)?;
        let allowed = f64::from(self.calls_per_hour) * hourly_share(collector);
        if f64::from(self.used(now)) + 1.0 > allowed.max(1.0) {
            return Err(now.plus(MINUTE));
        }
        Ok(())
    }

    /// Notes what Meta said of its quota.
    pub fn note_usage(&mut self, ratio: f64, regain_after: Option<Duration>, now: Timestamp) {
        self.usage = Some((now, ratio));
        self.regain_at = regain_after
            .filter(|after| !after.is_zero())
            .map(|after| now.plus(after));
    }

    fn check_usage(&self, collector: Collector, now: Timestamp) -> Result<(), Timestamp> {
        let Some((told_at, ratio)) = self.usage else {
            return Ok(());
        };
        let believed_until = told_at.plus(USAGE_BELIEVED);
        let too_much = match collector {
            Collector::Numbers => ratio >= 1.0,
            Collector::Account => ratio >= USAGE_CRITICAL,
            Collector::Templates | Collector::Other => ratio >= self.max_usage_ratio,
        };
        if too_much && now < believed_until {
            Err(believed_until)
        } else {
            Ok(())
        }
    }

    fn used(&mut self, now: Timestamp) -> u32 {
        let oldest = minute_of(now) - MINUTES + 1;
        // A clock set back leaves minutes from the future; they go on counting, which errs on Meta's side.
        while self
            .by_minute
            .front()
            .is_some_and(|(minute, _)| *minute < oldest)
        {
            self.by_minute.pop_front();
        }
        self.by_minute.iter().map(|(_, calls)| calls).sum()
    }
}

fn minute_of(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(60_000)
}

fn hourly_share(collector: Collector) -> f64 {
    match collector {
        Collector::Numbers => 1.0,
        Collector::Account => 0.9,
        Collector::Templates | Collector::Other => 0.75,
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

    /// Changes the limits; calls already made go on counting, so that a reload buys no quota.
    pub fn limit_to(&mut self, calls_per_hour: u32, max_usage_ratio: f64) {
        for budget in self
            .by_account
            .values_mut()
            .chain(std::iter::once(&mut self.fresh))
        {
            budget.calls_per_hour = calls_per_hour;
            budget.max_usage_ratio = max_usage_ratio;
        }
    }

    /// The account's own.
    pub fn of(&mut self, waba_id: &WabaId) -> &mut Budget {
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

    fn collector() -> impl Strategy<Value = Collector> {
        prop_oneof![
            Just(Collector::Numbers),
            Just(Collector::Account),
            Just(Collector::Templates)
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
    fn templates_wait_first_and_numbers_last() {
        let mut budget = Budget::new(100, 0.75);
        let grant = |budget: &mut Budget, collector| {
            (0..200)
                .filter(|_| budget.take(collector, at(0)).is_ok())
                .count()
        };
        assert_eq!(grant(&mut budget, Collector::Templates), 75);
        assert_eq!(grant(&mut budget, Collector::Account), 15);
        assert_eq!(grant(&mut budget, Collector::Numbers), 10);
        assert_eq!(budget.take(Collector::Numbers, at(3_700)), Ok(()));
    }

    #[test]
    fn metas_own_figures_are_heeded_and_in_time_doubted() {
        let mut budget = Budget::new(1_000, 0.75);
        budget.note_usage(0.8, None, at(0));
        assert_eq!(budget.check(Collector::Templates, at(1)), Err(at(600)));
        assert_eq!(budget.check(Collector::Account, at(1)), Ok(()));
        budget.note_usage(0.97, None, at(0));
        assert!(budget.check(Collector::Account, at(1)).is_err());
        assert_eq!(budget.check(Collector::Numbers, at(1)), Ok(()));
        assert_eq!(budget.check(Collector::Templates, at(600)), Ok(()));
        budget.note_usage(1.0, Some(Duration::from_secs(1_800)), at(700));
        assert_eq!(budget.check(Collector::Numbers, at(701)), Err(at(2_500)));
    }
}
