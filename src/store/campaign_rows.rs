//! The accounts of all replicas, as their rows say, for the counters of campaigns.
//!
//! A campaign can have messages of many accounts, and one replica exports it. Its counters must never fall, also when
//! accounts or the campaign move to another replica. Therefore all accounts are taken from their rows, those of this
//! replica too: a row that is read later never has lower counts, whoever reads it. A replica exports a campaign only
//! from rows that it has read since it owns the campaign's shard.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::ExportPermit;
use super::engine::{AccountReader, StoreError};
use super::others::Others;
use crate::domain::WabaId;
use crate::state::Accounts;

/// The rows that were read last.
#[derive(Debug)]
pub struct CampaignRows {
    rows: Others,
    permit: Mutex<Option<ExportPermit>>,
}

impl CampaignRows {
    /// Nothing is read yet.
    pub fn new(reader: Arc<dyn AccountReader>) -> Self {
        Self {
            rows: Others::new(reader),
            permit: Mutex::default(),
        }
    }

    /// Reads these accounts. The permit is that of the time before.
    pub async fn read(
        &self,
        waba_ids: BTreeSet<WabaId>,
        permit: ExportPermit,
    ) -> Result<(), StoreError> {
        self.rows.read_all(waba_ids).await?;
        *self.permit.lock().unwrap_or_else(PoisonError::into_inner) = Some(permit);
        Ok(())
    }

    /// The accounts, with the permit at the time of the read.
    pub fn accounts(&self) -> Option<(Accounts, ExportPermit)> {
        let permit = self.permit.lock().unwrap_or_else(PoisonError::into_inner);
        let permit = permit.clone()?;
        Some((self.rows.accounts(), permit))
    }
}
