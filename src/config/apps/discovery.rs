//! Reads how an app's accounts are to be found, where they are not all listed.

use regex::Regex;

use super::super::setting::Setting;
use super::super::value;
use super::ids::Kind;
use super::places::Places;
use super::reader::AppReader;
use super::settings::{BUSINESSES, DISCOVER_BY_TOKEN, EXCLUDE, INCLUDE};
use crate::domain::{BusinessId, WabaId};

/// Most portfolios of an app: each takes two listings at every discovery.
const MAX_BUSINESSES: usize = 100;

const KIND: Kind<BusinessId> = Kind {
    count: 0..=MAX_BUSINESSES,
    parse: BusinessId::parse,
};

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

impl<'a> AppReader<'_, 'a> {
    pub(super) fn discovery(&mut self, places: Places<'a>) -> DiscoveryConfig {
        DiscoveryConfig {
            by_token: self.by_token(places),
            businesses: self.businesses(places),
            include: self.pattern(&INCLUDE, places),
            exclude: self.pattern(&EXCLUDE, places),
        }
    }

    fn by_token(&mut self, places: Places<'a>) -> bool {
        let (place, text) = self.text(&DISCOVER_BY_TOKEN, places);
        let text = text.or_missing(|| {});
        let text = text.as_deref().or(DISCOVER_BY_TOKEN.default);
        let by_token = value::boolean(text.unwrap_or_default());
        by_token.unwrap_or_else(|message| {
            self.walker.error(place, message);
            false
        })
    }

    fn businesses(&mut self, places: Places<'a>) -> Vec<BusinessId> {
        let found = self.ids(&BUSINESSES, places, &KIND);
        let businesses = found.or_missing(|| {}).unwrap_or_default().into_iter();
        businesses.map(|(_, business)| business).collect()
    }

    fn pattern(&mut self, setting: &Setting, places: Places<'a>) -> Option<Regex> {
        let (place, text) = self.file_text(setting, places);
        let text = text.or_missing(|| {})?;
        let pattern = Regex::new(&text);
        if pattern.is_err() {
            let message = "is not a regular expression; test it, and write it in single quotes";
            self.walker.error(place, message);
        }
        pattern.ok()
    }
}
