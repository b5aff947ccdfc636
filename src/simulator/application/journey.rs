//! The journey that the application offers: the booking of a table, in two versions.
//!
//! The first version is being replaced. The second one is an A/B test: one variant asks for day and time in one
//! question, and more of its customers reach the goal.

use std::time::Duration;

use super::pace::pace;

/// Name of the journey.
pub const JOURNEY: &str = "booking";

/// Time without an event after which a session counts as abandoned, at speed 1.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// The shortest idle timeout that the exporter's configuration allows.
const SHORTEST_IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Number of entries of a step that are a loop: the exporter's default.
pub(super) const LOOP_THRESHOLD: u32 = 3;

/// One version of the journey.
#[derive(Debug)]
pub struct JourneyVersion {
    /// The version.
    pub version: &'static str,
    /// Its steps in order, those of all variants.
    pub steps: &'static [&'static str],
    /// The paths of its variants.
    pub paths: &'static [JourneyPath],
}

/// The path of one variant.
#[derive(Debug)]
pub struct JourneyPath {
    /// The variant; `None` if the version has none.
    pub variant: Option<&'static str>,
    /// The steps that its customers are asked.
    pub(super) steps: &'static [&'static str],
    /// Percentage of sessions that take this path.
    pub(super) sessions: u32,
    /// Percentage of customers who leave at a step.
    pub(super) leave: u32,
}

/// The versions of the journey.
pub const VERSIONS: [JourneyVersion; 2] = [
    JourneyVersion {
        version: "1",
        steps: &["date", "time", "guests", "name", "confirm"],
        paths: &[JourneyPath {
            variant: None,
            steps: &["date", "time", "guests", "name", "confirm"],
            sessions: 20,
            leave: 16,
        }],
    },
    JourneyVersion {
        version: "2",
        steps: &["date", "time", "guests", "confirm"],
        paths: &[
            JourneyPath {
                variant: Some("one-question"),
                steps: &["date", "guests", "confirm"],
                sessions: 40,
                leave: 7,
            },
            JourneyPath {
                variant: Some("two-questions"),
                steps: &["date", "time", "guests", "confirm"],
                sessions: 40,
                leave: 14,
            },
        ],
    },
];

/// Time without an event after which a session counts as abandoned, at this speed.
#[must_use]
pub fn idle_timeout(speed: f64) -> Duration {
    IDLE_TIMEOUT.div_f64(pace(speed)).max(SHORTEST_IDLE_TIMEOUT)
}
