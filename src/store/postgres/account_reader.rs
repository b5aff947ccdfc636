//! Reads the rows of accounts that other replicas own.

use async_trait::async_trait;

use super::load;
use super::pools::Pools;
use crate::store::engine::{AccountParts, AccountReader, SavedAccounts, StoreError};

/// Reads while the owners write.
#[derive(Debug)]
pub(super) struct PostgresAccounts {
    pools: Pools,
}

impl PostgresAccounts {
    pub fn new(pools: Pools) -> Self {
        Self { pools }
    }
}

#[async_trait]
impl AccountReader for PostgresAccounts {
    async fn saved_times(&self, waba_ids: &[String]) -> Result<Vec<(String, i64)>, StoreError> {
        let query = "SELECT waba_id, saved_ms FROM refreshes WHERE waba_id = ANY($1)";
        let query = sqlx::query_as(query).bind(waba_ids);
        Ok(query.fetch_all(&*self.pools.load_full()).await?)
    }

    async fn load(
        &self,
        waba_ids: &[String],
        parts: AccountParts,
    ) -> Result<SavedAccounts, StoreError> {
        let mut connection = self.pools.load_full().acquire().await?;
        match parts {
            AccountParts::All => load::load(&mut connection, waba_ids).await,
            AccountParts::ForLimits => load::load_for_limits(&mut connection, waba_ids).await,
        }
    }

    async fn traffic(&self, waba_ids: &[String]) -> Result<Vec<(String, String)>, StoreError> {
        let query = "SELECT waba_id, state FROM traffic WHERE waba_id = ANY($1)";
        let query = sqlx::query_as(query).bind(waba_ids);
        Ok(query.fetch_all(&*self.pools.load_full()).await?)
    }

    async fn of_number(&self, phone_number_id: &str) -> Result<Vec<String>, StoreError> {
        // Traffic too: messages show a number that no poll has listed yet.
        let query = "SELECT waba_id FROM phone_numbers WHERE phone_number_id = $1 \
             UNION SELECT waba_id FROM traffic WHERE phone_number_id = $1";
        let query = sqlx::query_scalar(query).bind(phone_number_id);
        Ok(query.fetch_all(&*self.pools.load_full()).await?)
    }

    async fn of_portfolios(&self, business_ids: &[String]) -> Result<Vec<String>, StoreError> {
        let query = "SELECT waba_id FROM accounts WHERE business_id = ANY($1)";
        let query = sqlx::query_scalar(query).bind(business_ids);
        Ok(query.fetch_all(&*self.pools.load_full()).await?)
    }

    async fn portfolios(&self) -> Result<Vec<String>, StoreError> {
        let query = "SELECT DISTINCT business_id FROM accounts WHERE business_id IS NOT NULL";
        let query = sqlx::query_scalar(query);
        Ok(query.fetch_all(&*self.pools.load_full()).await?)
    }
}
