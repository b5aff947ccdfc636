//! When an account has been read completely for the first time.

use std::collections::BTreeMap;

use crate::domain::{Collector, Event, Fact, WabaId, Word as _};
use crate::state::Accounts;

/// The collectors that have read each account completely since the process started.
#[derive(Debug, Default)]
pub(in crate::store) struct FirstReads(BTreeMap<WabaId, [bool; 3]>);

impl FirstReads {
    /// Logs each account once all collectors have read it.
    pub fn note(&mut self, events: &[&Event], accounts: &Accounts) {
        for event in events {
            let Some(account) = accounts.get(&event.waba_id) else {
                continue;
            };
            if self.is_complete_with(event) {
                let name = account.name.value();
                let (phone_numbers, templates) =
                    (account.numbers().count(), account.templates().count());
                tracing::info!(
                    waba_id = %event.waba_id, name, phone_numbers, templates,
                    "business account read completely for the first time since start"
                );
            }
        }
    }

    /// Drops accounts that are no longer watched. They are logged again if they return.
    pub fn watch(&mut self, accounts: &Accounts) {
        self.0.retain(|waba_id, _| accounts.contains_key(waba_id));
    }

    fn is_complete_with(&mut self, event: &Event) -> bool {
        let collector = match &event.fact {
            Fact::AccountRead(_) => Collector::Account,
            Fact::NumbersListed(listing) if listing.complete => Collector::Numbers,
            Fact::TemplatesListed(listing, _) if listing.complete => Collector::Templates,
            _ => return false,
        };
        let reads = self.0.entry(event.waba_id.clone()).or_default();
        let is_new = reads.get_mut(collector.index());
        let is_new = is_new.is_some_and(|read| !std::mem::replace(read, true));
        is_new && reads.iter().all(|read| *read)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Listing, Source, Timestamp, account, template};

    fn waba(which: usize) -> WabaId {
        WabaId::parse(&format!("80010020030040{which}")).expect("digits")
    }

    fn read(waba_id: &WabaId, fact: Fact) -> Event {
        Event {
            waba_id: waba_id.clone(),
            observed_at: Timestamp::from_seconds(1),
            source: Source::Poll,
            fact,
        }
    }

    fn listing<T>(complete: bool) -> Listing<T> {
        let objects = Vec::new();
        Listing { objects, complete }
    }

    #[test]
    fn an_account_counts_as_read_after_all_collectors_read_it_completely() {
        let account = || Fact::AccountRead(account::Snapshot::default());
        let numbers = |complete| Fact::NumbersListed(listing(complete));
        let templates =
            |complete| Fact::TemplatesListed(listing(complete), template::Totals::default());
        let mut reads = FirstReads::default();
        let mut is_complete = |which, fact| reads.is_complete_with(&read(&waba(which), fact));
        assert!(!is_complete(0, account()));
        assert!(!is_complete(0, templates(false)));
        assert!(!is_complete(0, numbers(true)));
        assert!(!is_complete(0, Fact::Unwatched));
        assert!(!is_complete(1, templates(true)), "another account");
        assert!(is_complete(0, templates(true)));
        assert!(!is_complete(0, account()), "once is enough");
        reads.watch(&Accounts::from([(waba(1), Arc::default())]));
        assert_eq!(reads.0.len(), 1);
    }
}
