//! After a failure: connects again, and makes memory and database agree.

use super::{Committer, RETRY_EVERY};
use crate::clock;
use crate::domain::{Shard, WabaId};
use crate::store::StoreUnavailable;
use crate::store::engine::{Recovery, StoreError};

impl Committer {
    /// After a failure, reopens the database, tests writing, and reloads the state if the last commit did succeed.
    pub(super) async fn become_sound(&mut self) -> Result<(), StoreUnavailable> {
        if !self.in_doubt {
            return Ok(());
        }
        let now = clock::since_boot();
        let retry = self
            .replica
            .as_ref()
            .and_then(|replica| replica.retry.as_ref());
        if let Some((error, at)) = retry
            && now < *at
        {
            // It takes seconds to detect that a server does not answer, and each request would wait for that.
            return Err(error.clone());
        }
        let recovered = self.recover().await;
        let recovered = recovered.map_err(|error| self.doubt(&error));
        if let Some(replica) = &mut self.replica {
            let at = clock::since_boot() + RETRY_EVERY;
            replica.retry = recovered.clone().err().map(|error| (error, at));
        }
        if recovered.is_ok() {
            self.in_doubt = false;
            self.shared.note_sound();
        }
        recovered
    }

    pub(super) async fn check_file(&mut self) {
        if self.in_doubt {
            // Readiness and the metrics show the outcome.
            drop(self.become_sound().await);
        } else if let Err(error) = self.database.check().await {
            self.doubt(&error);
        } else if self.replica.is_none() {
            // A commit that took too long has ended, or this would not run.
            self.shared.note_answer();
        }
    }

    async fn recover(&mut self) -> Result<(), StoreError> {
        match self.database.recover(self.number).await? {
            Recovery::Unchanged => Ok(()),
            Recovery::Committed(number) => self.reload(number).await,
            Recovery::ShardsLost => self.start_session().await,
        }
    }

    /// Reloads everything, because the last commit did succeed.
    async fn reload(&mut self, number: i64) -> Result<(), StoreError> {
        tracing::info!("commit with unknown outcome succeeded; reloading state");
        let waba_ids: Vec<WabaId> = self.state.accounts().keys().cloned().collect();
        let accounts = self.load(&waba_ids).await?;
        self.read_keys(Shard(0)).await?;
        self.read_deliveries().await?;
        self.read_signals().await?;
        self.state.adopt(accounts);
        self.shared.publish_all(&self.state);
        self.number = number;
        Ok(())
    }

    /// Notes a failure. Nothing is committed until the database accepts writes again. A store of several replicas uses
    /// another session then; until its lease ends, it shows what it has committed.
    pub(super) fn doubt(&mut self, error: &StoreError) -> StoreUnavailable {
        self.in_doubt = true;
        if let Some(replica) = &mut self.replica {
            replica.member.disconnected();
        }
        self.shared.note_error(error)
    }
}
