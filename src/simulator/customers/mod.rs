//! Customers of the businesses: they write, answer what the business asks, misunderstand it, or leave.
//!
//! Beside them stands the truth: what an exporter must show about their conversations, counted from what they and
//! Meta did. It is written from `docs/conversations.md`, not from the exporter's code.
//!
//! ```text
//! send call ─▶ Crowd ─▶ statuses, messages ─▶ webhooks
//!                └────▶ Truth
//! ```
//!
//! All but `run` is pure: the seed and the messages of the business determine what customers do.

mod crowd;
mod message;
mod payload;
mod person;
mod post;
mod run;
mod truth;

pub use crowd::{Crowd, CustomersStarted, MAX_CUSTOMERS, StartError};
pub use message::{BusinessMessage, Offer};
pub use person::TYPED;
pub(super) use run::run;
pub use truth::{Figure, Truth};

#[cfg(test)]
mod tests;
