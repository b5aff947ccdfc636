//! The discovered accounts of each app.

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use crate::store::engine::{DiscoveredRow, StoreError};

/// All discovered accounts of all apps.
pub(super) async fn discovered(
    connection: &mut PgConnection,
) -> Result<Vec<DiscoveredRow>, StoreError> {
    let query =
        "SELECT app, waba_id, source, is_lost FROM discovered_accounts ORDER BY app, waba_id";
    Ok(sqlx::query_as(query).fetch_all(connection).await?)
}

/// Replaces the discovered accounts of one app, and increments the version, by which other replicas detect the change.
pub(super) async fn remember_discovered(
    connection: &mut PgConnection,
    app: &str,
    rows: &[DiscoveredRow],
) -> Result<(), StoreError> {
    let mut transaction = connection.begin().await?;
    // First, because this lock makes two replicas that replace the same rows do so one after the other.
    let count = "UPDATE cluster SET discovered_version = discovered_version + 1";
    sqlx::query(count).execute(&mut *transaction).await?;
    let forget = sqlx::query("DELETE FROM discovered_accounts WHERE app = $1").bind(app);
    forget.execute(&mut *transaction).await?;
    let apps: Vec<&str> = rows.iter().map(|row| row.app.as_str()).collect();
    let waba_ids: Vec<&str> = rows.iter().map(|row| row.waba_id.as_str()).collect();
    let sources: Vec<&str> = rows.iter().map(|row| row.source.as_str()).collect();
    let lost: Vec<bool> = rows.iter().map(|row| row.is_lost).collect();
    let insert = "INSERT INTO discovered_accounts (app, waba_id, source, is_lost) \
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bool[])";
    let insert = sqlx::query(insert).bind(apps).bind(waba_ids);
    let insert = insert.bind(sources).bind(lost);
    insert.execute(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}
