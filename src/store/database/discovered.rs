//! The accounts that were found for each app.

use sqlx::{Connection, QueryBuilder, Sqlite};

use super::{Database, Trouble};

/// Rows in one statement, as for commits.
const ROWS_AT_ONCE: usize = 500;

impl Database {
    /// Every account found, with its app.
    pub async fn discovered(&mut self) -> Result<Vec<(String, String)>, Trouble> {
        let query = sqlx::query_as("SELECT app, waba_id FROM discovered_accounts");
        Ok(query.fetch_all(self.connection()?).await?)
    }

    /// Replaces those of one app.
    pub async fn remember_discovered(
        &mut self,
        app: &str,
        waba_ids: &[String],
    ) -> Result<(), Trouble> {
        let mut transaction = self.connection()?.begin().await?;
        let forget = sqlx::query("DELETE FROM discovered_accounts WHERE app = $1").bind(app);
        forget.execute(&mut *transaction).await?;
        for some in waba_ids.chunks(ROWS_AT_ONCE) {
            let mut insert: QueryBuilder<Sqlite> =
                QueryBuilder::new("INSERT INTO discovered_accounts (app, waba_id) ");
            insert.push_values(some, |mut row, waba_id| {
                row.push_bind(app).push_bind(waba_id);
            });
            insert.build().execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    }
}
