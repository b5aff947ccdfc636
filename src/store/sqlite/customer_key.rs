//! The check value of the key for hashing customers.

use super::Database;
use crate::store::engine::StoreError;

impl Database {
    /// The check value of the key in use so far.
    pub async fn customer_key(&mut self) -> Result<Option<String>, StoreError> {
        let query = sqlx::query_scalar("SELECT customer_key FROM commits");
        Ok(query.fetch_one(self.connection()?).await?)
    }

    /// Stores the check value of the key. If the key has changed, drops all customers, because no message can be
    /// matched to them any more.
    pub async fn replace_customer_key(
        &mut self,
        check_value: &str,
        keep_customers: bool,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE commits SET customer_key = $1")
            .bind(check_value)
            .execute(&mut *transaction)
            .await?;
        if !keep_customers {
            let deleted = sqlx::query("DELETE FROM customer_segments");
            deleted.execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    }
}
