//! Business hours, and the duration of a period that lies within them.

use std::fmt;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};

use super::Timestamp;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

const MINUTES_OF_A_DAY: i64 = 24 * 60;

/// Maximum number of days between two times; longer waits are not measured.
const MAX_DAYS: usize = 400;

/// Weekly hours in a time zone, including its clock changes.
#[derive(Clone, PartialEq, Eq)]
pub struct BusinessHours {
    zone: TimeZone,
    /// For each day, Monday first: start and end in minutes of the day, sorted and disjoint.
    days: [Vec<(i64, i64)>; 7],
}

/// The part that cannot be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misread {
    /// The days and hours.
    Schedule,
    /// The name of the time zone.
    Zone,
}

impl fmt::Debug for BusinessHours {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zone = self.zone.iana_name().unwrap_or("a time zone");
        write!(out, "BusinessHours({zone}, {:?})", self.days)
    }
}

impl BusinessHours {
    /// Parses a schedule such as `Mon-Fri 09:00-18:00, Sat 10:00-14:00` and a time zone such as `Europe/Berlin`.
    ///
    /// # Errors
    /// The part that cannot be parsed.
    pub fn parse(schedule: &str, zone: &str) -> Result<Self, Misread> {
        let zone = TimeZone::get(zone).map_err(|_| Misread::Zone)?;
        let mut days: [Vec<(i64, i64)>; 7] = Default::default();
        for part in schedule.split(',').map(str::trim) {
            let read = days_and_hours(part).filter(|(_, (from, to))| from < to);
            let (these, hours) = read.ok_or(Misread::Schedule)?;
            for day in these {
                days[day].push(hours);
            }
        }
        days.iter_mut().for_each(merge);
        Ok(Self { zone, days })
    }

    /// The duration between two times that lies within business hours.
    #[must_use]
    pub fn between(&self, from: Timestamp, to: Timestamp) -> Duration {
        let (from, to) = (from.as_millis(), to.as_millis());
        let Ok(begins) = jiff::Timestamp::from_millisecond(from) else {
            return Duration::ZERO;
        };
        let first = begins.to_zoned(self.zone.clone()).date();
        let days = first.series(1.day()).take(MAX_DAYS);
        let hours = days.flat_map(|day| self.opening_times(day));
        let within = hours.take_while(|(opens, _)| *opens < to);
        let open: i64 = within
            .map(|(opens, closes)| (closes.min(to) - opens.max(from)).max(0))
            .sum();
        Duration::from_millis(u64::try_from(open).unwrap_or(0))
    }

    /// The hours of a day, as start and end in Unix milliseconds.
    fn opening_times(&self, day: Date) -> impl Iterator<Item = (i64, i64)> {
        let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0);
        let hours = self.days[weekday].iter();
        hours.filter_map(move |(from, to)| Some((self.at(day, *from)?, self.at(day, *to)?)))
    }

    /// Unix milliseconds of a minute of the day. A minute that the clock skips in spring is moved by the length of
    /// the skip.
    fn at(&self, day: Date, minutes: i64) -> Option<i64> {
        let midnight = day.at(0, 0, 0, 0);
        let local = midnight.checked_add(Span::new().minutes(minutes)).ok()?;
        let zoned = local.to_zoned(self.zone.clone()).ok()?;
        Some(zoned.timestamp().as_millisecond())
    }
}

/// The days, Monday being 0, and the start and end in minutes.
fn days_and_hours(text: &str) -> Option<(Vec<usize>, (i64, i64))> {
    let (days, hours) = text.split_once(char::is_whitespace)?;
    let (first, last) = days.split_once('-').unwrap_or((days, days));
    let (first, last) = (day(first)?, day(last)?);
    // Fri-Mon spans the weekend.
    let count = (last + 7 - first) % 7 + 1;
    let days = (first..first + count).map(|day| day % 7).collect();
    let (from, to) = hours.trim().split_once('-')?;
    Some((days, (minutes(from)?, minutes(to)?)))
}

fn day(text: &str) -> Option<usize> {
    DAYS.iter()
        .position(|day| day.eq_ignore_ascii_case(text.trim()))
}

/// Minutes of the day. `24:00` is the end of the day.
fn minutes(text: &str) -> Option<i64> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let number = |text: &str, most: i64| {
        let fits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = fits.then(|| text.parse::<i64>().ok()).flatten()?;
        (number <= most).then_some(number)
    };
    let all = number(hours, 24)? * 60 + number(minutes, 59)?;
    (all <= MINUTES_OF_A_DAY).then_some(all)
}

/// Sorts the hours, and merges those that touch or overlap.
fn merge(hours: &mut Vec<(i64, i64)>) {
    hours.sort_unstable();
    hours.dedup_by(|next, before| {
        let touches = next.0 <= before.1;
        if touches {
            before.1 = before.1.max(next.1);
        }
        touches
    });
}

#[cfg(test)]
mod tests {
    use jiff::civil::Weekday;
    use proptest::prelude::*;

    use super::*;

    const SHOP: &str = "Mon-Fri 09:00-18:00, Sat 10:00-14:00";

    fn berlin(schedule: &str) -> BusinessHours {
        BusinessHours::parse(schedule, "Europe/Berlin").expect("good hours")
    }

    fn at(text: &str) -> Timestamp {
        let moment: jiff::Timestamp = text.parse().expect("a moment");
        Timestamp::from_millis(moment.as_millisecond())
    }

    fn hours_between(hours: &BusinessHours, from: &str, to: &str) -> f64 {
        hours.between(at(from), at(to)).as_secs_f64() / 3600.0
    }

    #[test]
    fn nights_and_weekends_do_not_count() {
        let shop = berlin(SHOP);
        // From a Friday evening to Monday morning in winter, when Berlin is an hour ahead of UTC.
        let (friday, monday) = ("2026-01-16T16:30:00Z", "2026-01-19T08:15:00Z");
        assert_eq!(hours_between(&shop, friday, monday), 0.5 + 4.0 + 0.25);
        assert_eq!(
            hours_between(&shop, "2026-01-17T20:00:00Z", "2026-01-18T20:00:00Z"),
            0.0
        );
        assert_eq!(hours_between(&shop, monday, friday), 0.0, "backwards");
    }

    #[test]
    fn hours_follow_clock_changes() {
        // Nights of 23 and of 25 hours, and hours that start an hour earlier in UTC.
        let always = berlin("Mon-Sun 00:00-24:00");
        assert_eq!(
            hours_between(&always, "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            23.0
        );
        assert_eq!(
            hours_between(&always, "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            25.0
        );
        let shop = berlin(SHOP);
        assert_eq!(
            hours_between(&shop, "2026-03-27T08:00:00Z", "2026-03-27T09:00:00Z"),
            1.0
        );
        assert_eq!(
            hours_between(&shop, "2026-03-30T06:30:00Z", "2026-03-30T07:30:00Z"),
            0.5
        );
        // There is no 02:30 on this day, so these hours start at 03:30.
        let night = berlin("Sun 02:30-04:00");
        assert_eq!(
            hours_between(&night, "2026-03-29T00:00:00Z", "2026-03-29T04:00:00Z"),
            0.5
        );
    }

    #[test]
    fn hours_are_read_in_any_order_and_over_the_weekend() {
        let apart = berlin("Mon 13:00-18:00, Mon 09:00-12:00, Mon 11:00-12:30");
        assert_eq!(apart.days[0], [(540, 750), (780, 1080)]);
        let weekend = berlin("fri-mon 20:00-24:00");
        let open = weekend.days.iter().map(|hours| !hours.is_empty());
        assert_eq!(
            open.collect::<Vec<_>>(),
            [true, false, false, false, true, true, true]
        );
    }

    #[test]
    fn the_invalid_part_is_reported() {
        for bad in [
            "",
            "Mon",
            "Mon 9-18",
            "Mon 18:00-09:00",
            "Mo 09:00-18:00",
            "Mon 09:00-24:01",
            "Mon-Fri 09:00-18:60",
        ] {
            assert_eq!(
                BusinessHours::parse(bad, "UTC"),
                Err(Misread::Schedule),
                "{bad}"
            );
        }
        let nowhere = BusinessHours::parse(SHOP, "Europe/Atlantis");
        assert_eq!(nowhere, Err(Misread::Zone));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Parts add up to the whole, never exceed the elapsed time, and agree with a count minute by minute.
        #[test]
        fn parts_add_up_to_the_whole(start in 0_i64..525_600, first in 0_i64..4_000, second in 0_i64..4_000) {
            let shop = berlin(SHOP);
            let minute = |minutes: i64| Timestamp::from_seconds(1_767_225_600 + minutes * 60);
            let (a, b, c) = (minute(start), minute(start + first), minute(start + first + second));
            let whole = shop.between(a, c);
            prop_assert_eq!(whole, shop.between(a, b) + shop.between(b, c));
            prop_assert!(whole <= c.since(a));
            let is_open = |at: Timestamp| {
                let moment = jiff::Timestamp::from_millisecond(at.as_millis()).expect("a moment");
                let local = moment.to_zoned(TimeZone::get("Europe/Berlin").expect("a zone"));
                let minutes = i64::from(local.hour()) * 60 + i64::from(local.minute());
                match local.weekday() {
                    Weekday::Sunday => false,
                    Weekday::Saturday => (600..840).contains(&minutes),
                    _ => (540..1080).contains(&minutes),
                }
            };
            let open = (0..first).filter(|offset| is_open(minute(start + offset))).count();
            prop_assert_eq!(shop.between(a, b), Duration::from_secs(open as u64 * 60));
        }
    }
}
