//! Shares of a whole in settings: `2.5%` or `0.025`.

use std::ops::RangeInclusive;

use super::error::quoted;
use crate::domain::experiment::Share;

/// Parses a share in percent (`2.5%`) or as a fraction (`0.025`), within a range of parts per million.
pub(super) fn share(text: &str, range: &RangeInclusive<u32>) -> Result<Share, String> {
    let parsed = match text.strip_suffix('%') {
        Some(percent) => decimal(percent, 4),
        None => decimal(text, 6),
    };
    let share = parsed.and_then(Share::from_millionths);
    let share = share.ok_or_else(|| {
        let text = quoted(text);
        format!("{text} is not a share; write it in percent, such as 5%, with at most 4 decimals")
    })?;
    if range.contains(&share.millionths()) {
        return Ok(share);
    }
    let [least, most] = [range.start(), range.end()].map(|parts| {
        let share = Share::from_millionths(*parts);
        share.map(|share| share.to_string()).unwrap_or_default()
    });
    Err(format!(
        "{} is out of range; give {least} to {most}",
        quoted(text)
    ))
}

/// A decimal number in units of its last possible place.
fn decimal(text: &str, places: usize) -> Option<u32> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|one| one.is_ascii_digit());
    if !digits(whole) || !digits(rest) || rest.len() > places {
        return None;
    }
    format!("{whole}{rest:0<places$}").parse().ok()
}
