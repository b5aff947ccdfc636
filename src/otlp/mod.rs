//! Pushes the page of `/metrics` to an OTLP receiver, for those without Prometheus.
//!
//! Names, labels and values are those of a scrape, so that rules and boards apply to both. Knows only the text of the
//! page, whose format is a contract, and nothing about what it says.
//!
//! ```text
//! page ─▶ text ─▶ families ─▶ message ─▶ requests ─▶ push ─▶ receiver
//! ```

mod message;
mod push;
mod text;

pub use push::{Target, push_until};
