//! Stories: what happens at Meta, when, and how the news travels. Pure; `play` is the dull loop around.

mod demo;
mod play;

use std::time::Duration;

use super::change::Change;
use super::webhooks::Travel;
use super::world::World;

pub(super) use play::run;

/// One moment of a story.
#[derive(Debug, Clone, PartialEq)]
pub struct Beat {
    /// When, after the story's start, at speed 1.
    pub at: Duration,
    /// What happens, in one plain English line.
    pub line: String,
    /// The same for the world; their webhooks travel in one POST.
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

impl Story {
    /// The demo's story for [`World::demo`] of the same seed: about 100 seconds that show everything
    /// a monitor of quality signals must survive. The seed decides which templates play which part.
    #[must_use]
    pub fn demo(seed: u64) -> Self {
        demo::story(&World::demo(seed), seed)
    }
}

#[cfg(test)]
mod tests;
