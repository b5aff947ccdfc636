//! Input from Meta: polls and webhooks become facts and parse warnings.
//!
//! Invariant: nothing here keeps state about Meta. The output of a parser depends only on its input, and an unreadable
//! field does not affect other facts.

mod customer;
pub mod graph;
mod json;
mod key;
mod parse_warning;
pub mod poll;
pub mod track;
pub mod webhook;

pub use customer::{CustomerHasher, CustomerKey, KeyError};
pub use json::{MetaObject, read as read_json, text_or_number};
pub use parse_warning::{ParseWarning, ParseWarnings};
