//! Reads an app's accounts: a list in the file, or words in a variable.

use super::super::setting::Setting;
use super::super::yaml::Node;
use super::found::Found;
use super::places::{Places, leaf};
use super::reader::{AppReader, NOT_AN_ID};
use super::settings::ACCOUNTS;
use crate::domain::WabaId;

/// Most accounts of an app. Ten thousand, the largest provider we know of, take some sixty calls a
/// second at the default cadence.
const MAX_ACCOUNTS: usize = 20_000;

/// Accounts, each with the place that names it.
type Accounts = Vec<(String, WabaId)>;

impl<'a> AppReader<'_, 'a> {
    /// Accounts that are listed; none need be where they are discovered.
    pub(super) fn accounts(&mut self, places: Places<'a>, are_discovered: bool) -> Accounts {
        let found = self
            .listed_accounts(places)
            .or_else(|| self.variable_accounts(places));
        let accounts = found.or_missing(|| {
            if are_discovered {
                return;
            }
            let (place, message) = places.missing(&ACCOUNTS, None);
            self.walker.error(place, message);
        });
        accounts.unwrap_or_default()
    }

    fn listed_accounts(&mut self, places: Places<'a>) -> Found<Accounts> {
        let place = places.key(&ACCOUNTS);
        let items = match places.item.and_then(|(_, item)| item.get(leaf(&ACCOUNTS))) {
            None => return Found::Absent,
            Some(Node::List(items)) if (1..=MAX_ACCOUNTS).contains(&items.len()) => items,
            Some(_) => {
                let message =
                    format!("takes a list of 1 to {MAX_ACCOUNTS} ids, such as [102290129340398]");
                self.walker.error(place, message);
                return Found::Refused;
            }
        };
        let mut accounts = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let place = format!("{place}[{index}]");
            let Some(text) = self.walker.node_text(&place, item) else {
                continue;
            };
            match WabaId::parse(text) {
                Some(account) => accounts.push((place, account)),
                None => self.walker.error(place, NOT_AN_ID),
            }
        }
        Found::Value(accounts)
    }

    /// A list of the file with the place of each entry, or the words of the variable.
    pub(super) fn words(
        &mut self,
        setting: &Setting,
        places: Places<'a>,
    ) -> Option<Vec<(String, String)>> {
        let place = places.key(setting);
        let node = places.item.and_then(|(_, item)| item.get(leaf(setting)));
        if let Some(node) = node {
            let Node::List(items) = node else {
                self.walker
                    .error(place, "takes a list of ids, such as [102290129340398]");
                return None;
            };
            let mut words = Vec::new();
            for (index, item) in items.iter().enumerate() {
                let place = format!("{place}[{index}]");
                let text = self.walker.node_text(&place, item);
                words.extend(text.map(|text| (place, text.to_owned())));
            }
            return Some(words);
        }
        let (place, text) = self.variable(setting, places);
        let text = text.or_missing(|| {})?;
        let words = text.split(is_separator).filter(|word| !word.is_empty());
        Some(words.map(|word| (place.clone(), word.to_owned())).collect())
    }

    fn variable_accounts(&mut self, places: Places<'a>) -> Found<Accounts> {
        let (place, text) = self.variable(&ACCOUNTS, places);
        let text = match text {
            Found::Absent => return Found::Absent,
            Found::Refused => return Found::Refused,
            Found::Value(text) => text,
        };
        let entries: Vec<&str> = text
            .split(is_separator)
            .filter(|one| !one.is_empty())
            .collect();
        if !(1..=MAX_ACCOUNTS).contains(&entries.len()) {
            let message = format!("takes 1 to {MAX_ACCOUNTS} ids, separated by commas or spaces");
            self.walker.error(place, message);
            return Found::Refused;
        }
        let mut accounts = Vec::new();
        for (entry, number) in entries.into_iter().zip(1..) {
            match WabaId::parse(entry) {
                Some(account) => accounts.push((place.clone(), account)),
                None => self
                    .walker
                    .error(&place, format!("entry {number} {NOT_AN_ID}")),
            }
        }
        Found::Value(accounts)
    }
}

fn is_separator(character: char) -> bool {
    character == ',' || character.is_whitespace()
}
