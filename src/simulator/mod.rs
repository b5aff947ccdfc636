//! A simulated Meta: the Graph API and the webhook sender, with a model of Meta's state. For the demo, also a simulated
//! [`application`] of the business.
//!
//! For the demo, game days and integration tests. Invariant: it is written from Meta's documentation and recorded
//! calls, and imports no other module of the exporter. Its interpretation of Meta's wire format is therefore
//! independent of the parser's, so that a mistake in one does not hide in the other.
//!
//! ```text
//! Story ─▶ Change ─▶ World ─▶ Graph API responses    (with injected faults)
//!                      └────▶ webhooks ─▶ callback   (travel decides how)
//! send call ─▶ customers ────────┘
//! ```
//!
//! [`world`], [`change`] and [`story`] are pure; sockets and clocks begin at [`Simulation`].

pub mod application;
pub mod change;
pub mod clock;
mod control;
pub mod customers;
pub mod fault;
pub mod graph;
mod handle;
mod json;
mod serve;
mod shared;
pub mod signature;
mod simulation;
pub mod story;
pub mod webhooks;
pub mod world;

pub use change::{ChangeError, WorldChange};
pub use fault::Fault;
pub use graph::Endpoint;
pub use handle::Handle;
pub use simulation::{Simulation, SimulationOptions};
pub use story::Story;
pub use webhooks::{
    DEFAULT_QUIRKS, DeliveryState, Retries, SimulatedDelivery, Travel, WebhookSwitch,
};
pub use world::World;
