//! The accounts of each phone number and of each portfolio, so that they are found without a search through all
//! accounts.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{BusinessId, PhoneNumberId, WabaId};
use crate::state::{Account, Accounts};

/// The index of the published accounts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct AccountIndex {
    /// The accounts in which polls or messages have shown a number, including accounts that no longer list it.
    by_number: Index<PhoneNumberId>,
    /// The accounts that a portfolio owns.
    by_portfolio: Index<BusinessId>,
}

type Index<K> = BTreeMap<K, BTreeSet<WabaId>>;

impl AccountIndex {
    /// Builds the index of these accounts.
    pub fn new(accounts: &Accounts) -> Self {
        let mut index = Self::default();
        for (waba_id, account) in accounts {
            add(&mut index.by_number, waba_id, account.number_ids());
            add(
                &mut index.by_portfolio,
                waba_id,
                account.business_id.value(),
            );
        }
        index
    }

    /// The accounts of a number.
    pub fn of_number(&self, id: &PhoneNumberId) -> impl Iterator<Item = &WabaId> {
        self.by_number.get(id).into_iter().flatten()
    }

    /// The numbers that polls or messages have shown in several accounts.
    pub fn numbers_of_several(&self) -> BTreeSet<PhoneNumberId> {
        let several = self.by_number.iter().filter(|(_, of)| of.len() > 1);
        several.map(|(id, _)| id.clone()).collect()
    }

    /// The accounts of a portfolio.
    pub fn of_portfolio(&self, id: &BusinessId) -> impl Iterator<Item = &WabaId> {
        self.by_portfolio.get(id).into_iter().flatten()
    }

    /// Updates the index after a change of an account. Nearly all changes keep its numbers and its portfolio.
    pub fn update(&mut self, waba_id: &WabaId, before: &Account, now: &Account) {
        if !before.number_ids().eq(now.number_ids()) {
            remove(&mut self.by_number, waba_id, before.number_ids());
            add(&mut self.by_number, waba_id, now.number_ids());
        }
        let [before, now] = [before, now].map(|account| account.business_id.value());
        if before != now {
            remove(&mut self.by_portfolio, waba_id, before);
            add(&mut self.by_portfolio, waba_id, now);
        }
    }
}

fn add<'a, K: Clone + Ord + 'a>(
    index: &mut Index<K>,
    waba_id: &WabaId,
    keys: impl IntoIterator<Item = &'a K>,
) {
    for key in keys {
        let accounts = index.entry(key.clone()).or_default();
        accounts.insert(waba_id.clone());
    }
}

fn remove<'a, K: Ord + 'a>(
    index: &mut Index<K>,
    waba_id: &WabaId,
    keys: impl IntoIterator<Item = &'a K>,
) {
    for key in keys {
        if let Some(accounts) = index.get_mut(key) {
            accounts.remove(waba_id);
            if accounts.is_empty() {
                index.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Event, Fact, Listing, Source, Timestamp, account, number};
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

    fn owned(waba_id: &WabaId, at: i64, by: &str) -> Event {
        let mut snapshot = account::Snapshot::new();
        snapshot.business_id = BusinessId::parse(by);
        Event {
            fact: Fact::AccountRead(snapshot),
            ..listed(waba_id, at, &[])
        }
    }

    #[test]
    fn the_index_follows_each_change() {
        let [one, two] = ["800", "801"].map(|id| WabaId::parse(id).expect("digits"));
        let [a, b] = ["900", "901"].map(|id| PhoneNumberId::parse(id).expect("digits"));
        let mut state = State::default();
        state.watch([one.clone(), two.clone()]);
        let mut index = AccountIndex::new(state.accounts());
        for event in [
            listed(&one, 0, &[&a]),
            listed(&two, 1, &[&a, &b]),
            listed(&one, 2, &[&a]),
            listed(&two, 3, &[&b]),
            owned(&one, 4, "700"),
            owned(&two, 5, "700"),
            owned(&one, 6, "701"),
        ] {
            let before = state.accounts()[&event.waba_id].clone();
            state.apply(&event);
            index.update(&event.waba_id, &before, &state.accounts()[&event.waba_id]);
            assert_eq!(index, AccountIndex::new(state.accounts()), "{event:?}");
        }
        assert!(index.numbers_of_several().contains(&a));
        let of = |id| index.of_number(id).cloned().collect::<Vec<_>>();
        assert_eq!(of(&b), std::slice::from_ref(&two));
        assert!(of(&a).contains(&one));
        let portfolio = BusinessId::parse("700").expect("digits");
        assert_eq!(index.of_portfolio(&portfolio).collect::<Vec<_>>(), [&two]);
        state.watch([one]);
        let index = AccountIndex::new(state.accounts());
        assert_eq!(index.of_number(&b).count(), 0);
    }
}
