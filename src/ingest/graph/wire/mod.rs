//! Graph JSON to snapshots, one file per noun. Pure: what is odd is reported, and the rest still read.
//!
//! Public because what strangers' bytes may do here is tried from outside as well: see `fuzz/`.

pub mod access;
pub mod account;
mod health;
pub mod number;
mod read;
pub mod template;

pub(super) use read::field_and_member;
