//! Checks the alerts against the exporter, their runbooks, and the tools that read them.
//!
//! `UPDATE_ALERTS=1 cargo test --test it alerts` renders the templates with the default values, and writes the files and
//! tables in `alerts/`. The unit tests in `alerts/tests/`, which `tools` runs, check the behaviour of the rules.

mod alertmanager;
mod annotations;
pub mod chain;
mod command;
mod configurable;
mod drills;
mod end_to_end;
pub mod faster;
mod few;
mod form;
mod generated;
mod identity;
mod incidents;
mod inhibition;
mod kubernetes;
mod mail;
mod names;
pub mod pages;
mod received;
mod receivers;
mod replicas;
pub mod rules;
mod runbooks;
mod series;
mod sparse;
mod story;
pub mod table;
mod takeover;
pub mod tools;
mod unit_tests;

use std::path::{Path, PathBuf};

/// A path in `alerts/`.
pub fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("alerts")
        .join(relative)
}

/// A text in `alerts/`.
fn text(relative: &str) -> String {
    let path = path(relative);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
