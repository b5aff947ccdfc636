//! The accounts of each phone number, so that the account of a number is found without looking at all accounts.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{PhoneNumberId, WabaId};
use crate::state::{Account, Accounts};

/// The accounts in which polls or messages have shown a number, including accounts that no longer list it.
#[derive(Debug, Default)]
pub(super) struct NumberIndex(BTreeMap<PhoneNumberId, BTreeSet<WabaId>>);

impl NumberIndex {
    /// Builds the index of these accounts.
    pub fn new(accounts: &Accounts) -> Self {
        let mut index = Self::default();
        for (waba_id, account) in accounts {
            index.add(waba_id, account);
        }
        index
    }

    /// The accounts of a number.
    pub fn accounts_of(&self, id: &PhoneNumberId) -> impl Iterator<Item = &WabaId> {
        self.0.get(id).into_iter().flatten()
    }

    /// Follows a change of an account. Nearly all changes keep the numbers.
    pub fn update(&mut self, waba_id: &WabaId, before: &Account, now: &Account) {
        if before.number_ids().eq(now.number_ids()) {
            return;
        }
        for id in before.number_ids() {
            if let Some(accounts) = self.0.get_mut(id) {
                accounts.remove(waba_id);
                if accounts.is_empty() {
                    self.0.remove(id);
                }
            }
        }
        self.add(waba_id, now);
    }

    fn add(&mut self, waba_id: &WabaId, account: &Account) {
        for id in account.number_ids() {
            let accounts = self.0.entry(id.clone()).or_default();
            accounts.insert(waba_id.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Event, Fact, Listing, Source, Timestamp, number};
    use crate::state::State;

    fn listed(waba_id: &WabaId, at: i64, ids: &[&PhoneNumberId]) -> Event {
        let objects = ids
            .iter()
            .map(|id| number::Snapshot::new((*id).clone()))
            .collect();
        Event {
            waba_id: waba_id.clone(),
            observed_at: Timestamp::from_seconds(1_775_000_000 + at),
            source: Source::Poll,
            fact: Fact::NumbersListed(Listing {
                objects,
                complete: true,
            }),
        }
    }

    #[test]
    fn the_index_follows_each_change() {
        let [one, two] = ["800", "801"].map(|id| WabaId::parse(id).expect("digits"));
        let [a, b] = ["900", "901"].map(|id| PhoneNumberId::parse(id).expect("digits"));
        let mut state = State::default();
        state.watch([one.clone(), two.clone()]);
        let mut index = NumberIndex::new(state.accounts());
        for event in [
            listed(&one, 0, &[&a]),
            listed(&two, 1, &[&a, &b]),
            listed(&one, 2, &[&a]),
            listed(&two, 3, &[&b]),
        ] {
            let before = state.accounts()[&event.waba_id].clone();
            state.apply(&event);
            index.update(&event.waba_id, &before, &state.accounts()[&event.waba_id]);
            assert_eq!(index.0, NumberIndex::new(state.accounts()).0, "{event:?}");
        }
        let of = |id| index.accounts_of(id).cloned().collect::<Vec<_>>();
        assert_eq!(of(&b), std::slice::from_ref(&two));
        assert!(of(&a).contains(&one));
        state.watch([one]);
        let index = NumberIndex::new(state.accounts());
        assert_eq!(index.accounts_of(&b).count(), 0);
    }
}
