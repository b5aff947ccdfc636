//! The alerts held to the exporter, to their runbooks, and to the tools that will read them.
//!
//! `UPDATE_ALERTS=1 cargo test --test it alerts` writes the operator's PrometheusRule anew. What a rule
//! means is proven elsewhere: by the unit tests in `alerts/tests/`, which `tools` runs.

mod alertmanager;
mod annotations;
mod end_to_end;
mod faster;
mod form;
mod inhibition;
mod kubernetes;
mod labels;
mod names;
mod pages;
mod rules;
mod runbooks;
mod selectors;
mod story;
pub mod table;
mod tools;
mod unit_tests;
mod vocabulary;

use std::path::{Path, PathBuf};

/// A path in `alerts/`.
fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("alerts")
        .join(relative)
}

/// A text in `alerts/`.
fn text(relative: &str) -> String {
    let path = path(relative);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Fails with every complaint on a line of its own.
fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}
