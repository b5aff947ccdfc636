//! Connects the parts: a configuration becomes a bound [`BoundExporter`], which runs until it is stopped.
//!
//! Binding and running are separate, so that the ports are known before the exporter runs.

pub mod backfill;
mod bound;
pub mod command;
mod core;
mod customer_key;
pub mod demo;
mod descriptors;
mod discovery;
pub mod doctor;
pub mod drill;
mod event_loop;
pub mod forget;
mod gates;
pub mod health;
mod listeners;
mod losses;
pub mod notify;
mod notifying;
mod own;
mod polling;
mod pushing;
mod reading;
pub mod relay;
mod relaying;
mod running;
pub mod send_gate;
mod settings;
pub mod signals;
mod sources;
mod starting;
mod store_copy;
pub mod subscription;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use backfill::backup;
pub use bound::BoundExporter;
use sources::RunningSources;
pub use sources::{ConfigSources, log_warnings};
pub use store_copy::{CopiedTable, copy_store};

/// Time limit for requests and deliveries in flight after a stop. Each has its own grace period of 5 s; this limit
/// covers those that exceed it.
const STOP_TIMEOUT: Duration = Duration::from_secs(6);

/// Interval at which counted refusals are checked for due log lines.
const FLUSH_REFUSALS_EVERY: Duration = Duration::from_secs(5);
