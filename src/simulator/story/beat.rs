//! The elements of a story.

use std::time::Duration;

use crate::simulator::change::Change;
use crate::simulator::webhooks::Travel;

/// One moment of a story.
#[derive(Debug, Clone, PartialEq)]
pub struct Beat {
    /// When, after the story's start, at speed 1.
    pub at: Duration,
    /// Description of the event in one line.
    pub line: String,
    /// The changes; their webhooks are sent in one POST.
    pub changes: Vec<Change>,
    /// How that POST travels.
    pub travel: Travel,
}

/// A list of beats that ends where it began, so that it can repeat for ever.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    /// In order of time.
    pub beats: Vec<Beat>,
    /// When the next round starts, at speed 1.
    pub length: Duration,
}
