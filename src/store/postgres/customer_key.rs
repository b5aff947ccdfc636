//! The check value of the key for hashing customers. All replicas have the same key.

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::customer_segments::delete_all_segments;
use crate::store::engine::StoreError;

/// The check value of the key in use so far. Waits for a replica that replaces it at this moment.
pub(super) async fn customer_key(
    connection: &mut PgConnection,
) -> Result<Option<String>, StoreError> {
    let query = sqlx::query_scalar("SELECT customer_key FROM cluster FOR SHARE");
    Ok(query.fetch_one(connection).await?)
}

/// Stores the check value of the key. If the key has changed, drops all customers, because no message can be matched to
/// them any more.
///
/// # Errors
/// If another replica has stored another key meanwhile, or may use the former one. The start is tried again then.
pub(super) async fn replace_customer_key(
    connection: &mut PgConnection,
    check_value: &str,
    keep_customers: bool,
) -> Result<(), StoreError> {
    let mut transaction = connection.begin().await?;
    // If several replicas start with a new key, the others wait here and find it stored.
    let former = "SELECT customer_key FROM cluster FOR UPDATE";
    let former: Option<String> = sqlx::query_scalar(former)
        .fetch_one(&mut *transaction)
        .await?;
    if former.as_deref() == Some(check_value) {
        return Ok(transaction.commit().await?);
    }
    // A replica that reports after this has to wait until it can read the key.
    let others = "SELECT EXISTS (SELECT 1 FROM replicas JOIN pg_stat_activity AS activity ON activity.pid = backend_pid \
         AND activity.backend_start = replicas.backend_start WHERE backend_pid <> pg_backend_pid())";
    let has_others: bool = sqlx::query_scalar(others)
        .fetch_one(&mut *transaction)
        .await?;
    let is_used = former.is_some() && (keep_customers || has_others);
    if is_used {
        let message = "another replica has stored another customers' key at the same time";
        return Err(StoreError::session(&message));
    }
    sqlx::query("UPDATE cluster SET customer_key = $1")
        .bind(check_value)
        .execute(&mut *transaction)
        .await?;
    if !keep_customers {
        delete_all_segments(&mut transaction).await?;
    }
    Ok(transaction.commit().await?)
}
