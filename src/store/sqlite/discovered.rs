//! The discovered accounts of each app.

use sqlx::{QueryBuilder, Sqlite};

use super::Database;
use super::statement::ROWS_AT_ONCE;
use crate::store::engine::{DiscoveredRow, StoreError};

impl Database {
    /// All discovered accounts of all apps.
    pub async fn discovered(&mut self) -> Result<Vec<DiscoveredRow>, StoreError> {
        let query = sqlx::query_as("SELECT app, waba_id, source, is_lost FROM discovered_accounts");
        Ok(query.fetch_all(self.connection()?).await?)
    }

    /// Replaces the discovered accounts of one app.
    pub async fn remember_discovered(
        &mut self,
        app: &str,
        rows: &[DiscoveredRow],
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let forget = sqlx::query("DELETE FROM discovered_accounts WHERE app = $1").bind(app);
        forget.execute(&mut *transaction).await?;
        for some in rows.chunks(ROWS_AT_ONCE) {
            let mut insert: QueryBuilder<Sqlite> = QueryBuilder::new(
                "INSERT INTO discovered_accounts (app, waba_id, source, is_lost) ",
            );
            insert.push_values(some, |mut row, one| {
                row.push_bind(&one.app).push_bind(&one.waba_id);
                row.push_bind(&one.source).push_bind(one.is_lost);
            });
            insert.build().execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    }
}
