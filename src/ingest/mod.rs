//! Meta's two voices, each turned into facts and counted oddities.
//!
//! Invariant: nothing here keeps state about Meta. A parser's output depends on its input alone, and an
//! odd field never costs the facts beside it.

mod customer;
pub mod graph;
mod json;
mod key;
mod oddity;
pub mod poll;
pub mod track;
pub mod webhook;

pub use customer::{CustomerKey, Customers, KeyError};
pub use json::{Object, read as read_json, text_or_number};
pub use oddity::{Oddities, Oddity};
