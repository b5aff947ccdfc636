//! Writes the inbox: events for other replicas, and the deletion of those that a commit has applied.

use sqlx::postgres::PgConnection;

use super::relay_queue::waba_ids_to_text;
use super::text::storable;
use crate::store::engine::{InboxInsert, StoreError};
use crate::store::relay_queue::lanes_to_text;

/// Adds events for other replicas.
pub(super) async fn insert_events(
    connection: &mut PgConnection,
    rows: &[InboxInsert],
) -> sqlx::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let deliveries = || rows.iter().map(|row| row.delivery.as_ref());
    let shards: Vec<i16> = rows
        .iter()
        .map(|row| i16::try_from(row.shard.0).unwrap_or(i16::MAX))
        .collect();
    let received: Vec<i64> = rows.iter().map(|row| row.received_ms).collect();
    let events: Vec<_> = rows.iter().map(|row| storable(&row.events)).collect();
    let waba_ids: Vec<Option<String>> = deliveries()
        .map(|one| Some(waba_ids_to_text(one?)))
        .collect();
    let lanes: Vec<Option<String>> = deliveries()
        .map(|one| Some(lanes_to_text(&one?.lanes)))
        .collect();
    let signatures: Vec<Option<&str>> = deliveries()
        .map(|one| Some(one?.signature.as_str()))
        .collect();
    let bodies: Vec<Option<&[u8]>> = deliveries().map(|one| Some(&one?.body[..])).collect();
    // In this order, because the owner applies them in the order of their ids.
    let insert = "INSERT INTO inbox (shard, received_ms, events, waba_ids, lanes, signature, body) \
         SELECT shard, received_ms, events, waba_ids, lanes, signature, body \
         FROM unnest($1::int2[], $2::int8[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[]) \
         WITH ORDINALITY AS new (shard, received_ms, events, waba_ids, lanes, signature, body, place) ORDER BY place";
    let insert = sqlx::query(insert)
        .bind(shards)
        .bind(received)
        .bind(events)
        .bind(waba_ids)
        .bind(lanes)
        .bind(signatures)
        .bind(bodies);
    insert.execute(connection).await.map(drop)
}

/// Deletes exactly these rows, whose events the transaction applies. If one is missing, another session has applied it.
pub(super) async fn delete_applied(
    connection: &mut PgConnection,
    ids: &[i64],
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let delete = sqlx::query("DELETE FROM inbox WHERE id = ANY($1)").bind(ids);
    let deleted = delete.execute(connection).await?.rows_affected();
    if deleted == ids.len() as u64 {
        return Ok(());
    }
    let message = format!(
        "{deleted} of {} rows of the inbox were left: another replica has applied the others",
        ids.len()
    );
    Err(StoreError::session(&message))
}
