//! Reads an app's accounts: a list in the file, or words in a variable.

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
    pub(super) fn accounts(&mut self, places: Places<'a>) -> Accounts {
        let found = self
            .listed_accounts(places)
            .or_else(|| self.variable_accounts(places));
        let accounts = found.or_missing(|| {
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

    fn variable_accounts(&mut self, places: Places<'a>) -> Found<Accounts> {
        let (place, text) = self.variable(&ACCOUNTS, places);
        let text = match text {
            Found::Absent => return Found::Absent,
            Found::Refused => return Found::Refused,
            Found::Value(text) => text,
        };
        let is_separator = |character: char| character == ',' || character.is_whitespace();
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
