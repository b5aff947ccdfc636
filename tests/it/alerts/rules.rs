//! The rules of the committed files.

use whatsapp_business_exporter::alerts::{AlertSet, RuleFile};
pub use whatsapp_business_exporter::alerts::{Group, Rule};

use super::text;

/// The names of the rule files, in the order in which people read them.
pub fn files() -> Vec<String> {
    let set = AlertSet::embedded();
    set.rule_files().map(str::to_owned).collect()
}

/// Every group of every file.
pub fn groups() -> Vec<Group> {
    files().iter().flat_map(|file| groups_of(file)).collect()
}

/// Every group of one file.
pub fn groups_of(file: &str) -> Vec<Group> {
    let parsed: Result<RuleFile, _> = serde_saphyr::from_str(&text(file));
    parsed
        .unwrap_or_else(|error| panic!("{file}: {error}"))
        .groups
}

/// Every alert, in the order of the files.
pub fn alerts() -> Vec<Rule> {
    let rules = groups().into_iter().flat_map(|group| group.rules);
    let alerts: Vec<Rule> = rules.filter(|rule| rule.alert.is_some()).collect();
    assert!(!alerts.is_empty(), "there is no alert");
    alerts
}

/// Every recording rule.
pub fn recordings() -> Vec<Rule> {
    let rules = groups().into_iter().flat_map(|group| group.rules);
    rules.filter(|rule| rule.record.is_some()).collect()
}
