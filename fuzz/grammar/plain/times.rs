//! Times in all formats that Meta uses, computed without a library.

use whatsapp_business_exporter::domain::Timestamp;

use super::super::super::NOW;

/// The result of reading a time.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Moment {
    Absent,
    At(Timestamp),
    Unsure,
}

/// Times ahead of the clock are not compared, because the limit for them is another rule.
pub(super) fn accepted_time(moment: Moment) -> Moment {
    match moment {
        Moment::At(at) if at > NOW => Moment::Unsure,
        Moment::At(at) if at <= Timestamp::default() => Moment::Absent,
        moment => moment,
    }
}

pub(super) fn moment(text: &str) -> Moment {
    if let Ok(number) = text.parse::<i64>() {
        // The year 5138 in seconds is 1973 in milliseconds.
        let is_millis = number.unsigned_abs() >= 100_000_000_000;
        let at = if is_millis {
            Timestamp::from_millis(number)
        } else {
            Timestamp::from_seconds(number)
        };
        return Moment::At(at);
    }
    let seconds = iso(text).or_else(|| prose(text));
    match seconds {
        Some(seconds) => Moment::At(Timestamp::from_seconds(seconds)),
        None if text.bytes().any(|byte| byte.is_ascii_digit()) => Moment::Unsure,
        None => Moment::Absent,
    }
}

/// `2026-03-16T14:00:00`, and `+0000` or `Z`.
fn iso(text: &str) -> Option<i64> {
    let text = text
        .strip_suffix("+0000")
        .or_else(|| text.strip_suffix('Z'))?;
    let (day, time) = text.split_once('T')?;
    let numbers = |text: &str, mark| {
        text.split(mark)
            .map(|part| part.parse().ok())
            .collect::<Option<Vec<i64>>>()
    };
    let (day, time) = (numbers(day, '-')?, numbers(time, ':')?);
    let ([year, month, day], [hour, minute, second]) = (day.as_slice(), time.as_slice()) else {
        return None;
    };
    Some(days(*year, *month, *day) * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// `March 17, 2026`.
pub(super) fn prose(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let (month, rest) = text.split_once(' ')?;
    let (day, year) = rest.split_once(", ")?;
    let month = MONTHS.iter().position(|name| *name == month)?;
    let month = i64::try_from(month + 1).ok()?;
    Some(days(year.parse().ok()?, month, day.parse().ok()?) * 86_400)
}

/// Days since 1970-01-01, counted year by year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let is_leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let lengths = |year| {
        [
            31,
            if is_leap(year) { 29 } else { 28 },
            31,
            30,
            31,
            30,
            31,
            31,
            30,
            31,
            30,
            31,
        ]
    };
    let years: i64 = (1970..year)
        .map(|year| if is_leap(year) { 366 } else { 365 })
        .sum();
    let months: i64 = lengths(year)
        .iter()
        .take(usize::try_from(month - 1).unwrap_or(0))
        .sum();
    years + months + day - 1
}
