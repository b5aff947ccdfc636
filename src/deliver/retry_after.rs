//! `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use crate::clock;
use crate::domain::Timestamp;

/// Longest wait that is honoured: a receiver's mistake must not stop deliveries for hours.
const LONGEST: Duration = Duration::from_secs(300);

/// How long the receiver asks to wait. A date is compared with the response's own `Date`, because the clocks of two
/// machines differ.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(LONGEST.min(Duration::from_secs(seconds)));
    }
    let date = headers.get(DATE).and_then(|date| date.to_str().ok());
    let now = date.and_then(moment).unwrap_or_else(clock::now);
    Some(LONGEST.min(moment(text)?.since(now)))
}

fn moment(text: &str) -> Option<Timestamp> {
    let moment = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text);
    Some(Timestamp::from_millis(moment.ok()?.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_seconds_and_dates_are_parsed() {
        let date = Some("Wed, 25 Nov 2026 10:00:00 GMT");
        for (text, date, expected) in [
            ("120", None, Some(120)),
            (" 0 ", None, Some(0)),
            ("Wed, 25 Nov 2026 10:01:30 GMT", date, Some(90)),
            ("Wed, 25 Nov 2026 09:00:00 GMT", date, Some(0)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", None, Some(0)),
            ("301", None, Some(300)),
            ("Thu, 26 Nov 2026 10:00:00 GMT", date, Some(300)),
            ("-1", None, None),
            ("soon", None, None),
            ("", None, None),
            ("99999999999999999999999", None, None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().expect("a header"));
            if let Some(date) = date {
                headers.insert(DATE, date.parse().expect("a header"));
            }
            let expected = expected.map(Duration::from_secs);
            assert_eq!(retry_after(&headers), expected, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
