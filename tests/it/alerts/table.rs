//! The table of alerts in `alerts/README.md`, and the index of the runbooks.

use super::rules::{Rule, alerts, files, groups_of};

/// Every alert, in the order of the files.
pub fn table() -> String {
    let head = "| alert | severity | for | meaning |\n|---|---|---|---|\n";
    let lines: String = alerts().iter().map(line).collect();
    format!("{head}{lines}")
}

/// A link to each runbook, one paragraph for each rule file.
pub fn index() -> String {
    let lines = files().into_iter().filter_map(|file| {
        let rules = groups_of(&file).into_iter().flat_map(|group| group.rules);
        let alerts: Vec<Rule> = rules.filter(|rule| rule.alert.is_some()).collect();
        let links: Vec<String> = alerts.iter().map(|rule| link(rule, "")).collect();
        let topic = file.strip_suffix(".yml").unwrap_or(&file);
        (!links.is_empty()).then(|| format!("- **{topic}**: {}\n", links.join(", ")))
    });
    lines.collect()
}

/// A link to the alert's runbook in this page.
fn link(rule: &Rule, page: &str) -> String {
    let name = rule.name();
    format!("[{name}]({page}#{})", name.to_lowercase())
}

fn line(rule: &Rule) -> String {
    format!(
        "| {} | {} | {} | {} |\n",
        link(rule, "runbooks.md"),
        rule.severity(),
        rule.pending.as_deref().unwrap_or("0s"),
        rule.annotation("summary").replace('|', "\\|")
    )
}
