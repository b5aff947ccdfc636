//! The counted events of a session.

use std::time::Duration;

use crate::domain::journey::Confusion;

/// A counted event of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Milestone {
    /// The session began.
    Started,
    /// The session reached its goal.
    Completed,
    /// The session ended without reaching a goal.
    Abandoned,
    /// A step was entered, for the first time or again.
    Entered(String),
    /// A step was entered again in the same session. Counted in addition to [`Self::Entered`].
    Reentered(String),
    /// The number of entries of a step in the session reached the loop threshold.
    Looped(String),
    /// A step was answered, with the time since its entry. `None` if it was not the last entered step.
    Answered(String, Option<Duration>),
    /// A step was answered: its name, and the declared answer or `other`.
    Chosen(String, String),
    /// A step seems to have confused the customer.
    Confused(String, Confusion),
    /// The session ended at this step.
    LeftAt(String),
}
