//! The rows of accounts and their objects.

use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::Database;
use super::statement::ROWS_AT_ONCE;
use crate::store::engine::{AccountRows, ObjectRow, StoreError, Table};

/// Maximum number of accounts that are rewritten in one transaction, which limits its memory and its size on the disk.
const ACCOUNTS_AT_ONCE: i64 = 100;

impl Database {
    /// Some accounts that an older version has stored without the times of their polls.
    pub async fn older_accounts(&mut self) -> Result<Vec<String>, StoreError> {
        let query = sqlx::query_scalar(
            "SELECT waba_id FROM refreshes WHERE state IS NULL ORDER BY waba_id LIMIT $1",
        );
        let query = query.bind(ACCOUNTS_AT_ONCE);
        Ok(query.fetch_all(self.connection()?).await?)
    }

    /// Rewrites these accounts.
    pub async fn replace_older_accounts(
        &mut self,
        accounts: &[AccountRows],
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        write_accounts(&mut transaction, accounts).await?;
        for account in accounts {
            // Not saved now: an account that is no longer watched must expire.
            sqlx::query("UPDATE refreshes SET state = $1 WHERE waba_id = $2")
                .bind(&account.polls)
                .bind(&account.waba_id)
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }
}

/// Writes the accounts and objects that have changed.
pub(super) async fn write_accounts(
    connection: &mut SqliteConnection,
    accounts: &[AccountRows],
) -> sqlx::Result<()> {
    let changed = accounts.iter();
    let changed = changed.filter_map(|account| Some((&account.waba_id, account.state.as_ref()?)));
    let changed: Vec<_> = changed.collect();
    for rows in changed.chunks(ROWS_AT_ONCE) {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO accounts (waba_id, state) ");
        query.push_values(rows, |mut row, (waba_id, state)| {
            row.push_bind(*waba_id).push_bind(*state);
        });
        query.push(" ON CONFLICT (waba_id) DO UPDATE SET state = excluded.state");
        query.build().execute(&mut *connection).await?;
    }
    for table in Table::ALL {
        let objects = accounts.iter().flat_map(|account| &account.objects);
        let of_table = objects.filter(|object| object.table == table);
        let kept: Vec<_> = of_table
            .clone()
            .filter_map(|object| Some((object, object.state.as_ref()?)))
            .collect();
        for rows in kept.chunks(ROWS_AT_ONCE) {
            upsert(connection, table, rows).await?;
        }
        for object in of_table.filter(|object| object.state.is_none()) {
            delete(connection, object).await?;
        }
    }
    Ok(())
}

/// Writes when the accounts were saved, and the times of their polls.
pub(super) async fn write_refreshes(
    connection: &mut SqliteConnection,
    accounts: &[AccountRows],
    now_ms: i64,
) -> sqlx::Result<()> {
    for rows in accounts.chunks(ROWS_AT_ONCE) {
        let mut query =
            QueryBuilder::<Sqlite>::new("INSERT INTO refreshes (waba_id, saved_ms, state) ");
        query.push_values(rows, |mut row, account| {
            row.push_bind(&account.waba_id)
                .push_bind(now_ms)
                .push_bind(&account.polls);
        });
        query.push(
            " ON CONFLICT (waba_id) DO UPDATE SET saved_ms = excluded.saved_ms, state = excluded.state",
        );
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

async fn upsert(
    connection: &mut SqliteConnection,
    table: Table,
    rows: &[(&ObjectRow, &String)],
) -> sqlx::Result<()> {
    let (name, key) = table.name_and_key();
    let mut query =
        QueryBuilder::<Sqlite>::new(format!("INSERT INTO {name} (waba_id, {key}, state) "));
    query.push_values(rows, |mut row, (object, state)| {
        row.push_bind(&object.waba_id)
            .push_bind(&object.id)
            .push_bind(*state);
    });
    query.push(format!(
        " ON CONFLICT (waba_id, {key}) DO UPDATE SET state = excluded.state"
    ));
    query.build().execute(connection).await.map(drop)
}

async fn delete(connection: &mut SqliteConnection, object: &ObjectRow) -> sqlx::Result<()> {
    let (name, key) = object.table.name_and_key();
    let mut query = QueryBuilder::<Sqlite>::new(format!("DELETE FROM {name} WHERE waba_id = "));
    query.push_bind(&object.waba_id);
    query.push(format!(" AND {key} = ")).push_bind(&object.id);
    query.build().execute(connection).await.map(drop)
}
