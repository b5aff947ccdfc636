//! Parked deliveries, which wait for an operator outside their lanes.

use super::Queue;
use crate::domain::WabaId;

/// The parked deliveries that an operator selects.
pub(in crate::relay) type ParkedFilter<'a> = &'a dyn Fn(&[WabaId]) -> bool;

impl Queue {
    /// Removes the delivery from its lanes, which continue.
    pub fn park(&mut self, delivery: i64) {
        if let Some(entry) = self.exit(delivery) {
            self.parked.insert(delivery, entry);
        }
    }

    /// Returns selected parked deliveries to their old places; returns their numbers.
    pub fn retry(&mut self, is_selected: ParkedFilter<'_>) -> Vec<i64> {
        let deliveries = self.parked_of(is_selected);
        for delivery in &deliveries {
            if let Some(mut entry) = self.parked.remove(delivery) {
                (entry.failures, entry.refusals, entry.unconfirmed) = (0, 0, 0);
                self.enter(*delivery, entry);
            }
        }
        deliveries
    }

    /// Drops selected parked deliveries; returns their numbers.
    pub fn drop_parked(&mut self, is_selected: ParkedFilter<'_>) -> Vec<i64> {
        let deliveries = self.parked_of(is_selected);
        for delivery in &deliveries {
            self.parked.remove(delivery);
        }
        deliveries
    }

    /// The selected parked deliveries.
    pub fn parked_of(&self, is_selected: ParkedFilter<'_>) -> Vec<i64> {
        let meant = self.parked.iter();
        let meant = meant.filter(|(_, entry)| is_selected(&entry.membership.waba_ids));
        meant.map(|(delivery, _)| *delivery).collect()
    }

    /// Number of parked deliveries.
    pub fn parked(&self) -> usize {
        self.parked.len()
    }
}
