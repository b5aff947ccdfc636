//! Stories: changes at Meta with their times and the delivery of their webhooks. Pure, apart from `play`, which runs a story.

mod beat;
mod demo;
mod play;

use super::world::World;

pub use beat::{Beat, Story};
pub(super) use play::run;

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
