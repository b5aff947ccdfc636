//! The client against tiny servers of the test's own: what goes over the wire, and what comes back.

mod account;
mod fields;
mod listing;
pub(crate) mod meta;
mod wire;
