//! Counters of messages by price, and the service messages of the month.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::PairCounts;
use crate::domain::message::{Category, Price, PricingType};
use crate::domain::time_zone::Month;

/// Months that are kept: a webhook may be a few days late.
const MONTHS: usize = 2;

/// Messages by price.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prices {
    /// By category and type.
    pub counts: PairCounts<Category, PricingType>,
    /// Messages that count towards the free service messages, by month.
    service: BTreeMap<i32, u64>,
}

impl Prices {
    /// Counts a message.
    pub fn count(&mut self, price: Price, month: Month) {
        self.counts.increment(price.category, price.pricing_type);
        if price.is_of_free_tier() {
            *self.service.entry(month.0).or_default() += 1;
            while self.service.len() > MONTHS {
                self.service.pop_first();
            }
        }
    }

    /// Number of service messages in this month. `None` before the first ever.
    #[must_use]
    pub fn service_messages(&self, month: Month) -> Option<u64> {
        let count = self.service.get(&month.0).copied();
        (!self.service.is_empty()).then_some(count.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_messages_are_counted_by_month() {
        let mut prices = Prices::default();
        assert_eq!(prices.service_messages(Month(5)), None);
        let mut count = |category, pricing_type, month| {
            let price = Price {
                category,
                pricing_type,
            };
            prices.count(price, Month(month));
        };
        count(Category::Service, PricingType::FreeCustomerService, 4);
        count(Category::Service, PricingType::FreeCustomerService, 5);
        count(
            Category::GroupService,
            PricingType::FreeGroupCustomerService,
            5,
        );
        // Beyond the free ones.
        count(Category::Service, PricingType::Regular, 5);
        count(Category::Service, PricingType::FreeEntryPoint, 5);
        count(Category::Utility, PricingType::Regular, 5);
        count(Category::Service, PricingType::FreeCustomerService, 4);
        assert_eq!(prices.service_messages(Month(5)), Some(3));
        assert_eq!(prices.service_messages(Month(4)), Some(2));
        assert_eq!(prices.service_messages(Month(6)), Some(0), "a new month");
        let saved = serde_json::to_string(&prices).expect("plain data");
        let read: Prices = serde_json::from_str(&saved).expect("its own text");
        assert_eq!(read, prices);
    }
}
