//! Reading everything back at the start, or after a commit of unknown outcome.

use std::collections::BTreeMap;

use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::{Database, Table, Trouble};

/// Accounts asked for in one statement; SQLite takes 32,766 values.
const ACCOUNTS_AT_ONCE: usize = 1_000;

/// One account's rows, as JSON.
#[derive(Debug, Default)]
pub struct SavedAccount {
    /// The account without what follows.
    pub state: String,
    /// Its numbers.
    pub numbers: Vec<String>,
    /// Its templates.
    pub templates: Vec<String>,
}

/// Saved accounts by id.
pub type Saved = BTreeMap<String, SavedAccount>;

impl Database {
    /// Those of these accounts that were ever saved.
    pub async fn load(&mut self, waba_ids: &[String]) -> Result<Saved, Trouble> {
        let connection = self.connection()?;
        let mut saved = Saved::new();
        for ids in waba_ids.chunks(ACCOUNTS_AT_ONCE) {
            load_some(connection, ids, &mut saved).await?;
        }
        Ok(saved)
    }

    /// The delivery keys remembered, oldest first, with their numbers.
    pub async fn delivery_keys(&mut self) -> Result<Vec<(i64, String)>, Trouble> {
        let query =
            sqlx::query_as("SELECT number, delivery_key FROM delivery_keys ORDER BY number");
        Ok(query.fetch_all(self.connection()?).await?)
    }
}

async fn load_some(
    connection: &mut SqliteConnection,
    ids: &[String],
    saved: &mut Saved,
) -> sqlx::Result<()> {
    let mut query = rows_of("accounts", ids);
    for (waba_id, state) in query
        .build_query_as::<(String, String)>()
        .fetch_all(&mut *connection)
        .await?
    {
        saved.entry(waba_id).or_default().state = state;
    }
    for table in [Table::Numbers, Table::Templates] {
        let name = match table {
            Table::Numbers => "phone_numbers",
            Table::Templates => "templates",
        };
        let mut query = rows_of(name, ids);
        let rows = query.build_query_as::<(String, String)>();
        for (waba_id, state) in rows.fetch_all(&mut *connection).await? {
            // Written in one transaction with its account: there is one.
            let account = saved.entry(waba_id).or_default();
            match table {
                Table::Numbers => account.numbers.push(state),
                Table::Templates => account.templates.push(state),
            }
        }
    }
    Ok(())
}

fn rows_of(table: &str, ids: &[String]) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(format!(
        "SELECT waba_id, state FROM {table} WHERE waba_id IN ("
    ));
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(id);
    }
    query.push(")");
    query
}
