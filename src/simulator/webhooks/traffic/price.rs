//! Prices as of October 2026: service messages are free up to a number per month, and charged after it.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::{Value, json};

use super::plan::Channel;
use crate::simulator::clock::iso_text;

/// Free service messages of a phone number per calendar month.
const FREE_PER_MONTH: u32 = 1_000;
/// Length of `2026-10` at the start of an ISO date.
const MONTH_LENGTH: usize = 7;

/// Categories of direct messages. The first four are drawn most of the time.
const COMMON: [&str; 4] = ["service", "utility", "marketing", "authentication"];
const RARE: [&str; 4] = [
    "authentication-international",
    "general_purpose_ai",
    "marketing_lite",
    "referral_conversion",
];
const GROUP: [&str; 3] = ["group_service", "group_utility", "group_marketing"];
/// One message in this many has a rare category.
const RARE_EVERY: u32 = 16;

/// The price of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Price {
    category: &'static str,
    pricing_type: &'static str,
}

impl Price {
    /// Any price, for a generator without a conversation.
    pub(super) const REGULAR: Self = Self {
        category: COMMON[0],
        pricing_type: "regular",
    };

    /// The category in lower case.
    pub(super) fn category(self) -> &'static str {
        self.category
    }

    /// The type in lower case.
    pub(super) fn pricing_type(self) -> &'static str {
        self.pricing_type
    }

    /// The price in millionths of the currency's unit: made up, in the order of Meta's price list.
    pub(super) fn millionths(self) -> u64 {
        match (self.pricing_type, self.category) {
            ("regular", "marketing" | "marketing_lite" | "group_marketing") => 113_000,
            ("regular", _) => 45_600,
            _ => 0,
        }
    }

    pub(super) fn to_json(self) -> Value {
        json!({
            "billable": self.pricing_type == "regular",
            "pricing_model": "PMP",
            "type": self.pricing_type,
            "category": self.category,
        })
    }
}

/// Counts the service messages of each number and month.
#[derive(Debug, Default)]
pub(super) struct FreeTier {
    used: BTreeMap<(String, String), u32>,
}

impl FreeTier {
    /// Draws the price of a message that a number sends at `now` (Unix seconds).
    pub(super) fn price(
        &mut self,
        dice: &mut Rng,
        channel: Channel,
        phone_number_id: &str,
        now: i64,
    ) -> Price {
        let category = category(dice, channel);
        let pricing_type = match category {
            "referral_conversion" => "free_entry_point",
            "service" if self.is_free(phone_number_id, now) => "free_customer_service",
            "group_service" if self.is_free(phone_number_id, now) => "free_group_customer_service",
            _ => "regular",
        };
        Price {
            category,
            pricing_type,
        }
    }

    /// Uses one message of the free tier, if there is one left.
    fn is_free(&mut self, phone_number_id: &str, now: i64) -> bool {
        let month: String = iso_text(now).chars().take(MONTH_LENGTH).collect();
        self.used.retain(|(_, other), _| *other == month);
        let used = self
            .used
            .entry((phone_number_id.to_owned(), month))
            .or_default();
        *used = used.saturating_add(1);
        *used <= FREE_PER_MONTH
    }
}

fn category(dice: &mut Rng, channel: Channel) -> &'static str {
    let is_rare = dice.u32(..RARE_EVERY) == 0;
    let categories: &[&str] = match channel {
        Channel::Group => &GROUP,
        Channel::Direct | Channel::Standby if is_rare => &RARE,
        Channel::Direct | Channel::Standby => &COMMON,
    };
    categories[dice.usize(..categories.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_messages_are_charged_after_the_free_ones_of_the_month() {
        let (october, november) = (1_791_500_000, 1_794_000_000);
        let mut tier = FreeTier::default();
        let free = (0..1_200).filter(|_| tier.is_free("1", october)).count();
        assert_eq!(free, 1_000);
        assert!(tier.is_free("2", october) && tier.is_free("1", november));
    }
}
