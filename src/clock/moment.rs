//! Formats and parses times for users.

use jiff::Timestamp as Calendar;

use crate::domain::Timestamp;

/// Parses a time: `2026-11-01T00:00:00Z`, Unix seconds, an age (`30d`, `1h 30m`), or `now`.
///
/// # Errors
/// The end of an error message, with the valid forms.
pub fn moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let text = text.trim();
    if text == "now" {
        return Ok(now);
    }
    if let Ok(seconds) = text.parse::<f64>() {
        return from_seconds(seconds).ok_or_else(|| format!("{text:?} is out of range"));
    }
    if let Ok(moment) = text.parse::<Calendar>() {
        return Ok(Timestamp::from_millis(moment.as_millisecond()));
    }
    let ago = humantime::parse_duration(text).map_err(|_| {
        format!(
            "{text:?} is not a time; write it like 2026-11-01T00:00:00Z, as Unix seconds, or as an age such as 30d"
        )
    })?;
    let ago = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
    Ok(Timestamp::from_millis(now.as_millis().saturating_sub(ago)))
}

/// Parses Unix seconds, with a fraction down to milliseconds, within the years of the calendar.
#[expect(
    clippy::cast_possible_truncation,
    reason = "checked to be a moment of the calendar"
)]
fn from_seconds(seconds: f64) -> Option<Timestamp> {
    let (first, last) = (Calendar::MIN.as_second(), Calendar::MAX.as_second());
    let within = seconds.is_finite() && (first as f64..=last as f64).contains(&seconds);
    within.then(|| Timestamp::from_millis((seconds * 1000.0).round() as i64))
}

/// The time as `2026-11-01T00:00:00Z`; Unix seconds if it is outside the calendar.
#[must_use]
pub fn calendar(moment: Timestamp) -> String {
    match Calendar::from_millisecond(moment.as_millis()) {
        Ok(calendar) => calendar.to_string(),
        Err(_) => moment.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_format_is_parsed() {
        let now = Timestamp::from_seconds(1_775_000_000);
        for (text, seconds) in [
            ("now", 1_775_000_000),
            ("1774000000", 1_774_000_000),
            ("2026-03-20T09:46:40Z", 1_774_000_000),
            ("2026-03-20T11:46:40+02:00", 1_774_000_000),
            ("1d", 1_774_913_600),
            ("1h 30m", 1_774_994_600),
        ] {
            assert_eq!(
                moment(text, now),
                Ok(Timestamp::from_seconds(seconds)),
                "{text}"
            );
        }
        for bad in ["", "yesterday", "2026-03-20", "NaN", "inf", "1e300", "-5d"] {
            assert!(moment(bad, now).is_err(), "{bad:?}");
        }
        assert_eq!(
            calendar(Timestamp::from_seconds(1_774_000_000)),
            "2026-03-20T09:46:40Z"
        );
    }
}
