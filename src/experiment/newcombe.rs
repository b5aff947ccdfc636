//! Bounds of the difference of two rates: R. G. Newcombe (1998), "Interval estimation for the difference between
//! independent proportions: comparison of eleven methods", Statistics in Medicine 17:873-890, method 10 (hybrid score
//! without continuity correction).
//!
//! The interval is valid for one look at the end. The interval of [`super::sequential`] is valid for a look every day.

use super::arm::Arm;
use super::interval::Interval;
use super::wilson;

/// The difference of the variant's rate minus the control's, with its bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// The observed difference.
    pub estimate: f64,
    /// Newcombe's hybrid score interval.
    pub bounds: Interval,
}

/// The observed difference. `None` while one of the two has no users. `z` is the normal quantile of the confidence
/// level.
pub(super) fn difference(control: Arm, variant: Arm, z: f64) -> Option<Difference> {
    let (before, after) = (control.rate()?, variant.rate()?);
    let estimate = after - before;
    let (of_control, of_variant) = (wilson::interval(control, z), wilson::interval(variant, z));
    let below = (after - of_variant.lower).hypot(of_control.upper - before);
    let above = (of_variant.upper - after).hypot(before - of_control.lower);
    Some(Difference {
        estimate,
        bounds: Interval {
            lower: (estimate - below).max(-1.0),
            upper: (estimate + above).min(1.0),
        },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const Z95: f64 = 1.959_963_984_540_054;

    /// Table II of the paper, method 10, rows (a) to (h), with more digits, which an independent program confirms.
    #[test]
    fn the_published_examples() {
        let examples = [
            ((70, 56), (80, 48), 0.052_431, 0.333_873),
            ((10, 9), (10, 3), 0.170_523, 0.809_018),
            ((7, 6), (7, 2), 0.058_228, 0.806_250),
            ((56, 5), (29, 0), -0.038_137, 0.192_560),
            ((10, 0), (20, 0), -0.161_125, 0.277_533),
            ((10, 0), (10, 0), -0.277_533, 0.277_533),
            ((10, 10), (20, 0), 0.679_086, 1.0),
            ((10, 10), (10, 0), 0.607_509, 1.0),
        ];
        for ((users, successes), (other_users, other_successes), lower, upper) in examples {
            let first = Arm::new(users, successes).expect("an arm");
            let second = Arm::new(other_users, other_successes).expect("an arm");
            // The paper subtracts the second from the first.
            let difference = difference(second, first, Z95).expect("users in both");
            let bounds = difference.bounds;
            assert!((bounds.lower - lower).abs() < 1e-6, "{difference:?}");
            assert!((bounds.upper - upper).abs() < 1e-6, "{difference:?}");
        }
    }

    fn arms() -> impl Strategy<Value = Arm> {
        (any::<u64>(), any::<u64>()).prop_map(|(one, other)| {
            Arm::new(one.max(other), one.min(other)).expect("no more successes than users")
        })
    }

    proptest! {
        /// Swapping the two variants changes all signs and no amounts.
        #[test]
        fn swapping_changes_the_sign(control in arms(), variant in arms(), z in 0.1..8.0_f64) {
            let one = difference(control, variant, z);
            let other = difference(variant, control, z);
            prop_assert_eq!(one.is_some(), control.users() > 0 && variant.users() > 0);
            if let (Some(one), Some(other)) = (one, other) {
                prop_assert!((one.bounds.lower + other.bounds.upper).abs() < 1e-12);
                prop_assert!((one.bounds.upper + other.bounds.lower).abs() < 1e-12);
                prop_assert!(one.bounds.contains(one.estimate));
                prop_assert!(one.bounds.lower >= -1.0 && one.bounds.upper <= 1.0);
            }
        }
    }
}
