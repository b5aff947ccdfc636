//! Pushes the page of `/metrics` to an OTLP receiver, for those without Prometheus.
//!
//! Names, labels and values are those of a scrape, so that rules and boards apply to both. Depends only on the text
//! format of the page, which is a contract, and not on its metrics.
//!
//! ```text
//! page ─▶ text ─▶ families ─▶ message ─▶ requests ─▶ push ─▶ receiver
//! ```

mod message;
mod push;
mod text;

pub use push::{Target, push_until};
