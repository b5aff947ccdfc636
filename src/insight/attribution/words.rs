//! Figures and times in the sentences of the evidence.

use crate::domain::Timestamp;

const DAY_MS: i64 = 86_400_000;

/// `3 days before the fall`.
pub(super) fn relative(at: Timestamp, fell_at: Timestamp) -> String {
    let apart = fell_at.as_millis().saturating_sub(at.as_millis());
    let days = apart.unsigned_abs() / DAY_MS.unsigned_abs();
    let side = if apart >= 0 { "before" } else { "after" };
    match days {
        0 => format!("less than a day {side} the fall"),
        1 => format!("1 day {side} the fall"),
        days => format!("{days} days {side} the fall"),
    }
}

/// `0.42 %`, `4.2 %`, `42 %`.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let places = if percent >= 10.0 {
        0
    } else if percent >= 1.0 {
        1
    } else {
        2
    };
    format!("{percent:.places$} %")
}

/// `45 s`, `12 min`, `3.5 h`.
pub(super) fn duration(seconds: f64) -> String {
    if seconds < 120.0 {
        format!("{seconds:.0} s")
    } else if seconds < 7_200.0 {
        format!("{:.0} min", seconds / 60.0)
    } else {
        format!("{:.1} h", seconds / 3_600.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        let shown = [0.004_2, 0.042, 0.42, 0.0].map(percent);
        assert_eq!(shown, ["0.42 %", "4.2 %", "42 %", "0.00 %"]);
        let shown = [45.0, 720.0, 12_600.0].map(duration);
        assert_eq!(shown, ["45 s", "12 min", "3.5 h"]);
    }

    #[test]
    fn times_are_relative_to_the_fall() {
        let at = |days: i64| Timestamp::from_seconds(days * 86_400);
        let shown = [0, 1, 3, 12].map(|day| relative(at(day), at(3)));
        let expected = [
            "3 days before the fall",
            "2 days before the fall",
            "less than a day before the fall",
            "9 days after the fall",
        ];
        assert_eq!(shown, expected);
        assert_eq!(relative(at(2), at(3)), "1 day before the fall");
    }
}
