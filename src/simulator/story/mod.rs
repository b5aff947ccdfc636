//! Stories: changes at Meta with their times and the delivery of their webhooks. Pure, apart from `play`, which runs
//! a story.

mod beat;
mod demo;
mod play;

use super::change::Webhook;
use super::world::World;

pub use beat::{Beat, Story};
pub(super) use demo::CAFE_TABLES;
pub(super) use play::run;

impl Story {
    /// The demo's story for [`World::demo`] with the same seed: about 100 seconds with every situation that
    /// monitoring of quality signals must handle. The seed determines the roles of the templates.
    #[must_use]
    pub fn demo(seed: u64) -> Self {
        demo::story(&World::demo(seed), seed)
    }

    /// Sends the campaigns of one day of the demo's past, at `now` (Unix seconds). Before the ratings fall, one template
    /// goes to many customers who do not want it. Returns the webhooks of customers who stop marketing messages.
    pub fn send_campaigns(
        world: &mut World,
        seed: u64,
        is_before_fall: bool,
        now: i64,
    ) -> Vec<Webhook> {
        demo::send_campaigns(world, seed, is_before_fall, now)
    }

    /// The webhooks of the deliveries of one campaign of the demo at `now` (Unix seconds), to customers who did not write
    /// before.
    #[must_use]
    pub fn last_deliveries(world: &World, now: i64) -> Vec<Webhook> {
        demo::deliveries(world, now)
    }
}

#[cfg(test)]
mod tests;
