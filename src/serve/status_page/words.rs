//! Numbers and moments in a reader's words.

use crate::domain::{MessagingLimit, Timestamp};

/// `1 account`, `2 accounts`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(count as u64))
}

/// How many customers may be written to in 24 hours.
pub(super) fn limit(limit: MessagingLimit) -> String {
    match limit {
        MessagingLimit::Customers(customers) => grouped(customers),
        MessagingLimit::Unlimited => "unlimited".to_owned(),
    }
}

/// `in 3 h` or `5 s ago`, to the precision a reader needs.
pub(super) fn distance(at: Timestamp, now: Timestamp) -> String {
    if at > now {
        format!("in {}", span(at.since(now).as_secs()))
    } else {
        format!("{} ago", span(now.since(at).as_secs()))
    }
}

/// The space inside does not break, so that a line never ends between number and unit.
fn span(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..=119 => (seconds, "s"),
        120..=7_199 => (seconds / 60, "min"),
        7_200..=172_799 => (seconds / 3_600, "h"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{count}\u{a0}{unit}")
}

/// With a comma before every three digits.
fn grouped(number: u64) -> String {
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
    fn distances_read_well() {
        let now = Timestamp::from_seconds(1_000_000);
        let at = |seconds: i64| distance(Timestamp::from_seconds(1_000_000 + seconds), now);
        assert_eq!(at(0), "0\u{a0}s ago");
        assert_eq!(at(-5), "5\u{a0}s ago");
        assert_eq!(at(150), "in 2\u{a0}min");
        assert_eq!(at(10_000), "in 2\u{a0}h");
        assert_eq!(at(7 * 86_400 - 30), "in 6\u{a0}days");
    }

    #[test]
    fn counts_read_well() {
        assert_eq!(counted(1, "account"), "1 account");
        assert_eq!(counted(0, "account"), "0 accounts");
        assert_eq!(limit(MessagingLimit::Customers(250)), "250");
        assert_eq!(limit(MessagingLimit::Customers(1_234_567)), "1,234,567");
        assert_eq!(limit(MessagingLimit::Unlimited), "unlimited");
    }
}
