//! The elements of a story.

use std::time::Duration;

use crate::simulator::change::WorldChange;
use crate::simulator::webhooks::Travel;

/// One step of a story.
#[derive(Debug, Clone, PartialEq)]
pub struct Beat {
    /// Time after the start of the story, at speed 1.
    pub at: Duration,
    /// Description of the event in one line.
    pub line: String,
    /// The changes; their webhooks are sent in one POST.
    pub changes: Vec<WorldChange>,
    /// How that POST is delivered.
    pub travel: Travel,
}

/// A list of beats whose end state is its start state, so that it can repeat.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    /// The beats, sorted by time.
    pub beats: Vec<Beat>,
    /// Time after which the story starts again, at speed 1.
    pub length: Duration,
}
