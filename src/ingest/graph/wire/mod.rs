//! Graph JSON to readings, one file per noun. Pure: what is odd is reported, and the rest still read.

pub(super) mod access;
pub(super) mod account;
mod health;
pub(super) mod number;
pub(super) mod template;
