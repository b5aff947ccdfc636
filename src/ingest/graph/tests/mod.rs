//! The client against small servers of the tests: its requests, and its handling of responses.

mod account;
mod fields;
mod listing;
pub(crate) mod meta;
mod wire;
