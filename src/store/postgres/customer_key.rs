//! The check value of the key for hashing customers. All replicas have the same key.

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use crate::store::engine::StoreError;

/// The check value of the key in use so far.
pub(super) async fn customer_key(
    connection: &mut PgConnection,
) -> Result<Option<String>, StoreError> {
    let query = sqlx::query_scalar("SELECT customer_key FROM cluster");
    Ok(query.fetch_one(connection).await?)
}

/// Stores the check value of the key. If the key has changed, drops all customers, because no message can be matched to
/// them any more.
pub(super) async fn replace_customer_key(
    connection: &mut PgConnection,
    check_value: &str,
    keep_customers: bool,
) -> Result<(), StoreError> {
    let mut transaction = connection.begin().await?;
    // If several replicas start with a new key, the others wait here and find it stored.
    let update = "UPDATE cluster SET customer_key = $1 WHERE customer_key IS DISTINCT FROM $1";
    let update = sqlx::query(update).bind(check_value);
    let replaced = update.execute(&mut *transaction).await?.rows_affected() > 0;
    if replaced && !keep_customers {
        let deleted = sqlx::query("DELETE FROM customer_segments");
        deleted.execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}
