//! How an app's accounts are found.

use regex::Regex;

use crate::domain::{BusinessId, WabaId};

/// How accounts are found.
#[derive(Clone, Debug, Default)]
pub struct DiscoveryConfig {
    /// `apps[].discover_by_token`, `WHATSAPP_DISCOVER_BY_TOKEN`; default false.
    pub by_token: bool,
    /// `apps[].businesses`, `WHATSAPP_BUSINESS_IDS`; default none.
    pub businesses: Vec<BusinessId>,
    /// `apps[].include`; default everything.
    pub include: Option<Regex>,
    /// `apps[].exclude`; default nothing.
    pub exclude: Option<Regex>,
}

impl DiscoveryConfig {
    /// Whether this searches for the same accounts as `other`.
    #[must_use]
    pub fn finds_what_does(&self, other: &Self) -> bool {
        let texts = |config: &Self| {
            [&config.include, &config.exclude]
                .map(|pattern| pattern.as_ref().map(|pattern| pattern.as_str().to_owned()))
        };
        self.by_token == other.by_token
            && self.businesses == other.businesses
            && texts(self) == texts(other)
    }

    /// Is there anything to ask for?
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.by_token || !self.businesses.is_empty()
    }

    /// Is this account left out whatever it is called?
    #[must_use]
    pub fn leaves_out(&self, waba_id: &WabaId) -> bool {
        let exclude = self.exclude.as_ref();
        exclude.is_some_and(|exclude| exclude.is_match(waba_id.as_str()))
    }

    /// Is this account to be watched, if it is found?
    #[must_use]
    pub fn takes(&self, waba_id: &WabaId, name: &str) -> bool {
        let text = format!("{waba_id} {name}");
        let text = text.trim_end();
        let is_in = self
            .include
            .as_ref()
            .is_none_or(|include| include.is_match(text));
        let is_out = self
            .exclude
            .as_ref()
            .is_some_and(|exclude| exclude.is_match(text));
        is_in && !is_out
    }
}
