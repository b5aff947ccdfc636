//! The accounts of all replicas, for the counters of campaigns and experiments.
//!
//! A campaign or an experiment can have messages of many accounts, and one replica exports it. Its counters must never
//! decrease, even when accounts or its shard move to another replica. Therefore all counts come from one reading: from
//! memory for the accounts that this replica exported at that time, and from their rows for all others. Both are
//! committed states, so a later reading never has lower counts, on any replica. A replica exports a campaign only from
//! a reading that began after it acquired the campaign's shard.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ExportPermit;
use super::engine::{ACCOUNTS_PER_LOAD, AccountReader, StoreError};
use super::rows;
use crate::domain::WabaId;
use crate::state::{Account, Accounts, Traffic};

/// The last reading.
#[derive(Debug)]
pub struct CampaignRows {
    reader: Arc<dyn AccountReader>,
    reading: Mutex<Reading>,
}

#[derive(Debug, Default)]
struct Reading {
    /// The accounts of other replicas.
    others: BTreeMap<WabaId, Row>,
    /// All accounts with counts of campaigns.
    counted: Accounts,
    /// The permit before the reading. `None` before the first.
    permit: Option<ExportPermit>,
}

/// The kept part of an account of another replica.
#[derive(Clone, Debug)]
struct Row {
    saved_ms: i64,
    /// The account with only its traffic. `None` without counts of a campaign.
    counted: Option<Arc<Account>>,
}

impl CampaignRows {
    /// Starts without a reading.
    pub fn new(reader: Arc<dyn AccountReader>) -> Self {
        Self {
            reader,
            reading: Mutex::default(),
        }
    }

    /// Reads the accounts of others whose rows have changed. `own` are those of this replica, and the permit is that of
    /// the time before. Forgets accounts that are in neither.
    pub async fn read(
        &self,
        own: Accounts,
        others: BTreeSet<WabaId>,
        permit: ExportPermit,
    ) -> Result<(), StoreError> {
        let ids: Vec<String> = others.iter().map(WabaId::to_string).collect();
        let mut rows = self.reading().others.clone();
        rows.retain(|waba_id, _| others.contains(waba_id));
        let mut changed = BTreeMap::new();
        for (waba_id, saved_ms) in self.reader.saved_times(&ids).await? {
            let Some(waba_id) = WabaId::parse(&waba_id) else {
                continue;
            };
            if rows
                .get(&waba_id)
                .is_none_or(|row| row.saved_ms != saved_ms)
            {
                changed.insert(waba_id, saved_ms);
            }
        }
        let changed: Vec<(WabaId, i64)> = changed.into_iter().collect();
        for some in changed.chunks(ACCOUNTS_PER_LOAD) {
            let mut counted = self.load(some).await?;
            for (waba_id, saved_ms) in some {
                let row = Row {
                    saved_ms: *saved_ms,
                    counted: counted.remove(waba_id).map(Arc::new),
                };
                rows.insert(waba_id.clone(), row);
            }
        }
        let counts = |account: &Account| account.traffic().any(counts_for_all);
        let mut counted = own;
        counted.retain(|_, account| counts(account));
        counted.extend(rows.iter().filter_map(|(waba_id, row)| {
            let account = row.counted.as_ref()?;
            Some((waba_id.clone(), Arc::clone(account)))
        }));
        *self.reading() = Reading {
            others: rows,
            counted,
            permit: Some(permit),
        };
        Ok(())
    }

    /// Forgets everything, because this replica exports no campaign.
    pub fn clear(&self) {
        *self.reading() = Reading::default();
    }

    /// The accounts with counts of campaigns, with the permit at the time of the reading.
    pub fn accounts(&self) -> Option<(Accounts, ExportPermit)> {
        let reading = self.reading();
        let permit = reading.permit.clone()?;
        Some((reading.counted.clone(), permit))
    }

    /// Those of these accounts that have counts of a campaign.
    async fn load(&self, some: &[(WabaId, i64)]) -> Result<BTreeMap<WabaId, Account>, StoreError> {
        let ids: Vec<String> = some.iter().map(|(id, _)| id.to_string()).collect();
        let mut counted: BTreeMap<WabaId, Account> = BTreeMap::new();
        for (waba_id, state) in self.reader.traffic(&ids).await? {
            let traffic = rows::to_traffic(&state)?;
            if let Some(waba_id) = WabaId::parse(&waba_id).filter(|_| counts_for_all(&traffic)) {
                let account = counted.entry(waba_id).or_default();
                account
                    .traffic
                    .insert(traffic.id.clone(), Arc::new(traffic));
            }
        }
        Ok(counted)
    }

    /// Hold the lock only briefly.
    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the number has counters that one replica sums over all accounts.
fn counts_for_all(traffic: &Traffic) -> bool {
    traffic.campaigns.iter().next().is_some() || !traffic.experiments.is_empty()
}
