//! How long an event stays in the list of issues.
//!
//! Meta reports a loss once, and never reports that it is resolved. Without a limit, one number that was
//! retired on purpose would keep the page red and hide the next loss.

use std::time::Duration;

use super::level::Level;
use super::timeline::WINDOW;
use crate::domain::Timestamp;

/// How long an event counts as recent. A week includes every working day and on-call shift, and is also the
/// period of the corresponding alerts.
pub(super) const RECENT_DAYS: u64 = 7;
const RECENT: Duration = Duration::from_secs(RECENT_DAYS * 86_400);

/// Whether it happened in the last [`RECENT_DAYS`].
pub(super) fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    now.since(at) < RECENT
}

/// Severity of a loss by its age: critical while it is recent, a warning while the timelines show it, and
/// neutral after that.
pub(super) fn loss_level(at: Timestamp, now: Timestamp) -> Level {
    match now.since(at) {
        age if age < RECENT => Level::Critical,
        age if age < WINDOW => Level::Warning,
        _ => Level::Neutral,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_critical_then_a_warning_then_neutral() {
        let now = Timestamp::from_seconds(1_775_000_000);
        let days_ago = |days: u64| now.minus(Duration::from_secs(days * 86_400));
        for (days, level) in [
            (0, Level::Critical),
            (6, Level::Critical),
            (7, Level::Warning),
            (29, Level::Warning),
            (30, Level::Neutral),
        ] {
            assert_eq!(loss_level(days_ago(days), now), level, "{days} days ago");
            assert_eq!(is_recent(days_ago(days), now), days < RECENT_DAYS);
        }
        // Meta's clock may be ahead of ours.
        assert_eq!(
            loss_level(now.plus(Duration::from_secs(5)), now),
            Level::Critical
        );
    }
}
