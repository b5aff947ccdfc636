//! Reads how the accounts of an app are discovered.

use regex::Regex;

use super::super::setting::Setting;
use super::super::value;
use super::discovery_config::DiscoveryConfig;
use super::ids::IdKind;
use super::places::Places;
use super::reader::AppReader;
use super::settings::{BUSINESSES, DISCOVER_BY_TOKEN, EXCLUDE, INCLUDE};
use crate::domain::BusinessId;

/// Maximum number of portfolios of an app, because each takes two listings in every discovery.
const MAX_BUSINESSES: usize = 100;

const KIND: IdKind<BusinessId> = IdKind {
    count: 0..=MAX_BUSINESSES,
    parse: BusinessId::parse,
};

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
