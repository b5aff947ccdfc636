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
pub(super) enum Say {
    /// A line about this poll.
    It,
    /// A line that further ones are suppressed.
    ThatThereIsMore,
    /// No line.
    Nothing,
}

/// The lines of the current minute.
#[derive(Debug, Default)]
pub(super) struct Chatter {
    since: Timestamp,
    lines: u32,
}

impl Chatter {
    /// Returns which log line is allowed now, and counts it.
    pub fn say(&mut self, now: Timestamp) -> Say {
        if now.since(self.since) >= MINUTE {
            *self = Self {
                since: now,
                lines: 0,
            };
        }
        self.lines = self.lines.saturating_add(1);
        match self.lines {
            ..=LINES_A_MINUTE => Say::It,
            lines if lines == LINES_A_MINUTE + 1 => Say::ThatThereIsMore,
            _ => Say::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_about_an_outage_are_limited_per_minute() {
        let mut chatter = Chatter::default();
        let now = Timestamp::from_seconds(1_775_000_000);
        let said: Vec<Say> = (0..30_000).map(|_| chatter.say(now)).collect();
        let count = |what| said.iter().filter(|said| **said == what).count();
        assert_eq!((count(Say::It), count(Say::ThatThereIsMore)), (60, 1));
        assert_eq!(chatter.say(now.plus(MINUTE)), Say::It);
    }
}
