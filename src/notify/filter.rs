//! Selects the changes for a receiver. Pure.

use std::collections::BTreeSet;

use crate::domain::{Severity, WabaId};
use crate::store::Signal;

/// The changes that a receiver gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Least severity of the state that begins or of the state that ends, so that a receiver of a problem also gets its
    /// end.
    pub severity: Severity,
    /// Kinds of entities; empty for all.
    pub kinds: BTreeSet<&'static str>,
    /// Accounts; empty for all.
    pub waba_ids: BTreeSet<WabaId>,
}

impl Filter {
    /// Whether the receiver gets this change.
    #[must_use]
    pub fn selects(&self, signal: &Signal) -> bool {
        let severity = Some(signal.severity()).max(signal.severity_before());
        let (kind, waba_id) = (signal.row.entity.as_str(), &signal.row.waba_id);
        let is_kind = self.kinds.is_empty() || self.kinds.contains(kind);
        let is_listed = || {
            let waba_id = WabaId::parse(waba_id);
            waba_id.is_some_and(|waba_id| self.waba_ids.contains(&waba_id))
        };
        severity >= Some(self.severity) && is_kind && (self.waba_ids.is_empty() || is_listed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::message::tests::signal;

    fn all() -> Filter {
        Filter {
            severity: Severity::Info,
            kinds: BTreeSet::new(),
            waba_ids: BTreeSet::new(),
        }
    }

    #[test]
    fn a_change_passes_by_the_state_that_begins_or_ends() {
        for (from, to, least) in [
            (Some("GREEN"), "RED", Severity::Critical),
            (Some("RED"), "GREEN", Severity::Critical),
            (Some("GREEN"), "YELLOW", Severity::Warning),
            (None, "YELLOW", Severity::Warning),
            (Some("UNKNOWN"), "GREEN", Severity::Info),
        ] {
            let signal = signal("phone_number", "quality_rating", from, to);
            for severity in [Severity::Info, Severity::Warning, Severity::Critical] {
                let filter = Filter { severity, ..all() };
                let expected = severity <= least;
                assert_eq!(
                    filter.selects(&signal),
                    expected,
                    "{from:?} {to} {severity:?}"
                );
            }
        }
    }

    #[test]
    fn kinds_and_accounts_are_selected() {
        let signal = signal("template", "status", Some("APPROVED"), "PAUSED");
        let kinds = |kinds: &[&'static str]| Filter {
            kinds: kinds.iter().copied().collect(),
            ..all()
        };
        assert!(all().selects(&signal));
        assert!(kinds(&["template", "account"]).selects(&signal));
        assert!(!kinds(&["phone_number"]).selects(&signal));
        let accounts = |ids: &[&str]| Filter {
            waba_ids: ids.iter().filter_map(|id| WabaId::parse(id)).collect(),
            ..all()
        };
        assert!(accounts(&["1", &signal.row.waba_id]).selects(&signal));
        assert!(!accounts(&["1"]).selects(&signal));
    }
}
