//! The generated tables: which one is in which page.

use super::{Page, all, markdown, root, tables};
use crate::{alerts, dashboards, deploy};

/// A table: its page, its name in the markers, and what renders it.
type Table = (&'static str, &'static str, fn() -> String);

const TABLES: &[Table] = &[
    (
        "docs/configuration.md",
        "configuration",
        tables::configuration,
    ),
    ("docs/metrics.md", "metrics", tables::metrics),
    ("docs/conversations.md", "error codes", tables::error_codes),
    (
        "docs/send-gate.md",
        "send gate reasons",
        tables::send_gate_reasons,
    ),
    ("alerts/README.md", "alerts", alerts::table::table),
    ("alerts/runbooks.md", "runbooks", alerts::table::index),
    ("grafana/README.md", "dashboards", dashboards::table::table),
    (
        "deploy/helm/whatsapp-business-exporter/README.md",
        "values",
        deploy::helm::values::table,
    ),
];

/// Writes the tables of the pages whose path begins so.
pub fn write(beginning: &str) {
    for (page, name, render) in TABLES
        .iter()
        .filter(|(page, ..)| page.starts_with(beginning))
    {
        let after = markdown::with_table(&Page::read(page).text, name, &render());
        std::fs::write(root().join(page), after).expect("the page can be written");
    }
}

#[test]
fn tables_match_the_code() {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        write("");
    }
    for (page, name, render) in TABLES {
        let before = Page::read(page).text;
        let after = markdown::with_table(&before, name, &render());
        assert!(
            before == after,
            "{page} differs from the code; `UPDATE_DOCS=1 cargo test --test it docs` writes:\n\n{}",
            render()
        );
    }
}

#[test]
fn every_generated_table_is_in_the_list() {
    for page in all() {
        let names = page.text.split("<!-- generated: ").skip(1);
        for name in names.filter_map(|rest| rest.split(" -->").next()) {
            let is_listed = TABLES
                .iter()
                .any(|(path, listed, _)| *path == page.path && *listed == name);
            assert!(is_listed, "{}: nothing generates {name}", page.path);
        }
    }
}
