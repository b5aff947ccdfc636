//! After a failure: connects again, and makes memory and database agree.

use super::Committer;
use crate::domain::{Shard, WabaId};
use crate::store::StoreUnavailable;
use crate::store::engine::{Recovery, StoreError};

impl Committer {
    /// After a failure, reopens the database, tests writing, and reloads the state if the last commit did succeed.
    pub(super) async fn become_sound(&mut self) -> Result<(), StoreUnavailable> {
        if !self.in_doubt {
            return Ok(());
        }
        match self.recover().await {
            Ok(()) => {
                self.in_doubt = false;
                self.shared.note_sound();
                Ok(())
            }
            Err(error) => Err(self.doubt(&error)),
        }
    }

    pub(super) async fn look_after_the_file(&mut self) {
        if self.in_doubt {
            // Readiness and the metrics show the outcome.
            drop(self.become_sound().await);
        } else if let Err(error) = self.database.check().await {
            self.doubt(&error);
        }
    }

    pub(super) async fn recover(&mut self) -> Result<(), StoreError> {
        if let Recovery::Committed(number) = self.database.recover(self.number).await? {
            tracing::info!("commit with unknown outcome succeeded; reloading state");
            let waba_ids: Vec<WabaId> = self.state.accounts().keys().cloned().collect();
            let accounts = self.load(&waba_ids).await?;
            self.read_keys(Shard(0)).await?;
            self.read_deliveries().await?;
            self.read_signals().await?;
            self.state.adopt(accounts);
            self.shared.publish_all(&self.state);
            self.number = number;
        }
        Ok(())
    }

    pub(super) fn doubt(&mut self, error: &StoreError) -> StoreUnavailable {
        self.in_doubt = true;
        self.shared.note_error(error)
    }
}
