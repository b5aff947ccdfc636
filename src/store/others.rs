//! Accounts of other replicas, read from their rows: for the status page, the API and the send gate, which answer for
//! all accounts on any replica. They are read on request, and are a few seconds old.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::account_index::AccountIndex;
use super::customer_log::CustomerLogs;
use super::engine::{ACCOUNTS_PER_LOAD, AccountParts, AccountReader, StoreError};
use super::lookups::Lookups;
use super::rows;
use crate::domain::{BusinessId, PhoneNumberId, WabaId};
use crate::state::Accounts;

/// Rows are read again after this time.
pub const READ_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Accounts that were not requested for this time are dropped from memory.
const KEPT_FOR: Duration = Duration::from_secs(600);

/// The accounts of other replicas that were requested.
#[derive(Debug)]
pub struct Others {
    reader: Arc<dyn AccountReader>,
    /// The parts of each account that are read.
    parts: AccountParts,
    cache: Mutex<Cache>,
    /// One request reads at a time; the others use its result.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Cache {
    accounts: Accounts,
    index: AccountIndex,
    /// When each account was saved, in Unix milliseconds, and when its row was read.
    rows: BTreeMap<WabaId, (i64, Instant)>,
    /// When all were read.
    all_read_at: Option<Instant>,
    numbers: Lookups<PhoneNumberId>,
    portfolios: Lookups<BusinessId>,
    /// When a read for a decision has failed.
    failed_at: Option<Instant>,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            accounts: Accounts::new(),
            index: AccountIndex::default(),
            rows: BTreeMap::new(),
            all_read_at: None,
            numbers: Lookups::new(READ_AGAIN_AFTER),
            portfolios: Lookups::new(READ_AGAIN_AFTER),
            failed_at: None,
        }
    }
}

impl Others {
    /// Starts without a reading.
    pub fn new(reader: Arc<dyn AccountReader>, parts: AccountParts) -> Self {
        Self {
            reader,
            parts,
            cache: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// The requested accounts.
    pub fn accounts(&self) -> Accounts {
        self.cache().accounts.clone()
    }

    /// Those of them that have this number.
    pub fn of_number(&self, id: &PhoneNumberId) -> Accounts {
        let cache = self.cache();
        cache.named(cache.index.of_number(id))
    }

    /// Those of them that this portfolio owns.
    pub fn of_portfolio(&self, id: &BusinessId) -> Accounts {
        let cache = self.cache();
        cache.named(cache.index.of_portfolio(id))
    }

    /// How many accounts of other replicas were read together last, and how long ago. `None` before the first reading.
    pub fn last_reading(&self) -> Option<(usize, Duration)> {
        let cache = self.cache();
        let at = cache.all_read_at?;
        Some((cache.accounts.len(), at.elapsed()))
    }

    /// Reads all these accounts, if that was not done within the last seconds.
    pub async fn read_all(&self, waba_ids: BTreeSet<WabaId>) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        let is_fresh = |at: Instant| at.elapsed() < READ_AGAIN_AFTER;
        if self.cache().all_read_at.is_some_and(is_fresh) {
            return Ok(());
        }
        let began = Instant::now();
        self.read(waba_ids).await?;
        self.cache().all_read_at = Some(began);
        Ok(())
    }

    /// Reads the accounts that have this number, if that was not done within the last seconds. `is_other` selects those
    /// of other replicas.
    pub async fn read_number(
        &self,
        id: &PhoneNumberId,
        is_other: impl Fn(&WabaId) -> bool,
    ) -> Result<(), StoreError> {
        let query = async { self.reader.of_number(id.as_str()).await };
        let found = self.look_up(|cache| &mut cache.numbers, id, query).await?;
        self.read_some(found, is_other).await
    }

    /// Reads the accounts that this portfolio owns, if that was not done within the last seconds.
    pub async fn read_portfolio(
        &self,
        id: &BusinessId,
        is_other: impl Fn(&WabaId) -> bool,
    ) -> Result<(), StoreError> {
        let query = async { self.reader.of_portfolios(&[id.to_string()]).await };
        let found = self
            .look_up(|cache| &mut cache.portfolios, id, query)
            .await?;
        self.read_some(found, is_other).await
    }

    /// The accounts of a key: as the database answered within the last seconds, or as it answers now.
    async fn look_up<K: Clone + Ord>(
        &self,
        lookups: impl Fn(&mut Cache) -> &mut Lookups<K>,
        key: &K,
        query: impl Future<Output = Result<Vec<String>, StoreError>>,
    ) -> Result<Vec<WabaId>, StoreError> {
        let known = lookups(&mut self.cache()).get(key);
        if let Some(found) = known {
            return Ok(found);
        }
        let _turn = self.turn.lock().await;
        // Another request may have read it meanwhile.
        let known = lookups(&mut self.cache()).get(key);
        if let Some(found) = known {
            return Ok(found);
        }
        let requested_at = Instant::now();
        let found = parsed(&query.await?);
        lookups(&mut self.cache()).insert(key.clone(), requested_at, found.clone());
        Ok(found)
    }

    /// Whether a read for a decision has failed within the last seconds.
    pub fn has_failed_lately(&self) -> bool {
        let failed_at = self.cache().failed_at;
        failed_at.is_some_and(|at| at.elapsed() < READ_AGAIN_AFTER)
    }

    /// Notes that a read for a decision has failed.
    pub fn note_failure(&self) {
        self.cache().failed_at = Some(Instant::now());
    }

    /// Reads the accounts that these portfolios own.
    pub async fn read_portfolios(
        &self,
        ids: &[BusinessId],
        is_other: impl Fn(&WabaId) -> bool,
    ) -> Result<(), StoreError> {
        let ids: Vec<String> = ids.iter().map(BusinessId::to_string).collect();
        let found = self.reader.of_portfolios(&ids).await?;
        self.read_some(parsed(&found), is_other).await
    }

    /// The portfolios that own stored accounts.
    pub async fn portfolios(&self) -> Result<Vec<BusinessId>, StoreError> {
        let ids = self.reader.portfolios().await?;
        Ok(ids.iter().filter_map(|id| BusinessId::parse(id)).collect())
    }

    /// Drops accounts that were not requested in the last minutes, and those that no longer belong to another replica.
    pub fn forget(&self, is_other: impl Fn(&WabaId) -> bool) {
        let mut cache = self.cache();
        let kept: BTreeSet<WabaId> = cache
            .rows
            .iter()
            .filter(|(waba_id, (_, read_at))| read_at.elapsed() < KEPT_FOR && is_other(waba_id))
            .map(|(waba_id, _)| waba_id.clone())
            .collect();
        if kept.len() < cache.rows.len() {
            cache.retain(&kept);
        }
    }

    /// Reads those of these accounts of other replicas that were not read within the last seconds.
    async fn read_some(
        &self,
        mut waba_ids: Vec<WabaId>,
        is_other: impl Fn(&WabaId) -> bool,
    ) -> Result<(), StoreError> {
        waba_ids.retain(is_other);
        if self.stale(&waba_ids).is_empty() {
            return Ok(());
        }
        let _turn = self.turn.lock().await;
        // Another request may have read them meanwhile.
        let stale = self.stale(&waba_ids);
        if stale.is_empty() {
            return Ok(());
        }
        self.read(stale).await
    }

    fn stale(&self, waba_ids: &[WabaId]) -> BTreeSet<WabaId> {
        let cache = self.cache();
        let is_stale = |id: &&WabaId| {
            let row = cache.rows.get(*id);
            row.is_none_or(|(_, read_at)| read_at.elapsed() >= READ_AGAIN_AFTER)
        };
        waba_ids.iter().filter(is_stale).cloned().collect()
    }

    /// Reads those of these accounts whose rows have changed.
    async fn read(&self, waba_ids: BTreeSet<WabaId>) -> Result<(), StoreError> {
        let read_at = Instant::now();
        let wanted: Vec<String> = waba_ids.iter().map(WabaId::to_string).collect();
        let saved = self.reader.saved_times(&wanted).await?;
        let mut changed = Vec::new();
        {
            let mut cache = self.cache();
            for (waba_id, saved_ms) in saved {
                let known = WabaId::parse(&waba_id).and_then(|id| cache.rows.get_mut(&id));
                match known {
                    Some((known_ms, known_at)) if *known_ms == saved_ms => *known_at = read_at,
                    _ => changed.push((waba_id, saved_ms)),
                }
            }
        }
        for some in changed.chunks(ACCOUNTS_PER_LOAD) {
            let ids: Vec<String> = some.iter().map(|(id, _)| id.clone()).collect();
            let rows = self.reader.load(&ids, self.parts).await?;
            let times: BTreeMap<&str, i64> =
                some.iter().map(|(id, ms)| (id.as_str(), *ms)).collect();
            let mut accounts = Accounts::new();
            for (waba_id, saved) in rows {
                let Some(waba_id) = WabaId::parse(&waba_id) else {
                    continue;
                };
                let mut account = rows::to_account(&saved)?;
                let mut logs = CustomerLogs::default();
                logs.restore(&waba_id, &saved.segments, &mut account)?;
                accounts.insert(waba_id, Arc::new(account));
            }
            let mut cache = self.cache();
            for (waba_id, account) in accounts {
                let saved_ms = times.get(waba_id.as_str()).copied().unwrap_or_default();
                cache.rows.insert(waba_id.clone(), (saved_ms, read_at));
                cache.accounts.insert(waba_id, account);
            }
            cache.index = AccountIndex::new(&cache.accounts);
        }
        Ok(())
    }

    /// Hold the lock only briefly.
    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parsed(waba_ids: &[String]) -> Vec<WabaId> {
    waba_ids.iter().filter_map(|id| WabaId::parse(id)).collect()
}

impl Cache {
    fn named<'a>(&self, waba_ids: impl Iterator<Item = &'a WabaId>) -> Accounts {
        let found = waba_ids.filter_map(|waba_id| {
            let account = Arc::clone(self.accounts.get(waba_id)?);
            Some((waba_id.clone(), account))
        });
        found.collect()
    }

    fn retain(&mut self, kept: &BTreeSet<WabaId>) {
        self.rows.retain(|waba_id, _| kept.contains(waba_id));
        self.accounts.retain(|waba_id, _| kept.contains(waba_id));
        self.index = AccountIndex::new(&self.accounts);
        self.all_read_at = None;
    }
}
