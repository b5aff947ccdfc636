//! Parses scalars as Prometheus and Alertmanager do.

/// Units of Prometheus' durations, largest first, in milliseconds.
const DURATION_UNITS: [(&str, u64); 7] = [
    ("y", 365 * DAY),
    ("w", 7 * DAY),
    ("d", DAY),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Milliseconds in a day.
const DAY: u64 = 86_400_000;

/// Maximum duration that Prometheus accepts: it counts nanoseconds in 64 bits.
const MAX_DURATION: u64 = i64::MAX.unsigned_abs() / 1_000_000;

/// Milliseconds of a duration in Prometheus' format: numbers with units, larger units first, each at most once; or `0`.
pub(super) fn duration(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let (mut rest, mut total, mut units) = (text, 0_u64, DURATION_UNITS.iter());
    while !rest.is_empty() {
        let digits = rest.find(|next: char| !next.is_ascii_digit());
        let digits = digits.unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let name = after.split(|next: char| next.is_ascii_digit()).next();
        let factor = units.find_map(|(unit, factor)| (Some(*unit) == name).then_some(*factor));
        let part = number.parse().ok().zip(factor);
        let part = part.and_then(|(number, factor): (u64, u64)| number.checked_mul(factor));
        total = part.and_then(|part| total.checked_add(part))?;
        rest = &after[name.unwrap_or_default().len()..];
    }
    (!text.is_empty() && total <= MAX_DURATION).then_some(total)
}

/// Range and step of a subquery. The step is required, because the default step is Prometheus' evaluation interval.
pub(super) fn is_subquery(text: &str) -> bool {
    let (range, step) = text.split_once(':').unwrap_or_default();
    match (duration(range), duration(step)) {
        (Some(range), Some(step)) => 0 < step && step < range,
        _ => false,
    }
}

/// A decimal number of PromQL. Rust would also parse `inf` and `nan`.
pub(super) fn is_number(text: &str) -> bool {
    let is_plain = |next: char| next.is_ascii_digit() || ".-+eE".contains(next);
    text.chars().all(is_plain) && text.parse().is_ok_and(f64::is_finite)
}

/// `HH:MM`, up to `24:00`, which is the end of a day in Alertmanager.
pub(super) fn is_time(text: &str) -> bool {
    let two_digits = |part: &str| -> Option<u32> {
        let is_written_so = part.len() == 2 && part.chars().all(|next| next.is_ascii_digit());
        is_written_so.then(|| part.parse().ok()).flatten()
    };
    let (hour, minute) = text.split_once(':').unwrap_or_default();
    match (two_digits(hour), two_digits(minute)) {
        (Some(hour), Some(minute)) => minute < 60 && hour * 60 + minute <= 24 * 60,
        _ => false,
    }
}

pub(super) fn is_url(text: &str) -> bool {
    let schemes = ["http://", "https://"];
    let host = schemes.iter().find_map(|scheme| text.strip_prefix(scheme));
    host.is_some_and(|host| !host.is_empty() && !host.contains([' ', '"', '#']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_prometheus() {
        for good in ["0", "0s", "30s", "1h30m", "1y2w3d4h5m6s7ms", "90m", "292y"] {
            assert!(duration(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "5",
            "m",
            "5 m",
            "5min",
            "30m1h",
            "1h1h",
            "1.5h",
            "-5m",
            "1h30",
            "293y",
            "5µs",
            "99999999999999999999s",
            "99999999999999999y",
        ] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn numbers_times_and_addresses_are_what_they_are_elsewhere() {
        for (good, bad) in [
            ("-0.5", "inf"),
            ("1e5", "nan"),
            (".5", "1_000"),
            ("14", "14 * 86400"),
        ] {
            assert!(is_number(good) && !is_number(bad), "{good} {bad}");
        }
        for (good, bad) in [("00:00", "8:00"), ("24:00", "24:01"), ("23:59", "12:60")] {
            assert!(is_time(good) && !is_time(bad), "{good} {bad}");
        }
        for (good, bad) in [
            ("http://localhost:3000", "localhost:3000"),
            ("https://example.com/a?b=c%20d", "https://"),
            ("https://example.com", "https://example.com/#a"),
        ] {
            assert!(is_url(good) && !is_url(bad), "{good} {bad}");
        }
    }
}
