//! One commit, as one transaction. Each statement writes all rows of one table, because each costs a round trip.
//!
//! Replicas never wait for each other's rows, apart from those of [`fence`]: every row belongs to a shard and is
//! written by its owner alone. Rows that all share are written outside of these transactions.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::accounts::{write_accounts, write_refreshes};
use super::customer_segments::write_segments;
use super::inbox::{delete_applied, insert_events};
use super::journal_lines::{JournalNames, delete_lines, insert_lines};
use super::keys::write_keys;
use super::template_pages::write_template_pages;
use super::times::move_times;
use super::{notify_queue, relay_queue};
use crate::cluster::Epoch;
use crate::domain::Shard;
use crate::store::engine::{StoreError, Writes, Written};

/// Writes everything in one transaction. `owned` are the shards whose queues may be shortened.
pub(super) async fn write(
    connection: &mut PgConnection,
    names: &mut JournalNames,
    owned: &[i16],
    writes: &Writes,
) -> Result<Written, StoreError> {
    names.assign(connection, &writes.added).await?;
    let mut transaction = connection.begin().await?;
    // First, so that a commit of another owner is detected before anything else can fail.
    let lost = fence(&mut transaction, &writes.shards).await?;
    if !lost.is_empty() {
        transaction.rollback().await?;
        return Ok(Written::Fenced(lost));
    }
    write_accounts(&mut transaction, &writes.accounts).await?;
    write_refreshes(&mut transaction, &writes.accounts, writes.now_ms).await?;
    write_template_pages(&mut transaction, &writes.template_pages).await?;
    write_segments(&mut transaction, &writes.segments).await?;
    write_keys(&mut transaction, &writes.keys).await?;
    for moves in &writes.moves {
        move_times(&mut transaction, moves).await?;
    }
    delete_lines(&mut transaction, &writes.struck).await?;
    insert_lines(&mut transaction, names, &writes.added).await?;
    let oldest = writes.oldest_delivery;
    relay_queue::write_deliveries(
        &mut transaction,
        owned,
        &writes.deliveries,
        &writes.upstreams,
        oldest,
    )
    .await?;
    notify_queue::write_signals(
        &mut transaction,
        owned,
        &writes.signals,
        writes.oldest_signal,
    )
    .await?;
    insert_events(&mut transaction, &writes.inbox).await?;
    delete_applied(&mut transaction, &writes.applied).await?;
    transaction.commit().await?;
    Ok(Written::Committed)
}

/// Locks the rows of these shards until the end of the transaction, so that another replica that acquires one of them
/// waits for it. Returns those that another replica has acquired already.
///
/// A lock leaves no old version of the row behind, unlike an update. All replicas lock in the order of shards, so that
/// they cannot deadlock.
async fn fence(
    connection: &mut PgConnection,
    shards: &BTreeMap<Shard, Epoch>,
) -> sqlx::Result<Vec<Shard>> {
    if shards.is_empty() {
        return Ok(Vec::new());
    }
    let numbers: Vec<i16> = shards.keys().map(|shard| number_of(*shard)).collect();
    let epochs: Vec<i64> = shards.values().map(|epoch| epoch.0).collect();
    let lock = "SELECT shards.shard FROM shards JOIN unnest($1::int2[], $2::int8[]) AS own (shard, epoch) \
         ON own.shard = shards.shard AND own.epoch = shards.epoch ORDER BY shards.shard FOR NO KEY UPDATE OF shards";
    let lock = sqlx::query_scalar(lock).bind(numbers).bind(epochs);
    let held: BTreeSet<i16> = lock.fetch_all(connection).await?.into_iter().collect();
    let lost = shards
        .keys()
        .filter(|shard| !held.contains(&number_of(**shard)));
    Ok(lost.copied().collect())
}

/// The number of a shard, as the tables have it.
pub(super) fn number_of(shard: Shard) -> i16 {
    i16::try_from(shard.0).unwrap_or(i16::MAX)
}
