//! The check value of the key for hashing customers.

use super::{Database, StoreError};

/// The stored data about the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedKey {
    /// The check value of the key in use so far.
    pub check_value: Option<String>,
    /// Number of stored conversations that were hashed with it.
    pub conversations: i64,
}

impl Database {
    /// The key in use so far.
    pub async fn customer_key(&mut self) -> Result<SavedKey, StoreError> {
        let query = sqlx::query_as(
            "SELECT customer_key, (SELECT COUNT(*) FROM conversations) FROM commits",
        );
        let (check_value, conversations) = query.fetch_one(self.connection()?).await?;
        Ok(SavedKey {
            check_value,
            conversations,
        })
    }

    /// Stores the check value of the key. If the key has changed, drops all conversations and recipients, because no
    /// message can be matched to them any more. Returns the number of dropped conversations.
    pub async fn replace_customer_key(
        &mut self,
        check_value: &str,
        keep_conversations: bool,
    ) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE commits SET customer_key = $1")
            .bind(check_value)
            .execute(&mut *transaction)
            .await?;
        let mut dropped = 0;
        if !keep_conversations {
            let deleted = sqlx::query("DELETE FROM conversations");
            dropped = deleted.execute(&mut *transaction).await?.rows_affected();
            let recipients = sqlx::query("DELETE FROM recipients");
            recipients.execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(dropped)
    }
}
