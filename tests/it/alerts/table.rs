//! The README's table of alerts.

use super::rules::{Rule, alerts};

/// Every alert, in the order of the files.
pub fn table() -> String {
    let head = "| alert | severity | after | says |\n|---|---|---|---|\n";
    let lines: String = alerts().iter().map(line).collect();
    format!("{head}{lines}")
}

fn line(rule: &Rule) -> String {
    let name = rule.name();
    format!(
        "| [{name}](alerts/runbooks.md#{}) | {} | {} | {} |\n",
        name.to_lowercase(),
        rule.severity(),
        rule.pending.as_deref().unwrap_or("at once"),
        rule.annotation("summary").replace('|', "\\|")
    )
}
