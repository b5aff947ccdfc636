//! Customers of the businesses: they write, answer what the business asks, misunderstand it, or leave.
//!
//! [`ExpectedFigures`] computes what an exporter must show about their conversations, from what they and Meta did. It is
//! written from `docs/conversations.md`, not from the exporter's code.
//!
//! ```text
//! send call ─▶ Customers ─▶ statuses, messages ─▶ webhooks
//!                └────▶ ExpectedFigures
//! ```
//!
//! All but `run` is pure: the seed and the messages of the business determine what customers do.

mod all;
mod expected;
mod message;
mod payload;
mod person;
mod post;
mod run;

pub use all::{Customers, CustomersStarted, MAX_CUSTOMERS, StartError};
pub use expected::{ExpectedFigures, Figure};
pub use message::{BusinessMessage, Offer};
pub use person::TYPED;
pub(super) use run::run;

#[cfg(test)]
mod tests;
