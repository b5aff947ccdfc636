//! The stored check value of the key for hashing customers.

use super::Committer;
use crate::store::customer_log::count_conversations;
use crate::store::engine::StoreError;
use crate::store::{SavedKey, StoreUnavailable};

impl Committer {
    pub(super) async fn customer_key(&mut self) -> Result<SavedKey, StoreUnavailable> {
        self.become_sound().await?;
        let saved = self.saved_key().await;
        saved.map_err(|error| self.doubt(&error))
    }

    pub(super) async fn saved_key(&mut self) -> Result<SavedKey, StoreError> {
        Ok(SavedKey {
            check_value: self.database.customer_key().await?,
            conversations: self.count_conversations().await?,
            has_other_replicas: self.has_other_replicas(),
        })
    }

    pub(super) async fn count_conversations(&mut self) -> Result<usize, StoreError> {
        count_conversations(&self.database.all_segments().await?)
    }

    pub(super) async fn use_customer_key(
        &mut self,
        check_value: &str,
        keep_conversations: bool,
    ) -> Result<u64, StoreUnavailable> {
        self.become_sound().await?;
        let replaced = self.replace_customer_key(check_value, keep_conversations);
        let replaced = replaced.await;
        replaced.map_err(|error| self.doubt(&error))
    }

    pub(super) async fn replace_customer_key(
        &mut self,
        check_value: &str,
        keep_conversations: bool,
    ) -> Result<u64, StoreError> {
        let dropped = match keep_conversations {
            true => 0,
            false => self.count_conversations().await?,
        };
        let replaced = self
            .database
            .replace_customer_key(check_value, keep_conversations);
        replaced.await?;
        Ok(dropped as u64)
    }
}
