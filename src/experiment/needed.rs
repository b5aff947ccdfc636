//! How many users the sequential test needs to reach its power.
//!
//! A tangent of the concave boundary lies above it, so the test crosses the boundary at least as often as the tangent.
//! The probability that a Brownian motion with drift crosses a line by some time is known (D. Siegmund (1985),
//! "Sequential Analysis", equation 3.15). The best tangent gives a lower bound of the power that is close to the real
//! power. With one look a day, the motion is observed only then: on average, this has the same effect as a boundary
//! that is higher by 0.583 standard deviations of the change between two looks (Siegmund (1985), chapter X).

use statrs::distribution::{ContinuousCDF, Normal};

use super::arm::float;
use super::sequential::{Boundary, MIN_USERS, Sample, information};

/// Number of looks of equal size until the needed users have come. More looks increase the power, fewer decrease it.
const LOOKS: f64 = 20.0;

/// Effective rise of the boundary due to discrete looks, in standard deviations of the change between two looks.
const OVERSHOOT: f64 = 0.583;

/// Times at which tangents touch the boundary, as parts of the time by which the test must have crossed it.
const TANGENTS: [f64; 9] = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// Number of halvings of an interval whose upper end is at most twice the result. The result is then exact to one part
/// in a trillion.
const HALVINGS: usize = 40;

/// The time of the test by which it has found the smallest effect with this power.
pub(super) fn time(boundary: Boundary, power: f64) -> f64 {
    least(1.0, |time| power_by(boundary, time) >= power)
}

/// A lower bound of the probability that the smallest effect is found by a time.
fn power_by(boundary: Boundary, time: f64) -> f64 {
    let raise = OVERSHOOT * (time / LOOKS).sqrt();
    let powers = TANGENTS.map(|part| {
        let touch = part * time;
        let slope = boundary.slope(touch);
        let intercept = boundary.height(touch) - slope * touch;
        probability_to_cross(intercept + raise, slope, time)
    });
    powers.into_iter().fold(0.0, f64::max)
}

/// The probability that a Brownian motion with drift 1 crosses the line `intercept + slope * t` by a time.
fn probability_to_cross(intercept: f64, slope: f64, time: f64) -> f64 {
    let normal = Normal::standard();
    let drift = 1.0 - slope;
    let root = time.sqrt();
    let at_the_end = normal.sf((intercept - drift * time) / root);
    let before = (2.0 * drift * intercept).exp() * normal.sf((intercept + drift * time) / root);
    at_the_end + before
}

/// Numbers of users of the control and of the variant, in these parts of all users, with which the test reaches
/// `needed_time`: the larger numbers of those for a variant above and for one below the control by the smallest effect.
pub(super) fn users(
    parts: [f64; 2],
    control_rate: f64,
    smallest_effect: f64,
    needed_time: f64,
) -> [f64; 2] {
    let needed = needed_time / (smallest_effect * smallest_effect);
    let [above, below] = [smallest_effect, -smallest_effect].map(|effect| {
        let variant_rate = (control_rate + effect).clamp(0.0, 1.0);
        let expected = |users: f64, rate: f64| Sample {
            users,
            successes: users * rate,
        };
        least(needed, |users| {
            let control = expected(users * parts[0], control_rate);
            let variant = expected(users * parts[1], variant_rate);
            information(control, variant) >= needed
        })
    });
    parts.map(|part| (part * above.max(below)).ceil().max(float(MIN_USERS)))
}

/// The smallest number that is enough, if all numbers above it are enough. The search begins at `unit`.
fn least(unit: f64, is_enough: impl Fn(f64) -> bool) -> f64 {
    let mut most = unit;
    // The limit ends the search if no number is enough.
    while !is_enough(most) && most < 1e18 {
        most *= 2.0;
    }
    let mut enough = most;
    let mut too_little = 0.0;
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(too_little, enough);
        if is_enough(middle) {
            enough = middle;
        } else {
            too_little = middle;
        }
    }
    enough
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Siegmund (1985), section III.3: without drift over all time, `exp(-2ab)`; with a slope of 0, twice the tail.
    #[test]
    fn the_probability_to_cross_a_line() {
        let without_end = probability_to_cross(2.0, 1.5, 1e9);
        assert!((without_end - (-2.0_f64).exp()).abs() < 1e-9);
        let without_drift = probability_to_cross(1.959_964, 1.0, 1.0);
        assert!((without_drift - 0.05).abs() < 1e-6, "{without_drift}");
    }

    #[test]
    fn more_power_and_more_significance_need_more_users() {
        let time_of = |significance, power| time(Boundary::new(significance), power);
        assert!(time_of(0.05, 0.9) > time_of(0.05, 0.8));
        assert!(time_of(0.01, 0.8) > time_of(0.05, 0.8));
        // A test at one look needs the square of the sum of two quantiles.
        let at_one_look = (1.959_964_f64 + 0.841_621).powi(2);
        let ratio = time_of(0.05, 0.8) / at_one_look;
        assert!((1.4..1.6).contains(&ratio), "{ratio}");
    }

    #[test]
    fn half_of_the_effect_needs_four_times_the_users() {
        let time = time(Boundary::new(0.05), 0.8);
        let [of_large, _] = users([0.5, 0.5], 0.5, 0.02, time);
        let [of_small, _] = users([0.5, 0.5], 0.5, 0.01, time);
        assert!((of_small / of_large - 4.0).abs() < 0.01);
    }

    #[test]
    fn users_are_needed_in_the_planned_parts() {
        let [control, variant] = users([0.9, 0.1], 0.3, 0.05, 12.0);
        assert!((control / variant - 9.0).abs() < 0.02);
        // The rarer variant has most of the variance, so that more users are needed than with equal parts.
        let equal = users([0.5, 0.5], 0.3, 0.05, 12.0);
        assert!(control + variant > 2.0 * (equal[0] + equal[1]));
    }

    #[test]
    fn impossible_effects_need_a_finite_number() {
        for rate in [0.0, 0.3, 1.0] {
            for effect in [0.0001, 0.99] {
                for needed in users([0.001, 0.999], rate, effect, 12.0) {
                    assert!((float(MIN_USERS)..1e15).contains(&needed), "{needed}");
                }
            }
        }
    }
}
