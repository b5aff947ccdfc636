//! Formats numbers and times for readers.

use super::value::Moment;
use crate::domain::{MessagingLimit, Timestamp};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The units of a countdown, which shows two adjacent ones.
const UNITS: [(u64, &str); 4] = [(DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1, "s")];

/// `1 account`, `2 accounts`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(count as u64))
}

/// How many customers the business may message in 24 hours.
pub(super) fn limit(limit: MessagingLimit) -> String {
    match limit {
        MessagingLimit::Customers(customers) => grouped(customers),
        MessagingLimit::Unlimited => "unlimited".to_owned(),
    }
}

/// `in 6 d 23 h` or `5 s ago`, to the precision a reader needs.
pub(super) fn distance(at: Timestamp, now: Timestamp) -> String {
    if at > now {
        format!("in {}", countdown(at.since(now).as_secs()))
    } else {
        ago(now.since(at).as_secs())
    }
}

/// `12.5 %`, of a share.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1}\u{a0}%", share * 100.0)
}

/// `5 s ago`.
pub(super) fn ago(seconds: u64) -> String {
    format!("{} ago", span(seconds))
}

/// `2026-11-03 17:05`, in UTC; the page names the time zone once.
pub(super) fn minute(at: Moment) -> String {
    let text = at.text();
    text.get(..16)
        .map_or_else(|| text.clone(), |minute| minute.replace('T', " "))
}

/// `6 d 23 h`, with non-breaking spaces, so that no line breaks between number and unit.
pub(super) fn countdown(seconds: u64) -> String {
    let units = UNITS.windows(2);
    let mut larger = units.filter_map(|pair| match pair {
        [(unit, name), smaller] if seconds >= *unit => Some((*unit, *name, *smaller)),
        _ => None,
    });
    let Some((unit, name, (smaller, its_name))) = larger.next() else {
        return format!("{seconds}\u{a0}s");
    };
    let (count, rest) = (seconds / unit, seconds % unit / smaller);
    format!("{count}\u{a0}{name}\u{a0}{rest}\u{a0}{its_name}")
}

/// `21 days`: a duration in one unit.
pub(super) fn span(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..=119 => (seconds, "s"),
        120..=7_199 => (seconds / MINUTE, "min"),
        7_200..=172_799 => (seconds / HOUR, "h"),
        _ => (seconds / DAY, "days"),
    };
    format!("{count}\u{a0}{unit}")
}

/// The number with a comma before every three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_formatted() {
        let now = Timestamp::from_seconds(1_000_000);
        let at = |seconds: i64| {
            let there = Timestamp::from_seconds(1_000_000 + seconds);
            distance(there, now).replace('\u{a0}', " ")
        };
        assert_eq!(at(0), "0 s ago");
        assert_eq!(at(-5), "5 s ago");
        assert_eq!(at(-21 * 86_400), "21 days ago");
        assert_eq!(at(45), "in 45 s");
        assert_eq!(at(150), "in 2 min 30 s");
        assert_eq!(at(10_000), "in 2 h 46 min");
        assert_eq!(at(7 * 86_400 - 30), "in 6 d 23 h");
    }

    #[test]
    fn counts_are_formatted() {
        assert_eq!(counted(1, "account"), "1 account");
        assert_eq!(counted(0, "account"), "0 accounts");
        assert_eq!(limit(MessagingLimit::Customers(250)), "250");
        assert_eq!(limit(MessagingLimit::Customers(1_234_567)), "1,234,567");
        assert_eq!(limit(MessagingLimit::Unlimited), "unlimited");
    }
}
