//! The windows of delivery keys, as segments: the keys of one commit in one row.

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use crate::state::DedupScope;
use crate::store::engine::{Keys, StoreError};

/// The segments of this window, oldest first: the number of the newest key of each, and its keys.
pub(super) async fn delivery_keys(
    connection: &mut PgConnection,
    shard: i16,
    scope: DedupScope,
) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    let table = table(scope);
    let query = format!("SELECT newest, keys FROM {table} WHERE shard = $1 ORDER BY newest");
    let query = sqlx::query_as(AssertSqlSafe(query)).bind(shard);
    Ok(query.fetch_all(connection).await?)
}

/// The shard of keys that a copy of another store has left: a key contains neither its account nor its shard.
pub(super) const COPIED: i16 = -1;

/// Whether copied keys are still needed. Meta repeats a delivery for up to seven days.
const ARE_NEEDED: &str = "copied_at > now() - interval '8 days'";

/// The segments of copied keys of this window, oldest first.
pub(super) async fn copied_keys(
    connection: &mut PgConnection,
    scope: DedupScope,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let table = table(scope);
    let query = format!(
        "SELECT keys FROM {table} WHERE shard = $1 AND EXISTS (SELECT 1 FROM cluster WHERE {ARE_NEEDED}) ORDER BY newest"
    );
    let query = sqlx::query_scalar(AssertSqlSafe(query)).bind(COPIED);
    Ok(query.fetch_all(connection).await?)
}

/// Deletes copied keys that are not needed any more.
pub(super) async fn forget_copied_keys(connection: &mut PgConnection) -> sqlx::Result<()> {
    for scope in DedupScope::ALL {
        let table = table(scope);
        let delete = format!(
            "DELETE FROM {table} WHERE shard = $1 AND NOT EXISTS (SELECT 1 FROM cluster WHERE {ARE_NEEDED})"
        );
        let delete = sqlx::query(AssertSqlSafe(delete)).bind(COPIED);
        delete.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Adds the new keys of each window, and deletes the segments that are forgotten.
pub(super) async fn write_keys(connection: &mut PgConnection, keys: &[Keys]) -> sqlx::Result<()> {
    for scope in [DedupScope::Management, DedupScope::Messages] {
        let keys: Vec<&Keys> = keys.iter().filter(|keys| keys.scope == scope).collect();
        if keys.is_empty() {
            continue;
        }
        let table = table(scope);
        let shards: Vec<i16> = keys
            .iter()
            .map(|keys| i16::try_from(keys.shard.0).unwrap_or(i16::MAX))
            .collect();
        let newest: Vec<i64> = keys.iter().map(|keys| keys.newest).collect();
        let forgotten: Vec<i64> = keys.iter().map(|keys| keys.forgotten).collect();
        let new: Vec<&[u8]> = keys.iter().map(|keys| &keys.new[..]).collect();
        // Nothing is forgotten before the window is full; numbers begin at 1.
        let write = format!(
            "WITH gone AS (DELETE FROM {table} AS old USING unnest($1::int2[], $2::int8[]) AS till (shard, newest) \
             WHERE old.shard = till.shard AND old.newest <= till.newest) \
             INSERT INTO {table} (shard, newest, keys) SELECT * FROM unnest($1::int2[], $3::int8[], $4::bytea[])"
        );
        let write = sqlx::query(AssertSqlSafe(write)).bind(shards);
        let write = write.bind(forgotten).bind(newest).bind(new);
        write.execute(&mut *connection).await?;
    }
    Ok(())
}

fn table(scope: DedupScope) -> &'static str {
    match scope {
        DedupScope::Management => "delivery_key_segments",
        DedupScope::Messages => "message_key_segments",
    }
}
