//! Bounds of a rate: E. B. Wilson (1927), "Probable inference, the law of succession, and statistical inference",
//! Journal of the American Statistical Association 22:209-212. <https://doi.org/10.2307/2276774>
//!
//! Unlike the textbook interval, it stays between 0 and 1, and its width is above 0 if no user or every user succeeds.

use super::arm::{Arm, float};
use super::interval::Interval;

/// Wilson's interval of a rate. `z` is the normal quantile of the confidence level. Without users, every rate is
/// possible.
pub(super) fn interval(arm: Arm, z: f64) -> Interval {
    let Some(rate) = arm.rate() else {
        return Interval::ALL_RATES;
    };
    let users = float(arm.users());
    let square = z * z;
    let centre = (rate + square / (2.0 * users)) / (1.0 + square / users);
    let spread = (rate * (1.0 - rate) / users + square / (4.0 * users * users)).sqrt();
    let radius = z * spread / (1.0 + square / users);
    let interval = Interval::around(centre, radius, Interval::ALL_RATES);
    // A bound that is mathematically equal to the rate must not exclude it because of rounding.
    Interval {
        lower: interval.lower.min(rate),
        upper: interval.upper.max(rate),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const Z95: f64 = 1.959_963_984_540_054;

    /// Newcombe (1998), "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17:857-872,
    /// table I, method 3; with more digits.
    #[test]
    fn the_published_examples() {
        let examples = [
            (263, 81, 0.255_289, 0.366_210),
            (148, 15, 0.062_386, 0.160_487),
            (20, 0, 0.0, 0.161_125),
            (29, 1, 0.006_113, 0.171_755),
            (10, 10, 0.722_467, 1.0),
        ];
        for (users, successes, lower, upper) in examples {
            let arm = Arm::new(users, successes).expect("an arm");
            let interval = interval(arm, Z95);
            assert!((interval.lower - lower).abs() < 1e-6, "{interval:?}");
            assert!((interval.upper - upper).abs() < 1e-6, "{interval:?}");
        }
    }

    proptest! {
        /// Whatever the counts, the bounds are rates in order, and contain the observed rate.
        #[test]
        fn the_bounds_contain_the_rate(users in any::<u64>(), part in 0.0..=1.0_f64, z in 0.1..8.0_f64) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of the users")]
            let successes = ((float(users) * part) as u64).min(users);
            let arm = Arm::new(users, successes).expect("an arm");
            let interval = interval(arm, z);
            prop_assert!(interval.lower >= 0.0 && interval.upper <= 1.0);
            prop_assert!(arm.rate().is_none_or(|rate| interval.contains(rate)));
        }
    }
}
