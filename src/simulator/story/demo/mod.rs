//! The demo's story. States that only polls can see last at least ten seconds.
//!
//! ACCOUNT_DELETED is left out, because no account recovers from it.

mod access;
mod campaigns;
mod cast;
mod customers;
mod faults;
mod other_fields;
mod other_webhooks;
mod penalties;
mod recovery;
mod shorthand;
mod warning_signs;

use std::time::Duration;

pub(in crate::simulator) use campaigns::{deliveries, send_campaigns};
pub(in crate::simulator) use cast::CAFE_TABLES;

use super::beat::Story;
use crate::simulator::world::World;

const LENGTH: Duration = Duration::from_secs(100);

/// The story for this world; the seed assigns the templates' roles.
pub(super) fn story(world: &World, seed: u64) -> Story {
    let cast = cast::cast(world, seed);
    let mut beats = [
        warning_signs::beats(&cast),
        penalties::beats(&cast),
        faults::beats(&cast),
        access::beats(&cast),
        other_webhooks::beats(&cast),
        customers::beats(),
        recovery::beats(world, &cast),
    ]
    .concat();
    beats.sort_by_key(|beat| beat.at);
    Story {
        beats,
        length: LENGTH,
    }
}
