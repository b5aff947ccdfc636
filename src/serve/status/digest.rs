//! The data of each account that the overview needs, cached between responses.
//!
//! A fleet has millions of templates, so a response must not read all of them. It reads only the accounts that have
//! changed since the last refresh. `background` refreshes in the meantime, so that a response after a quiet hour is as
//! fast as the next one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::concern::Concern;
use super::level::Level;
use super::{concern, issue, issues};
use crate::domain::{CallbackUrl, PhoneNumberId, Timestamp, WabaId};
use crate::state::{Account, Accounts};

/// Interval of the refresh in the background. Polls change some sixty of ten thousand accounts in a second.
pub(super) const REFRESH_EVERY: Duration = Duration::from_secs(5);

/// Minimum validity of the digest of an unchanged account, whose levels change only by the day.
const VALID_FOR: Duration = Duration::from_secs(60);

/// Number of refreshes over which digests that were computed together are spread when they expire.
const SPREAD_OVER: u32 = 12;

/// The levels and counts of one account, apart from its polls.
#[derive(Debug)]
pub(super) struct AccountDigest {
    /// Severity of the account's own issues.
    pub level: Level,
    /// The phone numbers that need attention.
    pub urgent_numbers: Vec<(PhoneNumberId, Level)>,
    pub templates: usize,
    /// Templates with current problems.
    pub template_problems: usize,
    /// Templates with past problems.
    pub templates_past: usize,
}

/// The digest of one version of an account.
#[derive(Debug)]
struct KeptDigest {
    /// Weak, so that replaced objects do not stay in memory.
    account: Weak<Account>,
    valid_until: Timestamp,
    digest: AccountDigest,
}

/// The digests of all accounts.
#[derive(Debug, Default)]
pub struct Digests(Mutex<KeptDigests>);

/// The digests, of one moment.
#[derive(Debug, Default)]
pub(super) struct KeptDigests {
    by_account: HashMap<WabaId, KeptDigest>,
    /// The URL that overrides of phone numbers were compared with.
    callback: Option<CallbackUrl>,
}

impl Digests {
    /// The digests of these accounts. Computes only those of changed accounts and expired ones.
    pub(super) fn of_accounts(
        &self,
        accounts: &Accounts,
        callback: Option<&CallbackUrl>,
        now: Timestamp,
    ) -> MutexGuard<'_, KeptDigests> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.callback.as_ref() != callback {
            kept.by_account.clear();
            kept.callback = callback.cloned();
        }
        let mut made = 0;
        for (waba_id, account) in accounts {
            let before = kept.by_account.get(waba_id);
            if before.is_some_and(|one| one.is_valid(account, now)) {
                continue;
            }
            let one = KeptDigest {
                account: Arc::downgrade(account),
                valid_until: now.plus(VALID_FOR + REFRESH_EVERY * (made % SPREAD_OVER)),
                digest: AccountDigest::new(account, callback, now),
            };
            kept.by_account.insert(waba_id.clone(), one);
            made += 1;
        }
        if kept.by_account.len() > accounts.len() {
            let by_account = &mut kept.by_account;
            by_account.retain(|waba_id, _| accounts.contains_key(waba_id));
        }
        kept
    }
}

impl KeptDigests {
    /// The digest of one of the accounts.
    pub fn get(&self, waba_id: &WabaId) -> Option<&AccountDigest> {
        self.by_account.get(waba_id).map(|one| &one.digest)
    }
}

impl KeptDigest {
    fn is_valid(&self, account: &Arc<Account>, now: Timestamp) -> bool {
        now < self.valid_until && Weak::as_ptr(&self.account) == Arc::as_ptr(account)
    }
}

impl AccountDigest {
    fn new(account: &Account, callback: Option<&CallbackUrl>, now: Timestamp) -> Self {
        let concerns = concern::counts(account, now);
        let urgent_numbers = account.numbers().filter_map(|number| {
            let issues = issues::for_number(number, account, callback, now);
            let level = issue::worst(&issues);
            (level <= Level::Warning).then(|| (number.id.clone(), level))
        });
        let templates_past = concerns.get(&Concern::Past).copied().unwrap_or(0);
        Self {
            level: issue::worst(&issues::for_account(account, &concerns, vec![], now)),
            urgent_numbers: urgent_numbers.collect(),
            templates: account.templates().count(),
            template_problems: concerns.values().sum::<usize>() - templates_past,
            templates_past,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Event, Fact, Listing, QualityRating, Source, number};
    use crate::state::State;

    const NOW: Timestamp = Timestamp::from_seconds(1_775_000_000);

    fn waba() -> WabaId {
        WabaId::parse("800").expect("digits")
    }

    fn rated(state: &mut State, at: Timestamp, rating: QualityRating) {
        let id = PhoneNumberId::parse("900").expect("digits");
        let snapshot = number::Snapshot {
            quality_rating: Some(rating),
            ..number::Snapshot::new(id)
        };
        let (objects, complete) = (vec![snapshot], true);
        state.apply(&Event {
            waba_id: waba(),
            observed_at: at,
            source: Source::Poll,
            fact: Fact::NumbersListed(Listing { objects, complete }),
        });
    }

    #[test]
    fn a_digest_is_computed_again_when_its_account_changes_or_it_expires() {
        let mut state = State::default();
        state.watch([waba()]);
        let digests = Digests::default();
        let urgent = |state: &State, now| {
            let kept = digests.of_accounts(state.accounts(), None, now);
            kept.get(&waba()).map(|one| one.urgent_numbers.len())
        };
        let address = |state: &State, now| {
            let kept = digests.of_accounts(state.accounts(), None, now);
            kept.get(&waba()).map(|one| one.urgent_numbers.as_ptr())
        };
        rated(&mut state, NOW, QualityRating::Red);
        assert_eq!(urgent(&state, NOW), Some(1));
        let later = NOW.plus(REFRESH_EVERY);
        let kept = address(&state, NOW);
        assert_eq!(address(&state, later), kept, "nothing changed");
        assert_ne!(address(&state, NOW.plus(VALID_FOR)), kept, "too old");
        rated(&mut state, later, QualityRating::Green);
        assert_eq!(urgent(&state, later), Some(0));
        state.watch([]);
        assert_eq!(urgent(&state, later), None);
    }
}
