//! The check for a sample ratio mismatch: whether the split of the users is as planned.
//!
//! Users who are lost before they reach a variant (because of an error, a filter or a slow page) seldom behave like the
//! others. So the rates of an experiment with a mismatch cannot be compared (A. Fabijan et al. (2019), "Diagnosing
//! sample ratio mismatch in online controlled experiments", KDD '19. <https://doi.org/10.1145/3292500.3330722>).

use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::arm::{Arm, float};

/// The p value below which the split is a mismatch. It is far below the usual 0.05: with a check every day for four
/// weeks at 0.05, one of four experiments without a mismatch would seem to have one; at 0.001, one of a hundred. The
/// sum of a real mismatch grows with every user, so it is still found.
const MISMATCH: f64 = 0.001;

/// The smallest expected number of users of a variant for which the distribution of the sum is a good approximation.
const MIN_EXPECTED: f64 = 10.0;

/// Pearson's chi-square test of the numbers of users against the planned split.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SplitCheck {
    /// The sum of squares of the deviations.
    pub chi_square: f64,
    /// The probability of at least as large a sum if the users are split as planned.
    pub p_value: f64,
    /// Whether [`SplitCheck::p_value`] is below the limit for a mismatch.
    pub is_mismatch: bool,
}

/// Compares the users of the variants with their planned parts. `None` while there are too few users.
pub(super) fn check(parts: &[f64], arms: &[Arm]) -> Option<SplitCheck> {
    let users: f64 = arms.iter().map(|arm| float(arm.users())).sum();
    let pairs = || parts.iter().zip(arms);
    if !pairs().all(|(part, _)| part * users >= MIN_EXPECTED) {
        return None;
    }
    let squares = pairs().map(|(part, arm)| {
        let expected = part * users;
        let deviation = float(arm.users()) - expected;
        deviation * deviation / expected
    });
    let chi_square: f64 = squares.sum();
    let freedom = pairs().skip(1).fold(0.0, |sum, _| sum + 1.0);
    let p_value = ChiSquared::new(freedom).ok()?.sf(chi_square);
    Some(SplitCheck {
        chi_square,
        p_value,
        is_mismatch: p_value < MISMATCH,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_of(parts: &[f64], users: &[u64]) -> Option<SplitCheck> {
        let arms: Vec<Arm> = users
            .iter()
            .map(|users| Arm::new(*users, 0).expect("an arm"))
            .collect();
        check(parts, &arms)
    }

    /// The first one is the example of Kohavi, Tang and Xu (2020), "Trustworthy Online Controlled Experiments", chapter
    /// 3. The p values are also those of an independent program.
    #[test]
    fn known_examples() {
        let third = 1.0 / 3.0;
        let examples: [(&[f64], &[u64], f64, f64); 4] = [
            (&[0.5, 0.5], &[821_588, 815_482], 22.774_369, 1.821_793e-6),
            (&[0.5, 0.5], &[1_000, 1_100], 4.761_905, 0.029_096_3),
            (&[0.9, 0.1], &[910, 90], 1.111_111, 0.291_840_5),
            (&[third, third, third], &[310, 330, 360], 3.8, 0.149_568_6),
        ];
        for (parts, users, chi_square, p_value) in examples {
            let check = check_of(parts, users).expect("enough users");
            assert!((check.chi_square - chi_square).abs() < 1e-6, "{check:?}");
            assert!((check.p_value / p_value - 1.0).abs() < 1e-5, "{check:?}");
            assert_eq!(check.is_mismatch, p_value < 0.001);
        }
    }

    #[test]
    fn few_users_show_nothing() {
        assert_eq!(check_of(&[0.5, 0.5], &[0, 0]), None);
        assert_eq!(check_of(&[0.5, 0.5], &[19, 0]), None);
        assert_eq!(check_of(&[0.99, 0.01], &[900, 90]), None);
        let check = check_of(&[0.5, 0.5], &[20, 0]).expect("enough users");
        assert!(check.is_mismatch);
    }

    proptest! {
        /// Whatever the counts, the figures are finite.
        #[test]
        fn figures_are_finite(users in prop::collection::vec(any::<u64>(), 2..10)) {
            let parts = vec![users.iter().fold(0.0, |sum, _| sum + 1.0_f64).recip(); users.len()];
            if let Some(check) = check_of(&parts, &users) {
                prop_assert!(check.chi_square.is_finite());
                prop_assert!((0.0..=1.0).contains(&check.p_value));
            }
        }
    }
}
