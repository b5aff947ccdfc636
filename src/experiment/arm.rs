//! The users of one variant, and how many of them reached the goal.

use thiserror::Error;

/// One variant of an experiment as it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arm {
    users: u64,
    successes: u64,
}

/// More successes than users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a variant has {successes} successes of {users} users: count each user once, and at most one success per user"
)]
pub struct ArmError {
    /// Users of the variant.
    pub users: u64,
    /// Successes of the variant.
    pub successes: u64,
}

impl Arm {
    /// Each user counts once, when it is known whether they reached the goal. Users who still have time to reach it must
    /// not be counted yet, as they would look like failures.
    ///
    /// # Errors
    ///
    /// Fails if there are more successes than users.
    pub fn new(users: u64, successes: u64) -> Result<Self, ArmError> {
        if successes > users {
            return Err(ArmError { users, successes });
        }
        Ok(Self { users, successes })
    }

    /// Number of users who saw the variant.
    #[must_use]
    pub fn users(self) -> u64 {
        self.users
    }

    /// Number of users who reached the goal.
    #[must_use]
    pub fn successes(self) -> u64 {
        self.successes
    }

    /// Successes per user. `None` without users.
    #[must_use]
    pub fn rate(self) -> Option<f64> {
        (self.users > 0).then(|| float(self.successes) / float(self.users))
    }
}

/// A count for calculations. Above 2^53 it is rounded, which does not change the digits that are shown.
#[expect(
    clippy::cast_precision_loss,
    reason = "a rounding of one in 2^53 is far below the errors of sampling"
)]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successes_are_users() {
        assert!(Arm::new(10, 10).is_ok());
        let error = Arm::new(10, 11).expect_err("one success too many");
        assert!(error.to_string().contains("11 successes of 10 users"));
    }

    #[test]
    fn a_variant_without_users_has_no_rate() {
        assert_eq!(Arm::default().rate(), None);
        let arm = Arm::new(4, 1).expect("an arm");
        assert_eq!(arm.rate(), Some(0.25));
    }
}
