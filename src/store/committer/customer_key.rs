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
        let check_value = self.database.customer_key().await?;
        // Nearly every start finds a check value. The customers of a large fleet take long to read.
        let has_unchecked_conversations =
            check_value.is_none() && self.count_conversations(1).await? > 0;
        Ok(SavedKey {
            check_value,
            has_unchecked_conversations,
            has_other_replicas: self.has_other_replicas(),
        })
    }

    /// The number of stored conversations. Stops after the log that reaches `enough`. Reads one log at a time, which
    /// limits memory.
    pub(super) async fn count_conversations(&mut self, enough: usize) -> Result<usize, StoreError> {
        let (mut count, mut after) = (0, (String::new(), String::new()));
        while count < enough {
            let mut log = self.database.segments_after(&after.0, &after.1).await?;
            count += count_conversations(&log)?;
            let Some(last) = log.pop() else {
                break;
            };
            after = (last.waba_id, last.phone_number_id);
        }
        Ok(count)
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
            false => self.count_conversations(usize::MAX).await?,
        };
        let replaced = self
            .database
            .replace_customer_key(check_value, keep_conversations);
        replaced.await?;
        Ok(dropped as u64)
    }
}
