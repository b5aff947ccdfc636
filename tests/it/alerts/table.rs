//! The table of alerts in `alerts/README.md`.

use super::rules::{Rule, alerts};

/// Every alert, in the order of the files.
pub fn table() -> String {
    let head = "| alert | severity | for | meaning |\n|---|---|---|---|\n";
    let lines: String = alerts().iter().map(line).collect();
    format!("{head}{lines}")
}

fn line(rule: &Rule) -> String {
    let name = rule.name();
    format!(
        "| [{name}](runbooks.md#{}) | {} | {} | {} |\n",
        name.to_lowercase(),
        rule.severity(),
        rule.pending.as_deref().unwrap_or("0s"),
        rule.annotation("summary").replace('|', "\\|")
    )
}
