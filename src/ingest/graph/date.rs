//! Meta's time, from the header `Date`.

use jiff::fmt::rfc2822;
use reqwest::header::{AGE, DATE, HeaderMap};

use crate::domain::Timestamp;

/// Time at which a response was written. `None` for a cached response, which is older.
pub(super) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    if headers.contains_key(AGE) {
        return None;
    }
    let date = headers.get(DATE)?.to_str().ok()?;
    let date = rfc2822::parse(date).ok()?;
    Some(Timestamp::from_millis(date.timestamp().as_millisecond()))
}
