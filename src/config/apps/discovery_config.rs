//! The settings of account discovery.

use regex::Regex;

use crate::domain::{BusinessId, WabaId};

/// How the accounts of an app are discovered.
#[derive(Clone, Debug, Default)]
pub struct DiscoveryConfig {
    /// `apps[].discover_by_token`, `WHATSAPP_DISCOVER_BY_TOKEN`; the default is false.
    pub by_token: bool,
    /// `apps[].businesses`, `WHATSAPP_BUSINESS_IDS`; empty by default.
    pub businesses: Vec<BusinessId>,
    /// `apps[].include`; `None` includes all accounts.
    pub include: Option<Regex>,
    /// `apps[].exclude`; `None` excludes no account.
    pub exclude: Option<Regex>,
}

impl DiscoveryConfig {
    /// Whether this searches for the same accounts as `other`.
    #[must_use]
    pub fn is_same_search(&self, other: &Self) -> bool {
        let texts = |config: &Self| {
            [&config.include, &config.exclude]
                .map(|pattern| pattern.as_ref().map(|pattern| pattern.as_str().to_owned()))
        };
        self.by_token == other.by_token
            && self.businesses == other.businesses
            && texts(self) == texts(other)
    }

    /// Whether the app uses discovery.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.by_token || !self.businesses.is_empty()
    }

    /// Whether this account is excluded by its id, whatever its name.
    #[must_use]
    pub fn excludes(&self, waba_id: &WabaId) -> bool {
        let exclude = self.exclude.as_ref();
        exclude.is_some_and(|exclude| exclude.is_match(waba_id.as_str()))
    }

    /// Whether this account is watched if it is discovered.
    #[must_use]
    pub fn includes(&self, waba_id: &WabaId, name: &str) -> bool {
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
