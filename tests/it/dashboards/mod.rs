//! Checks the boards against the exporter, the alerts, and a real Prometheus that has scraped a whole story.
//!
//! The JSON in `grafana/dashboards/` is the one source: edit it by hand, or in Grafana and export it. Then
//! `UPDATE_DASHBOARDS=1 cargo test --test it dashboards` lays it out, so that a diff is readable.

mod answers;
pub mod board;
mod colours;
mod compose;
mod form;
mod grid;
mod layout;
mod month;
mod names;
mod speed;
pub mod table;
mod thresholds;
pub mod variables;
