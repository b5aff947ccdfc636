//! A Meta to practise on: the Graph API and the webhook sender, with a model of the state of Meta.
//!
//! For the demo, game days and every edge test. Invariant: it is written from the facts alone and
//! imports no other room, so that its reading of Meta's wire format is independent of the parser's,
//! and one mistake is not made twice.
//!
//! ```text
//! Story ─▶ Change ─▶ World ─▶ Graph API answers      (faults spoil them)
//!                      └────▶ webhooks ─▶ callback   (travel decides how)
//! ```
//!
//! [`world`], [`change`] and [`story`] are pure; sockets and clocks begin at [`Simulation`].

pub mod change;
pub mod clock;
mod control;
pub mod fault;
pub mod graph;
mod handle;
mod json;
mod shared;
pub mod signature;
mod simulation;
pub mod story;
pub mod webhooks;
pub mod world;

pub use change::{Change, ChangeError};
pub use fault::Fault;
pub use graph::Endpoint;
pub use handle::Handle;
pub use simulation::{Simulation, SimulationOptions};
pub use story::Story;
pub use webhooks::{Delivery, DeliveryState, Retries, Switch, Travel};
pub use world::World;
