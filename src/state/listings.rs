//! Phone numbers that several accounts list.
//!
//! Since 2026, one number may belong to several accounts. All of them show the same rating and status, so one listing
//! represents the number in sums and alerts.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use super::{Account, Accounts};
use crate::domain::{PhoneNumberId, WabaId};

/// The account that represents each phone number that several accounts list: of those that are not lost, the one with
/// the lowest id.
#[derive(Debug, Default)]
pub struct SharedNumbers<'a>(HashMap<&'a PhoneNumberId, &'a WabaId>);

impl<'a> SharedNumbers<'a> {
    /// Searches the listings of all accounts.
    #[must_use]
    pub fn new(accounts: &'a Accounts) -> Self {
        Self::search(accounts, |_| true)
    }

    /// Searches only for these numbers, which include all that several accounts list.
    #[must_use]
    pub fn among(accounts: &'a Accounts, numbers: &BTreeSet<PhoneNumberId>) -> Self {
        if numbers.is_empty() {
            return Self::default();
        }
        Self::search(accounts, |id| numbers.contains(id))
    }

    fn search(accounts: &'a Accounts, is_sought: impl Fn(&PhoneNumberId) -> bool) -> Self {
        let mut first = HashMap::new();
        let mut shared = HashMap::new();
        let mut in_order: Vec<(&WabaId, &Account)> = accounts
            .iter()
            .map(|(waba_id, account)| (waba_id, account.as_ref()))
            .collect();
        in_order.sort_by_key(|(waba_id, account)| {
            let is_visible = account.lost_since().is_none();
            // Ids have no leading zeros, so a longer one is higher.
            (Reverse(is_visible), waba_id.as_str().len(), *waba_id)
        });
        for (waba_id, account) in in_order {
            for number in account.numbers().filter(|one| is_sought(&one.id)) {
                let primary = *first.entry(&number.id).or_insert(waba_id);
                if primary != waba_id {
                    shared.insert(&number.id, primary);
                }
            }
        }
        Self(shared)
    }

    /// Whether another account represents this number, which the account lists.
    #[must_use]
    pub fn is_listed_again(&self, waba_id: &WabaId, number: &PhoneNumberId) -> bool {
        self.0
            .get(number)
            .is_some_and(|primary| *primary != waba_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::Loss;
    use crate::domain::{Event, Fact, Listing, Source, Timestamp, number};
    use crate::state::State;

    fn waba(id: &str) -> WabaId {
        WabaId::parse(id).expect("digits")
    }

    fn number(id: &str) -> PhoneNumberId {
        PhoneNumberId::parse(id).expect("digits")
    }

    fn listed(state: &mut State, account: &str, at: i64, numbers: &[&str]) {
        let objects = numbers.iter().map(|id| number::Snapshot::new(number(id)));
        let listing = Listing {
            objects: objects.collect(),
            complete: true,
        };
        apply(state, account, at, Fact::NumbersListed(listing));
    }

    fn apply(state: &mut State, account: &str, at: i64, fact: Fact) {
        state.apply(&Event {
            waba_id: waba(account),
            observed_at: Timestamp::from_seconds(at),
            source: Source::Poll,
            fact,
        });
    }

    /// The accounts for which another one stands.
    fn again(state: &State, id: &str) -> Vec<String> {
        let shared = SharedNumbers::new(state.accounts());
        let id = number(id);
        let among = [id.clone()].into();
        let same = SharedNumbers::among(state.accounts(), &among);
        assert_eq!(same.0.get(&id), shared.0.get(&id));
        let listing = state.accounts().iter();
        let listing = listing.filter(|(_, account)| account.numbers().any(|one| one.id == id));
        let again = listing.filter(|(waba_id, _)| shared.is_listed_again(waba_id, &id));
        again.map(|(waba_id, _)| waba_id.to_string()).collect()
    }

    #[test]
    fn the_visible_account_with_the_lowest_id_represents_the_number() {
        let mut state = State::default();
        state.watch(["9", "10", "11"].map(waba));
        for account in ["11", "10", "9"] {
            listed(&mut state, account, 1, &["900"]);
        }
        listed(&mut state, "10", 2, &["900", "901"]);
        assert_eq!(again(&state, "900"), ["10", "11"]);
        assert_eq!(again(&state, "901"), [""; 0]);
        assert_eq!(again(&state, "902"), [""; 0]);
        // A lost account keeps its numbers, but its data are old.
        apply(&mut state, "9", 3, Fact::AccountLoss(Loss::Unreadable));
        assert_eq!(again(&state, "900"), ["11", "9"]);
        // Removed from an account, it is listed once less.
        listed(&mut state, "10", 4, &["901"]);
        assert_eq!(again(&state, "900"), ["9"]);
        listed(&mut state, "11", 5, &[]);
        assert_eq!(again(&state, "900"), [""; 0]);
    }
}
