//! Whether customers stop marketing messages more often than usual, compared with the number's own past.

use std::ops::RangeInclusive;

use crate::domain::Timestamp;
use crate::state::{DailyActivity, DailyCount, UtcDay};

/// Days before today that show the usual rate.
const PAST: i32 = 28;

/// Minimum number of days with messages; with fewer, no rate is usual.
const MIN_DAYS: usize = 7;

/// Number of opt-outs of a day up to which a rise may be chance.
const MIN_OPT_OUTS: u64 = 5;

/// Multiple of the usual rate from which a rise is a surge. Customers of a campaign opt out at up to twice the usual
/// rate without harm.
const MULTIPLE: f64 = 3.0;

/// How far the opt-outs must be above the expected number, in standard deviations of chance.
const SIGNIFICANCE: f64 = 4.0;

/// Parts of the messages of today, yesterday and the day before whose recipients react today.
const REACTIONS: [f64; 3] = [0.6, 0.3, 0.1];

/// More customers than usual who stopped marketing messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptOutSurge {
    /// The day: today, or yesterday while the opt-outs of today are no surge.
    pub day: UtcDay,
    /// Opt-outs of that day.
    pub opt_outs: u64,
    /// The usual number of opt-outs for this number of messages.
    pub usual: u64,
}

/// The surge of today or of yesterday. `None` without a surge, and if there is too little data, so `None` does not mean
/// that customers are content.
#[must_use]
pub fn opt_out_surge(days: &DailyActivity, now: Timestamp) -> Option<OptOutSurge> {
    let today = UtcDay::at(now);
    [today, today.minus(1)]
        .into_iter()
        .find_map(|day| surge_of(days, day, today))
}

fn surge_of(days: &DailyActivity, day: UtcDay, today: UtcDay) -> Option<OptOutSurge> {
    // A surge of yesterday is compared with the days before yesterday, so both days are excluded.
    let past = today.minus(PAST + 1)..=today.minus(2);
    let messages: Vec<f64> = each(&past)
        .map(|day| recipients(days, day))
        .filter(|messages| *messages >= 1.0)
        .collect();
    let opt_outs: u64 = each(&past)
        .map(|day| days.get(day, DailyCount::OptOut))
        .sum();
    if messages.len() < MIN_DAYS {
        return None;
    }
    let usual = float(opt_outs) / messages.iter().sum::<f64>();
    // At least one: a number without opt-outs must not have a surge after a handful.
    let expected = (usual * recipients(days, day)).max(1.0);
    let opt_outs = days.get(day, DailyCount::OptOut);
    let seen = float(opt_outs);
    let is_surge = opt_outs > MIN_OPT_OUTS
        && seen >= MULTIPLE * expected
        && seen >= expected + SIGNIFICANCE * expected.sqrt();
    is_surge.then_some(OptOutSurge {
        day,
        opt_outs,
        usual: whole(expected),
    })
}

/// The messages whose recipients react on a day.
fn recipients(days: &DailyActivity, day: UtcDay) -> f64 {
    let sent = (0..).zip(REACTIONS).map(|(ago, part)| {
        let sent = days.get(day.minus(ago), DailyCount::Sent);
        part * float(sent)
    });
    sent.sum()
}

fn each(days: &RangeInclusive<UtcDay>) -> impl Iterator<Item = UtcDay> {
    (days.start().0..=days.end().0).map(UtcDay)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of messages are exact in f64 up to 2^53"
)]
fn float(count: u64) -> f64 {
    count as f64
}

/// The nearest whole number of a count, which is neither negative nor infinite.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded, at least 1, and no more than the messages of three days"
)]
fn whole(count: f64) -> u64 {
    count.round() as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const TODAY: UtcDay = UtcDay(20_600);

    fn noon(after: i32) -> Timestamp {
        let half_a_day = Duration::from_secs(12 * 3_600);
        TODAY.minus(-after).start().plus(half_a_day)
    }

    /// A number with messages and opt-outs on each of the days before today, and on today.
    fn number(days: i32, usual: (u64, u64), today: (u64, u64)) -> DailyActivity {
        let mut activity = DailyActivity::default();
        for after in -days..=0 {
            let (sent, opt_outs) = if after == 0 { today } else { usual };
            activity.add(noon(after), DailyCount::Sent, sent);
            activity.add(noon(after), DailyCount::OptOut, opt_outs);
        }
        activity
    }

    #[test]
    fn opt_outs_beyond_the_usual_are_a_surge() {
        let surge = |usual, today| opt_out_surge(&number(28, usual, today), noon(0));
        assert_eq!(surge((1_000, 4), (1_000, 5)), None);
        assert_eq!(surge((1_000, 4), (1_000, 11)), None);
        let found = surge((1_000, 4), (1_000, 16)).expect("four times the usual");
        let expected = OptOutSurge {
            day: TODAY,
            opt_outs: 16,
            usual: 4,
        };
        assert_eq!(found, expected);
        // The usual number of opt-outs per message.
        assert_eq!(surge((1_000, 4), (10_000, 28)), None);
        // A few opt-outs after none.
        assert_eq!(surge((1_000, 0), (1_000, 5)), None);
        assert!(surge((1_000, 0), (1_000, 6)).is_some());
    }

    #[test]
    fn without_a_past_there_is_no_surge() {
        let surge = |days| opt_out_surge(&number(days, (1_000, 1), (1_000, 99)), noon(0));
        assert_eq!(surge(0), None);
        assert_eq!(surge(7), None);
        assert!(surge(9).is_some());
        assert_eq!(opt_out_surge(&DailyActivity::default(), noon(0)), None);
        // Without messages, a rate has no meaning.
        assert_eq!(opt_out_surge(&number(28, (0, 1), (0, 99)), noon(0)), None);
    }

    #[test]
    fn a_surge_is_known_until_the_end_of_the_next_day() {
        let activity = number(28, (1_000, 2), (1_000, 40));
        let day = |after| opt_out_surge(&activity, noon(after)).map(|surge| surge.day);
        assert_eq!(day(0), Some(TODAY));
        assert_eq!(day(1), Some(TODAY));
        assert_eq!(day(2), None);
        assert_eq!(day(-1), None, "it is still to come");
    }

    /// Reactions to a campaign of yesterday are no surge on a day without messages.
    #[test]
    fn reactions_of_the_day_after_a_campaign_are_expected() {
        let mut activity = DailyActivity::default();
        for week in 1..=4 {
            for (after, sent, opt_outs) in [(0, 10_000, 30), (1, 0, 15), (2, 0, 5)] {
                let at = noon(after - 1 - 7 * week);
                activity.add(at, DailyCount::Sent, sent);
                activity.add(at, DailyCount::OptOut, opt_outs);
            }
        }
        activity.add(noon(-1), DailyCount::Sent, 10_000);
        activity.add(noon(-1), DailyCount::OptOut, 30);
        activity.add(noon(0), DailyCount::OptOut, 15);
        assert_eq!(opt_out_surge(&activity, noon(0)), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// More opt-outs never end a surge, and more messages never begin one.
        #[test]
        fn a_surge_grows_with_opt_outs_and_shrinks_with_messages(
            usual in (1_u64..5_000, 0_u64..50),
            today in (0_u64..5_000, 0_u64..200),
            more in 0_u64..500,
        ) {
            let is_surge = |today| opt_out_surge(&number(28, usual, today), noon(0)).is_some();
            let (sent, opt_outs) = today;
            if is_surge(today) {
                prop_assert!(is_surge((sent, opt_outs + more)));
            } else {
                prop_assert!(!is_surge((sent + more, opt_outs)));
            }
        }
    }
}
