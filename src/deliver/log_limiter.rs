//! Limits log lines that could repeat with every request.

use std::time::{Duration, Instant};

/// Minimum interval between two lines of a kind.
const EVERY: Duration = Duration::from_secs(60);

/// Limits the lines of one kind.
#[derive(Debug, Default)]
pub struct LogLimiter {
    last: Option<Instant>,
    suppressed: u64,
}

impl LogLimiter {
    /// Number of lines suppressed since the last one. `None` if no line is due.
    pub fn next(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now - last < EVERY) {
            self.suppressed += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_line_is_logged_once_a_minute() {
        let now = Instant::now();
        let mut limiter = LogLimiter::default();
        assert_eq!(limiter.next(now), Some(0));
        assert_eq!(limiter.next(now + EVERY / 2), None);
        assert_eq!(limiter.next(now + EVERY * 99 / 100), None);
        assert_eq!(limiter.next(now + EVERY), Some(2));
        assert_eq!(limiter.next(now + EVERY * 2), Some(0));
    }
}
