//! A business portfolio: the owner of accounts and, since October 2025, of the messaging limit.

use serde::Serialize;

use super::Health;

/// A business portfolio ("Meta business account").
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Business {
    /// The portfolio's id, numeric text.
    pub id: String,
    /// Its name.
    pub name: String,
    /// TIER_250, TIER_2K, TIER_10K, TIER_100K, TIER_UNLIMITED or UNTIERED, shared by all its numbers.
    pub messaging_limit: String,
    /// `verified`, `not_verified`, ...; lower case, as the Graph API writes it.
    pub verification_status: String,
    /// The portfolio's own health entity.
    pub health: Health,
}

impl Business {
    /// A verified portfolio with the limit of 10,000.
    #[must_use]
    pub fn new(id: &str, name: &str) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            messaging_limit: "TIER_10K".into(),
            verification_status: "verified".into(),
            health: Health::available(),
        }
    }
}
