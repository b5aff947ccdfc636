//! The value of a sample, and its text.

use std::fmt::Write as _;

use crate::domain::Timestamp;

/// A sample's value.
#[derive(Clone, Copy, Debug)]
pub enum SampleValue {
    /// A whole number.
    Whole(u64),
    /// 1 or 0.
    Flag(bool),
    /// Unix seconds, with milliseconds if they are not 0.
    Time(Timestamp),
    /// Anything else.
    Float(f64),
}

/// Appends the text of a value.
pub(super) fn push_value(text: &mut String, value: SampleValue) {
    match value {
        SampleValue::Whole(whole) => text.push_str(itoa::Buffer::new().format(whole)),
        SampleValue::Flag(flag) => text.push(if flag { '1' } else { '0' }),
        SampleValue::Time(time) => push_time(text, time),
        SampleValue::Float(float) => push_float(text, float),
    }
}

/// Appends a time as Unix seconds.
pub(super) fn push_time(text: &mut String, time: Timestamp) {
    let millis = time.as_millis();
    if millis < 0 || millis % 1000 == 0 {
        text.push_str(itoa::Buffer::new().format(millis.div_euclid(1000)));
    } else {
        let _infallible = write!(text, "{}.{:03}", millis / 1000, millis % 1000);
    }
}

fn push_float(text: &mut String, float: f64) {
    if float.is_infinite() {
        text.push_str(if float > 0.0 { "+Inf" } else { "-Inf" });
    } else if float.is_nan() {
        text.push_str("NaN");
    } else {
        let _infallible = write!(text, "{float}");
    }
}
