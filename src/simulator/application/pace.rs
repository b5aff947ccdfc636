//! The pace of the application's phases and sessions.

/// The speed of the demo, but at least 1. In a slower demo, customers respond as fast as people do, and the panels about
/// them have as much data.
#[must_use]
pub fn pace(speed: f64) -> f64 {
    speed.max(1.0)
}
