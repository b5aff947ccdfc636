//! The time limit of the reader of accounts.

use async_trait::async_trait;

use super::limits::{READ, within};
use crate::store::engine::{AccountParts, AccountReader, SavedAccounts, StoreError};

/// Ends each operation of a reader at the time limit.
#[derive(Debug)]
pub(super) struct LimitedAccounts<R>(pub R);

#[async_trait]
impl<R: AccountReader> AccountReader for LimitedAccounts<R> {
    async fn saved_times(&self, waba_ids: &[String]) -> Result<Vec<(String, i64)>, StoreError> {
        within(READ, self.0.saved_times(waba_ids)).await
    }

    async fn load(
        &self,
        waba_ids: &[String],
        parts: AccountParts,
    ) -> Result<SavedAccounts, StoreError> {
        within(READ, self.0.load(waba_ids, parts)).await
    }

    async fn traffic(&self, waba_ids: &[String]) -> Result<Vec<(String, String)>, StoreError> {
        within(READ, self.0.traffic(waba_ids)).await
    }

    async fn of_number(&self, phone_number_id: &str) -> Result<Vec<String>, StoreError> {
        within(READ, self.0.of_number(phone_number_id)).await
    }

    async fn of_portfolios(&self, business_ids: &[String]) -> Result<Vec<String>, StoreError> {
        within(READ, self.0.of_portfolios(business_ids)).await
    }

    async fn portfolios(&self) -> Result<Vec<String>, StoreError> {
        within(READ, self.0.portfolios()).await
    }
}
