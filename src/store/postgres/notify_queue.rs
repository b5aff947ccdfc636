//! Stored changes that receivers of notifications have not accepted yet.
//!
//! A receiver's position is one number for all shards of a replica, so the numbers of changes ascend across them. Each
//! replica counts for itself. When it acquires a shard, it numbers the shard's changes anew, after all that it has: a
//! receiver that is far ahead in the other shards reads them, and cannot settle them unread.

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Postgres, Transaction};

use super::text::storable;
use crate::domain::Sharding;
use crate::store::engine::{SignalRow, SignalSpan, StoreError};

/// Deletes the changes that no receiver waits for. A range of the primary key for each shard, because the queue of a
/// receiver that is down may be long.
const FORGET: &str = "DELETE FROM notify_queue AS waiting USING ( \
       SELECT shard, coalesce(min(settled), 9223372036854775807) AS settled \
       FROM unnest($1::int2[]) AS own (shard) LEFT JOIN notify_receivers USING (shard) GROUP BY shard \
     ) AS done WHERE waiting.shard = done.shard AND waiting.number <= done.settled";

/// The range of the stored changes of these shards.
pub(super) async fn signal_span(
    connection: &mut PgConnection,
    owned: &[i16],
) -> Result<SignalSpan, StoreError> {
    let query = "SELECT (SELECT min(number) FROM notify_queue WHERE shard = ANY($1)), \
         (SELECT max(number) FROM notify_queue WHERE shard = ANY($1)), \
         (SELECT max(settled) FROM notify_receivers WHERE shard = ANY($1))";
    let query = sqlx::query_as(query).bind(owned);
    let (oldest, newest, settled): (Option<i64>, Option<i64>, Option<i64>) =
        query.fetch_one(connection).await?;
    let newest = newest.max(settled).unwrap_or(0);
    let oldest = oldest.unwrap_or(newest + 1);
    Ok(SignalSpan { oldest, newest })
}

/// Numbers the changes of an acquired shard after `newest`, and moves the positions of receivers with them. A receiver
/// that the other owned shards know starts after them here, if this shard does not know it yet.
pub(super) async fn adopt_signals(
    connection: &mut PgConnection,
    owned: &[i16],
    shard: i16,
    newest: i64,
) -> Result<(), StoreError> {
    let mut transaction = connection.begin().await?;
    // Two steps, because a number may be that of another change until that has its new one. No number is negative.
    let positions = "UPDATE notify_receivers SET settled = $2 + (SELECT count(*) FROM notify_queue \
         WHERE notify_queue.shard = $1 AND number <= settled) WHERE shard = $1";
    let set_aside = "UPDATE notify_queue SET number = -place FROM ( \
           SELECT number AS old, row_number() OVER (ORDER BY number) AS place FROM notify_queue WHERE shard = $1 \
         ) AS places WHERE shard = $1 AND number = old";
    let number = "UPDATE notify_queue SET number = $2 - number WHERE shard = $1 AND number < 0";
    for statement in [positions, set_aside, number] {
        let statement = sqlx::query(statement).bind(shard).bind(newest);
        statement.execute(&mut *transaction).await?;
    }
    let others = "INSERT INTO notify_receivers (receiver, shard, settled) \
         SELECT DISTINCT receiver, $1, coalesce((SELECT max(number) FROM notify_queue WHERE shard = $1), $2) \
         FROM notify_receivers WHERE shard = ANY($3) ON CONFLICT DO NOTHING";
    let others = sqlx::query(others).bind(shard).bind(newest).bind(owned);
    others.execute(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}

/// Keeps changes for exactly these receivers from now on, in the owned shards. A new receiver starts after the newest
/// change.
pub(super) async fn notify(
    connection: &mut PgConnection,
    owned: &[i16],
    receivers: &[String],
    newest: i64,
) -> Result<(), StoreError> {
    let mut transaction = connection.begin().await?;
    let others = "DELETE FROM notify_receivers WHERE shard = ANY($1) AND receiver <> ALL($2)";
    let others = sqlx::query(others).bind(owned).bind(receivers);
    others.execute(&mut *transaction).await?;
    let insert = "INSERT INTO notify_receivers (receiver, shard, settled) \
         SELECT receiver, shard, $3 FROM unnest($2::text[]) AS receiver, unnest($1::int2[]) AS shard \
         ON CONFLICT DO NOTHING";
    let insert = sqlx::query(insert).bind(owned).bind(receivers).bind(newest);
    insert.execute(&mut *transaction).await?;
    forget_settled(&mut transaction, owned).await?;
    Ok(transaction.commit().await?)
}

/// Stores the last change that a receiver accepted, and forgets those that every receiver has accepted.
pub(super) async fn settle_signals(
    connection: &mut PgConnection,
    owned: &[i16],
    receiver: &str,
    settled: i64,
) -> Result<(), StoreError> {
    let mut transaction = connection.begin().await?;
    let update = "UPDATE notify_receivers SET settled = $3 \
         WHERE receiver = $2 AND shard = ANY($1) AND settled < $3";
    let update = sqlx::query(update).bind(owned).bind(receiver).bind(settled);
    update.execute(&mut *transaction).await?;
    forget_settled(&mut transaction, owned).await?;
    Ok(transaction.commit().await?)
}

/// Deletes the changes that no receiver waits for.
async fn forget_settled(
    transaction: &mut Transaction<'_, Postgres>,
    owned: &[i16],
) -> sqlx::Result<()> {
    let forget = sqlx::query(FORGET).bind(owned);
    forget.execute(&mut **transaction).await.map(drop)
}

/// Adds these changes, and deletes those of the owned shards before `oldest`.
pub(super) async fn write_signals(
    connection: &mut PgConnection,
    owned: &[i16],
    rows: &[SignalRow],
    oldest: i64,
) -> sqlx::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let shard = |row: &SignalRow| Sharding::SHARED.of_key(&row.waba_id).0;
    let shards = rows
        .iter()
        .map(|row| i16::try_from(shard(row)).unwrap_or(i16::MAX));
    let numbers = |of: fn(&SignalRow) -> i64| rows.iter().map(of).collect::<Vec<i64>>();
    let texts = |of: fn(&SignalRow) -> &str| {
        let texts = rows.iter().map(of).map(storable);
        texts.collect::<Vec<_>>()
    };
    let options = |of: fn(&SignalRow) -> Option<&str>| {
        let texts = rows.iter().map(|row| of(row).map(storable));
        texts.collect::<Vec<_>>()
    };
    let insert = "WITH dropped AS (DELETE FROM notify_queue WHERE shard = ANY($15) AND number < $16) \
         INSERT INTO notify_queue (number, shard, recorded_ms, waba_id, entity, entity_id, attribute, order_ms, source, \
         from_value, to_value, account_name, name, display_phone_number, language) \
         SELECT * FROM unnest($1::int8[], $2::int2[], $3::int8[], $4::text[], $5::text[], $6::text[], $7::text[], \
         $8::int8[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $17::text[]) \
         AS new (number) WHERE new.number >= $16";
    let insert = sqlx::query(insert)
        .bind(numbers(|row| row.number))
        .bind(shards.collect::<Vec<i16>>())
        .bind(numbers(|row| row.recorded_ms))
        .bind(texts(|row| &row.waba_id))
        .bind(texts(|row| &row.entity))
        .bind(texts(|row| &row.entity_id))
        .bind(texts(|row| &row.attribute))
        .bind(numbers(|row| row.order_ms))
        .bind(texts(|row| &row.source))
        .bind(options(|row| row.from_value.as_deref()))
        .bind(texts(|row| &row.to_value))
        .bind(options(|row| row.account_name.as_deref()))
        .bind(options(|row| row.name.as_deref()))
        .bind(options(|row| row.display_phone_number.as_deref()))
        .bind(owned)
        .bind(oldest)
        .bind(options(|row| row.language.as_deref()));
    insert.execute(connection).await.map(drop)
}
