//! Which accounts a response shows: one, or a page of all or of those that match a search.

use super::Facts;
use crate::domain::WabaId;
use crate::state::{Account, Number};

/// Maximum length of a search in bytes. Names have less.
const MAX_SEARCH: usize = 256;

/// The shown accounts, and their place among those that were found.
#[derive(Debug, Default)]
pub(super) struct AccountSelection {
    pub shown: Vec<WabaId>,
    pub search: Option<AccountSearch>,
    /// Number of accounts that the search found, or of all without one.
    pub found: usize,
    pub offset: usize,
    pub limit: usize,
}

impl AccountSelection {
    /// Offset of the next page. `None` on the last one.
    pub fn next_offset(&self) -> Option<usize> {
        let end = self.offset.saturating_add(self.limit);
        (end < self.found).then_some(end)
    }

    /// Offset of the previous page. `None` on the first one.
    pub fn previous_offset(&self) -> Option<usize> {
        let end = self.offset.min(self.found);
        (end > 0).then(|| end.saturating_sub(self.limit))
    }

    /// Whether the search finds this phone number.
    pub fn finds(&self, number: &Number) -> bool {
        let search = self.search.as_ref();
        search.is_some_and(|search| search.is_number(number))
    }
}

/// A search for accounts by id or name, or by id, name or digits of one of their phone numbers.
#[derive(Debug)]
pub(super) struct AccountSearch {
    /// The text as requested.
    pub asked: String,
    lower_case: String,
    /// The digits, if the text is written like a phone number.
    digits: Option<String>,
}

impl AccountSearch {
    /// # Errors
    /// If the text is too long.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.len() > MAX_SEARCH {
            return Err(format!("q: must have at most {MAX_SEARCH} bytes"));
        }
        let is_of_number = |one: char| one.is_ascii_digit() || " +-()./".contains(one);
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        Ok(Self {
            asked: text.to_owned(),
            lower_case: text.to_lowercase(),
            digits: Some(digits).filter(|all| !all.is_empty() && text.chars().all(is_of_number)),
        })
    }

    /// The accounts that match, in this order.
    pub fn find(&self, facts: &Facts, order: &[WabaId]) -> Vec<WabaId> {
        let matches = |waba_id: &&WabaId| {
            let account = facts.accounts.get(*waba_id);
            account.is_some_and(|account| self.is_account(waba_id, account))
        };
        order.iter().filter(matches).cloned().collect()
    }

    fn is_account(&self, waba_id: &WabaId, account: &Account) -> bool {
        let is_own = self.is_in(waba_id.as_str())
            || account.name.value().is_some_and(|name| self.is_in(name));
        is_own || account.numbers().any(|number| self.is_number(number))
    }

    /// Whether it finds this phone number.
    pub fn is_number(&self, number: &Number) -> bool {
        let name = number.verified_name.value();
        let has = |asked: &String| {
            let digits = number.digits();
            digits.is_some_and(|digits| digits.as_str().contains(asked))
        };
        self.is_in(number.id.as_str())
            || name.is_some_and(|name| self.is_in(name))
            || self.digits.as_ref().is_some_and(has)
    }

    fn is_in(&self, text: &str) -> bool {
        text.to_lowercase().contains(&self.lower_case)
    }
}
