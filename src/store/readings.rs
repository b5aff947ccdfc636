//! Reads of accounts that other replicas own, and the states that requests see of them.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::timeout;

use super::others::Others;
use super::{ExportPermit, Store, StoreUnavailable};
use crate::domain::{BusinessId, PhoneNumberId, WabaId};
use crate::state::Accounts;

/// How long a decision of the send gate waits for the database. Senders wait for the decision.
const GATE_READ_LIMIT: Duration = Duration::from_millis(500);

impl Store {
    /// The committed state of each account in which polls or messages have shown this number. Faster than a search in a
    /// snapshot. Those of other replicas are as they were when they were [read](Self::read_number). After the lease of
    /// this replica has ended, its own are as they were last.
    #[must_use]
    pub fn accounts_of_number(&self, id: &PhoneNumberId) -> Accounts {
        let own = self.own_of_number(id);
        self.with_last_known(own, self.others.as_ref(), |others| others.of_number(id))
    }

    /// The committed state of each account that this portfolio owns, as [of a number](Self::accounts_of_number), but
    /// without the templates of other replicas' accounts. Faster than a search in a snapshot.
    #[must_use]
    pub fn accounts_of_portfolio(&self, id: &BusinessId) -> Accounts {
        let own = self
            .shared
            .indexed(|index| index.of_portfolio(id).cloned().collect());
        let others = self.portfolio_others.as_ref();
        self.with_last_known(own, others, |others| others.of_portfolio(id))
    }

    /// The committed state of all accounts, those of other replicas as they were when they were [read](Self::read_all).
    #[must_use]
    pub fn all_accounts(&self) -> Accounts {
        self.with_others(self.snapshot(), self.others.as_ref())
    }

    /// The accounts of this replica, and those of others that belong to the portfolios that this one exports, as they
    /// were when they were [read](Self::read_portfolios). The latter have no templates.
    #[must_use]
    pub fn portfolio_accounts(&self) -> Accounts {
        self.with_others(self.snapshot(), self.portfolio_others.as_ref())
    }

    fn own_of_number(&self, id: &PhoneNumberId) -> Accounts {
        self.shared
            .indexed(|index| index.of_number(id).cloned().collect())
    }

    fn with_others(&self, mut own: Accounts, others: Option<&Others>) -> Accounts {
        if let Some(others) = others {
            let mut found = others.accounts();
            found.retain(|waba_id, _| self.is_other(waba_id));
            own.retain(|waba_id, _| self.exports_account(waba_id));
            own.extend(found);
        }
        own
    }

    /// Like [`with_others`](Self::with_others), and with accounts in memory that this replica may not export now. While
    /// the database is down, no replica knows a later state of them.
    fn with_last_known(
        &self,
        mut own: Accounts,
        others: Option<&Others>,
        find: impl FnOnce(&Others) -> Accounts,
    ) -> Accounts {
        if let Some(others) = others {
            let mut found = find(others);
            found.retain(|waba_id, _| self.is_other(waba_id));
            own.extend(found);
        }
        own
    }

    /// Whether the account is watched, and another replica exports it.
    fn is_other(&self, waba_id: &WabaId) -> bool {
        self.is_watched(waba_id) && !self.exports_account(waba_id)
    }

    /// Reads the accounts of all other replicas, if that was not done within the last seconds.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn read_all(&self) -> Result<(), StoreUnavailable> {
        let Some(others) = &self.others else {
            return Ok(());
        };
        let read = others.read_all(self.shared.watched_elsewhere()).await;
        read.map_err(|error| StoreUnavailable::unreadable(&error))
    }

    /// How many accounts of other replicas were read last, and how long ago. `None` if there are none, as in a store of
    /// one process.
    #[must_use]
    pub fn last_reading_of_others(&self) -> Option<(usize, Duration)> {
        let reading = self.others.as_ref()?.last_reading();
        reading.filter(|(accounts, _)| *accounts > 0)
    }

    /// Reads the accounts of other replicas that have this number, if that was not done within the last seconds. Reads
    /// nothing if this replica exports an account with the number.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn read_number(&self, id: &PhoneNumberId) -> Result<(), StoreUnavailable> {
        let Some(others) = &self.others else {
            return Ok(());
        };
        let own = self.own_of_number(id);
        if own.keys().any(|waba_id| self.exports_account(waba_id)) {
            return Ok(());
        }
        let read = others.read_number(id, |waba_id| self.is_other(waba_id));
        read.await
            .map_err(|error| StoreUnavailable::unreadable(&error))
    }

    /// Reads what a decision about this number needs of other replicas: the accounts that have it, and those of their
    /// portfolios. Returns within half a second. After a failure, nothing is read for some seconds, because decisions
    /// must not wait one after another for a database that does not answer.
    ///
    /// # Errors
    /// If it cannot be read in time. The decision rests on what is known then.
    pub async fn read_for_decision(&self, id: &PhoneNumberId) -> Result<(), StoreUnavailable> {
        let Some(others) = &self.others else {
            return Ok(());
        };
        if others.has_failed_lately() {
            return Ok(());
        }
        let read = timeout(GATE_READ_LIMIT, self.read_decision(id)).await;
        let read = read.unwrap_or_else(|_| Err(StoreUnavailable::slow(GATE_READ_LIMIT)));
        if read.is_err() {
            others.note_failure();
        }
        read
    }

    async fn read_decision(&self, id: &PhoneNumberId) -> Result<(), StoreUnavailable> {
        self.read_number(id).await?;
        let Some(others) = &self.portfolio_others else {
            return Ok(());
        };
        let accounts = self.accounts_of_number(id);
        let portfolios = accounts
            .values()
            .filter_map(|account| account.business_id.value());
        let portfolios: BTreeSet<BusinessId> = portfolios.cloned().collect();
        for id in &portfolios {
            let read = others.read_portfolio(id, |waba_id| self.is_other(waba_id));
            let read = read.await;
            read.map_err(|error| StoreUnavailable::unreadable(&error))?;
        }
        Ok(())
    }

    /// Reads the accounts of other replicas, for those of these campaigns and experiments that this one exports. Reads
    /// nothing if there are none.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn read_campaigns(&self, names: &[impl AsRef<str>]) -> Result<(), StoreUnavailable> {
        let Some(campaigns) = &self.campaigns else {
            return Ok(());
        };
        // Before the read, so that a later owner of the same shard reads later.
        let permit = self.export_permit();
        if !names
            .iter()
            .any(|name| self.permits_key(&permit, name.as_ref()))
        {
            campaigns.clear();
            return Ok(());
        }
        let own = self.snapshot_within(&permit);
        let mut others = self.shared.watched();
        others.retain(|waba_id| !own.contains_key(waba_id));
        let read = campaigns.read(own, others, permit).await;
        read.map_err(|error| StoreUnavailable::unreadable(&error))
    }

    /// The accounts of all replicas with counts of campaigns or experiments as they were read, with the permit at that
    /// time. `None` for a store of one process, and before the first read.
    #[must_use]
    pub fn campaign_accounts(&self) -> Option<(Accounts, ExportPermit)> {
        self.campaigns.as_ref()?.accounts()
    }

    /// Whether a permit includes what belongs to no account, given by its name or id.
    #[must_use]
    pub fn permits_key(&self, permit: &ExportPermit, key: &str) -> bool {
        permit.includes(self.shared.sharding().of_key(key))
    }

    /// Reads what this replica needs of others' accounts to export portfolios, and drops accounts that were not
    /// requested.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn read_portfolios(&self) -> Result<(), StoreUnavailable> {
        for others in self.others.iter().chain(&self.portfolio_others) {
            others.forget(|waba_id| self.is_other(waba_id));
        }
        let Some(others) = &self.portfolio_others else {
            return Ok(());
        };
        let portfolios = others.portfolios().await;
        let mut portfolios = portfolios.map_err(|error| StoreUnavailable::unreadable(&error))?;
        portfolios.retain(|id| self.exports_key(id.as_str()));
        if portfolios.is_empty() {
            return Ok(());
        }
        let read = others.read_portfolios(&portfolios, |waba_id| self.is_other(waba_id));
        let read = read.await;
        read.map_err(|error| StoreUnavailable::unreadable(&error))
    }
}
