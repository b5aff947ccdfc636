//! Messages and conversations: the metrics match the simulated events.

mod booking_bot;
mod campaigns;
mod daily;
pub mod durable;
mod events;
mod experiments;
mod identity;
mod journeys;
mod key;
mod marked_journeys;
mod redeclared;
mod truth;
mod waits;
mod week;
