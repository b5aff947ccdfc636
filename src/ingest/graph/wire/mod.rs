//! Graph JSON to snapshots, one file per entity. Pure: unreadable values are reported, and the rest is still parsed.
//!
//! Public, because `fuzz/` tests it with arbitrary bytes.

pub mod access;
pub mod account;
mod callback;
mod health;
pub mod insights;
pub mod number;
mod read;
pub mod template;

pub use callback::callback_url;
pub(super) use read::field_and_member;
