//! Robust statistics of few values: one outlier must not decide.

use std::cmp::Ordering;

/// Factor from the median absolute deviation to the standard deviation of normal noise.
const SIGMA_PER_MAD: f64 = 1.4826;

/// The median. `None` without values.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[middle - 1], upper)
    } else {
        upper
    })
}

/// The spread around the median, as a standard deviation.
pub(super) fn spread(values: &[f64]) -> f64 {
    let Some(middle) = median(values) else {
        return 0.0;
    };
    let distances: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    median(&distances).unwrap_or_default() * SIGMA_PER_MAD
}

/// 0 at `from`, 1 at `to`, and a line between them.
pub(super) fn ramp(value: f64, from: f64, to: f64) -> f64 {
    ((value - from) / (to - from)).clamp(0.0, 1.0)
}

/// `part / whole`; 0 if there is no whole.
pub(super) fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// Orders by strength, and by significance among those with the greatest strength.
pub(super) fn compare(one: [f64; 2], other: [f64; 2]) -> Ordering {
    let (strength, significance) = (one[0].total_cmp(&other[0]), one[1].total_cmp(&other[1]));
    strength.then(significance)
}

/// A count as a number for rates.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of messages are exact in f64 up to 2^53"
)]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_one_odd_value() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
        assert_eq!(median(&[1.0, 900.0, 2.0]), Some(2.0));
        assert!((spread(&[1.0, 2.0, 3.0, 900.0, 2.0]) - SIGMA_PER_MAD).abs() < 1e-9);
        assert!(spread(&[]).abs() < 1e-9);
    }

    #[test]
    fn a_ramp_is_bounded() {
        let values = [-5.0, 2.0, 3.0, 4.0, 99.0].map(|value| ramp(value, 2.0, 4.0));
        assert_eq!(values, [0.0, 0.0, 0.5, 1.0, 1.0]);
        assert_eq!([ratio(1.0, 0.0), ratio(1.0, 4.0)], [0.0, 0.25]);
    }
}
