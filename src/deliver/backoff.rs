//! The wait between attempts.

use std::time::Duration;

/// Wait after a first failure; it doubles with each further one.
pub const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Longest wait between two attempts, so that a recovered receiver soon gets everything.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How long to wait after a failure that this many failures precede.
#[must_use]
pub fn backoff(failures: u32) -> Duration {
    let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(failures));
    wait.min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits = [0, 1, 2, 6, 7, u32::MAX].map(|failures| backoff(failures).as_millis());
        assert_eq!(waits, [500, 1_000, 2_000, 32_000, 60_000, 60_000]);
    }
}
