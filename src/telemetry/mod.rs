//! What the exporter knows about itself: its logs and its own metrics.
//!
//! Invariant: direct instrumentation only. Facts about Meta are never here; they are rendered from
//! state at every scrape.

pub mod logs;
mod metrics;

pub use metrics::{Declared, Telemetry};
