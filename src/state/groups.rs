//! The groups of a phone number that Meta has suspended.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::redate::{Dated, Redating};
use super::saved::Saved;
use super::{Latest, Stamp};
use crate::domain::DeliveryKey;
use crate::domain::number::GroupStatus;

/// Maximum number of groups with a known status. Suspensions are rare; beyond the maximum, the group whose status was
/// reported first is forgotten.
const MAX_KEPT: usize = 128;

/// Whether each group with a reported status is suspended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct SuspendedGroups(#[serde(with = "Saved")] BTreeMap<DeliveryKey, Latest<bool>>);

impl Dated for SuspendedGroups {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.0.times(see);
    }

    fn redate(&mut self, to: &Redating) {
        self.0.redate(to);
    }
}

impl SuspendedGroups {
    /// Keeps the newest status of the group, regardless of arrival order.
    pub fn observe(&mut self, status: GroupStatus, stamp: Stamp) {
        let known = self.0.entry(status.group).or_default();
        known.observe(status.is_suspended, stamp);
        if self.0.len() > MAX_KEPT {
            let groups = self.0.iter();
            let oldest = groups.min_by_key(|(group, known)| (known.stamp(), **group));
            let oldest = oldest.map(|(group, _)| *group);
            oldest.map(|group| self.0.remove(&group));
        }
    }

    /// Number of suspended groups. `None` if no status has been reported.
    pub fn count(&self) -> Option<u64> {
        let suspended = self.0.values().filter(|known| known.value() == Some(&true));
        (!self.0.is_empty()).then_some(suspended.count() as u64)
    }
}
