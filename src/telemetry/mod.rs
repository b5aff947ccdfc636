//! The exporter's data about itself: its logs, its own metrics, and reports of `doctor`.
//!
//! Invariant: direct instrumentation only. Facts about Meta are never here; they are rendered from the state at every
//! scrape.

mod figures;
mod finding;
mod logfmt;
pub mod logs;
mod metrics;
mod polls;
mod quota_figures;
mod refusals;

pub use figures::Labelled;
pub use finding::{Examination, Finding, Report, Verdict};
pub use metrics::{Declared, Telemetry};
pub use polls::{FailingPolls, PollOutcomes};
pub use quota_figures::{AccountQuota, QuotaFigures};
pub use refusals::{Refusal, RefusalLog, Refused};
