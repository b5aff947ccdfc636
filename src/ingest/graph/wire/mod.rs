//! Graph JSON to readings, one file per noun. Pure: what is odd is reported, and the rest still read.
//!
//! Public because what strangers' bytes may do here is tried from outside as well: see `fuzz/`.

pub mod access;
pub mod account;
mod health;
pub mod number;
pub mod template;
