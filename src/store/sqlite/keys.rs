//! The windows of delivery keys, as segments: the keys of one commit in one row.

use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::Database;
use crate::state::DedupScope;
use crate::store::engine::{Keys, StoreError};

impl Database {
    /// The segments of this window, oldest first: the number of the newest key of each, and its keys.
    pub async fn delivery_keys(
        &mut self,
        scope: DedupScope,
    ) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
        let table = table(scope);
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "SELECT newest, keys FROM {table} ORDER BY newest"
        ));
        Ok(query.build_query_as().fetch_all(self.connection()?).await?)
    }
}

pub(super) async fn write_keys(connection: &mut SqliteConnection, keys: &Keys) -> sqlx::Result<()> {
    let table = table(keys.scope);
    let mut insert = QueryBuilder::<Sqlite>::new(format!("INSERT INTO {table} (newest, keys) "));
    insert.push_values([keys], |mut row, keys| {
        row.push_bind(keys.newest).push_bind(&keys.new[..]);
    });
    insert.build().execute(&mut *connection).await?;
    if keys.forgotten <= 0 {
        return Ok(());
    }
    let mut forget = QueryBuilder::<Sqlite>::new(format!("DELETE FROM {table} WHERE newest <= "));
    forget.push_bind(keys.forgotten);
    forget.build().execute(connection).await.map(drop)
}

fn table(scope: DedupScope) -> &'static str {
    match scope {
        DedupScope::Management => "delivery_key_segments",
        DedupScope::Messages => "message_key_segments",
    }
}
