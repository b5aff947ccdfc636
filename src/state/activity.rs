//! The daily activity of a phone number, so that a day can be compared with earlier days.
//!
//! Each event counts for the day of its own time, so the counts do not depend on the order of arrival. Days are UTC
//! days: the time zone of an account is not known from the start and may change, and a comparison over weeks needs days
//! with the same bounds.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::redate::{Dated, Redating};
use crate::domain::{ErrorCode, Timestamp};

/// Maximum number of days with activity. A fall of the quality rating is explained for 14 days, by the 7 days before
/// it, in comparison with the 28 days before those.
pub const MAX_DAYS: usize = 49;

const DAY_MS: i64 = 86_400_000;

/// A day in UTC, as the number of days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcDay(pub i32);

impl UtcDay {
    /// The day of this time.
    #[must_use]
    pub fn at(time: Timestamp) -> Self {
        let day = time.as_millis().div_euclid(DAY_MS);
        Self(i32::try_from(day).unwrap_or(if day < 0 { i32::MIN } else { i32::MAX }))
    }

    /// Its first moment.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp::from_millis(i64::from(self.0) * DAY_MS)
    }

    /// The day this many days earlier.
    #[must_use]
    pub fn minus(self, days: i32) -> Self {
        Self(self.0.saturating_sub(days))
    }

    /// The number of days since `earlier`; negative if it is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> i32 {
        self.0.saturating_sub(earlier.0)
    }
}

/// What is counted. The stored form has the counts in this order: new ones go to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DailyCount {
    /// Messages from customers.
    Received,
    /// Messages that were sent.
    Sent,
    /// Messages that were delivered.
    Delivered,
    /// Messages that were read.
    Read,
    /// Failures with 131049: the customer gets too many marketing messages.
    PerUserLimit,
    /// Failures with 131050: the customer has stopped marketing messages.
    MarketingStopped,
    /// Failures with 131026: no such customer.
    Undeliverable,
    /// Failures with any other code.
    OtherFailure,
    /// Customers who stopped marketing messages.
    OptOut,
    /// First responses of conversations.
    FirstResponse,
    /// Sum of the seconds that customers waited for first responses. Within business hours, if those are configured.
    FirstResponseSeconds,
    /// Sessions of journeys that started.
    JourneyStarted,
    /// Sessions of journeys that ended without reaching a goal.
    JourneyAbandoned,
}

impl DailyCount {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Received,
        Self::Sent,
        Self::Delivered,
        Self::Read,
        Self::PerUserLimit,
        Self::MarketingStopped,
        Self::Undeliverable,
        Self::OtherFailure,
        Self::OptOut,
        Self::FirstResponse,
        Self::FirstResponseSeconds,
        Self::JourneyStarted,
        Self::JourneyAbandoned,
    ];

    /// The count of a failure with this code.
    #[must_use]
    pub fn from_error(code: ErrorCode) -> Self {
        match code {
            ErrorCode::Number(131_049) => Self::PerUserLimit,
            ErrorCode::Number(131_050) => Self::MarketingStopped,
            ErrorCode::Number(131_026) => Self::Undeliverable,
            ErrorCode::Number(_) | ErrorCode::Other => Self::OtherFailure,
        }
    }
}

/// The counts of one day. They saturate at 2^32 - 1, which only the seconds of an implausible day reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayCounts([u32; DailyCount::ALL.len()]);

impl DayCounts {
    /// One of the counts.
    #[must_use]
    pub fn get(&self, what: DailyCount) -> u64 {
        u64::from(self.0[what as usize])
    }

    fn add(&mut self, what: DailyCount, more: u64) {
        let count = &mut self.0[what as usize];
        *count = count.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
    }

    fn absorb(&mut self, other: &Self) {
        for what in DailyCount::ALL {
            self.add(what, other.get(what));
        }
    }
}

/// The days of a phone number with any activity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DailyActivity(BTreeMap<UtcDay, DayCounts>);

impl DailyActivity {
    /// Counts an event at this time.
    pub fn count(&mut self, at: Timestamp, what: DailyCount) {
        self.add(at, what, 1);
    }

    /// Adds `more` to the day of this time.
    pub fn add(&mut self, at: Timestamp, what: DailyCount, more: u64) {
        self.0.entry(UtcDay::at(at)).or_default().add(what, more);
        self.forget_oldest();
    }

    /// Counts a first response and the time that the customer waited for it.
    pub(super) fn count_first_response(&mut self, at: Timestamp, waited: Duration) {
        self.count(at, DailyCount::FirstResponse);
        self.add(at, DailyCount::FirstResponseSeconds, waited.as_secs());
    }

    /// Adds the days of another account's messages of the same number.
    pub fn absorb(&mut self, other: &Self) {
        for (day, counts) in &other.0 {
            self.0.entry(*day).or_default().absorb(counts);
        }
        self.forget_oldest();
    }

    /// One of the counts of this day; 0 if there was no activity.
    #[must_use]
    pub fn get(&self, day: UtcDay, what: DailyCount) -> u64 {
        self.0.get(&day).map_or(0, |counts| counts.get(what))
    }

    /// The first known day. `None` without any activity.
    #[must_use]
    pub fn first_day(&self) -> Option<UtcDay> {
        self.0.first_key_value().map(|(day, _)| *day)
    }

    /// All days with activity, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (UtcDay, &DayCounts)> {
        self.0.iter().map(|(day, counts)| (*day, counts))
    }

    /// The newest days are kept, whatever the order of arrival: a day that is among the newest at the end was so at any
    /// time before.
    fn forget_oldest(&mut self) {
        while self.0.len() > MAX_DAYS {
            self.0.pop_first();
        }
    }
}

impl Dated for DailyActivity {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.0.keys().for_each(|day| see(day.start().as_millis()));
    }

    fn redate(&mut self, to: &Redating) {
        for (day, counts) in std::mem::take(&mut self.0) {
            let start = Timestamp::from_millis(to.corrected(day.start().as_millis()));
            self.0.entry(UtcDay::at(start)).or_default().absorb(&counts);
        }
    }
}

/// Saved as a list of days, each with its counts up to the last that is not 0.
impl Serialize for DailyActivity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(day, counts)| {
            let used = counts.0.iter().rposition(|count| *count > 0);
            (day.0, &counts.0[..used.map_or(0, |last| last + 1)])
        }))
    }
}

/// Counts that a later version has added are left out.
impl<'de> Deserialize<'de> for DailyActivity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut days = BTreeMap::new();
        for (day, saved) in Vec::<(i32, Vec<u32>)>::deserialize(deserializer)? {
            let mut counts = DayCounts::default();
            for (count, saved) in counts.0.iter_mut().zip(saved) {
                *count = saved;
            }
            days.insert(UtcDay(day), counts);
        }
        let mut activity = Self(days);
        activity.forget_oldest();
        Ok(activity)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(day: i32, seconds: i64) -> Timestamp {
        UtcDay(day)
            .start()
            .plus(Duration::from_secs(seconds.unsigned_abs()))
    }

    #[test]
    fn the_counts_are_in_the_order_of_their_places() {
        for (place, what) in DailyCount::ALL.into_iter().enumerate() {
            assert_eq!(what as usize, place, "{what:?}");
        }
    }

    #[test]
    fn an_event_counts_for_the_day_of_its_own_time() {
        let mut activity = DailyActivity::default();
        activity.count(day(20_000, 0), DailyCount::Sent);
        activity.count(day(20_000, 86_399), DailyCount::Sent);
        activity.count(day(20_001, 0), DailyCount::Sent);
        activity.count(Timestamp::from_millis(-1), DailyCount::Read);
        assert_eq!(activity.get(UtcDay(20_000), DailyCount::Sent), 2);
        assert_eq!(activity.get(UtcDay(20_001), DailyCount::Sent), 1);
        assert_eq!(activity.get(UtcDay(20_002), DailyCount::Sent), 0);
        assert_eq!(activity.first_day(), Some(UtcDay(-1)));
        assert_eq!(
            UtcDay::at(Timestamp::from_millis(i64::MAX)),
            UtcDay(i32::MAX)
        );
        assert_eq!(
            UtcDay::at(Timestamp::from_millis(i64::MIN)),
            UtcDay(i32::MIN)
        );
    }

    #[test]
    fn counts_saturate() {
        let mut activity = DailyActivity::default();
        for _ in 0..2 {
            activity.count_first_response(day(1, 0), Duration::from_secs(u64::MAX));
        }
        let seconds = activity.get(UtcDay(1), DailyCount::FirstResponseSeconds);
        assert_eq!(seconds, u64::from(u32::MAX));
        assert_eq!(activity.get(UtcDay(1), DailyCount::FirstResponse), 2);
    }

    #[test]
    fn stored_days_of_other_versions_are_read() {
        let written = "[[20000,[0,3]],[20001,[]]]";
        let activity: DailyActivity = serde_json::from_str(written).expect("days");
        assert_eq!(activity.get(UtcDay(20_000), DailyCount::Sent), 3);
        assert_eq!(
            serde_json::to_string(&activity).expect("plain data"),
            written
        );
        let later = format!("[[20000,{:?}]]", [7; 40]);
        let activity: DailyActivity = serde_json::from_str(&later).expect("days");
        assert_eq!(
            activity.get(UtcDay(20_000), DailyCount::JourneyAbandoned),
            7
        );
    }

    #[test]
    fn days_ahead_of_the_clock_move_to_the_present() {
        let mut activity = DailyActivity::default();
        activity.count(day(100, 5), DailyCount::Sent);
        activity.count(day(465, 5), DailyCount::Sent);
        activity.count(day(466, 5), DailyCount::Read);
        let start = day(100, 600);
        let redating = Redating::new(&activity, day(100, 900), start);
        activity.redate(&redating);
        let days: Vec<UtcDay> = activity.iter().map(|(day, _)| day).collect();
        assert_eq!(days, [UtcDay(100)]);
        assert_eq!(activity.get(UtcDay(100), DailyCount::Sent), 2);
        assert_eq!(activity.get(UtcDay(100), DailyCount::Read), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Any order of arrival gives the same days, in memory and after a restart at any moment.
        #[test]
        fn order_and_restarts_do_not_matter(
            events in prop::collection::vec((0_i32..80, 0..DailyCount::ALL.len(), 1_u64..9), 0..400),
            restart in 0_usize..400,
            seed: u64,
        ) {
            let mut in_order = DailyActivity::default();
            let mut counted: BTreeMap<i32, u64> = BTreeMap::new();
            for (on, what, more) in &events {
                in_order.add(day(*on, 7), DailyCount::ALL[*what], *more);
                *counted.entry(*on).or_default() += more;
            }
            let newest: Vec<(i32, u64)> = counted.into_iter().rev().take(MAX_DAYS).collect();
            let kept: Vec<(i32, u64)> = in_order.iter().map(|(day, counts)| {
                (day.0, DailyCount::ALL.iter().map(|what| counts.get(*what)).sum())
            }).collect();
            prop_assert_eq!(kept.into_iter().rev().collect::<Vec<_>>(), newest);
            let mut shuffled = events;
            fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
            let mut other = DailyActivity::default();
            for (place, (on, what, more)) in shuffled.iter().enumerate() {
                if place == restart {
                    let stored = serde_json::to_string(&other).expect("plain data");
                    other = serde_json::from_str(&stored).expect("its own text");
                }
                other.add(day(*on, 7), DailyCount::ALL[*what], *more);
            }
            prop_assert_eq!(in_order, other);
        }
    }
}
