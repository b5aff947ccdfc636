//! Limits log lines about polls: an outage that ten thousand accounts share is one condition, not thirty thousand
//! lines. Pure: the caller passes the time.

use std::time::Duration;

use crate::domain::Timestamp;

/// Maximum number of lines about single polls per minute. Even in a large fleet, few polls change their outcome in a
/// normal minute; `poll_up` has all of them.
const LINES_A_MINUTE: u32 = 60;

const MINUTE: Duration = Duration::from_secs(60);

/// The log lines allowed for a poll that starts or stops failing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogLine {
    /// A line about this poll.
    ThisPoll,
    /// A line that further ones are suppressed.
    FurtherSuppressed,
    /// No line.
    None,
}

/// The lines of the current minute.
#[derive(Debug, Default)]
pub(super) struct PollLogLimiter {
    since: Timestamp,
    lines: u32,
}

impl PollLogLimiter {
    /// Returns which log line is allowed now, and counts it.
    pub fn next_line(&mut self, now: Timestamp) -> LogLine {
        if now.since(self.since) >= MINUTE {
            *self = Self {
                since: now,
                lines: 0,
            };
        }
        self.lines = self.lines.saturating_add(1);
        match self.lines {
            ..=LINES_A_MINUTE => LogLine::ThisPoll,
            lines if lines == LINES_A_MINUTE + 1 => LogLine::FurtherSuppressed,
            _ => LogLine::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_about_an_outage_are_limited_per_minute() {
        let mut log_limiter = PollLogLimiter::default();
        let now = Timestamp::from_seconds(1_775_000_000);
        let said: Vec<LogLine> = (0..30_000).map(|_| log_limiter.next_line(now)).collect();
        let count = |what| said.iter().filter(|said| **said == what).count();
        assert_eq!(
            (count(LogLine::ThisPoll), count(LogLine::FurtherSuppressed)),
            (60, 1)
        );
        assert_eq!(log_limiter.next_line(now.plus(MINUTE)), LogLine::ThisPoll);
    }
}
