//! Meta's time at the last commit, and corrections of journal times that were ahead of it.

use std::collections::BTreeSet;

use sqlx::SqliteConnection;

use super::Database;
use super::journal_lines::entities_of;
use crate::store::engine::{ClockRow, Moves, StoreError};

impl Database {
    /// Meta's time at the last commit.
    pub async fn clock(&mut self) -> Result<ClockRow, StoreError> {
        let query = sqlx::query_as("SELECT clock_ms, clock_offset_ms, boot_id FROM commits");
        Ok(query.fetch_one(self.connection()?).await?)
    }
}

/// Moves the journal times for which the state has corrections. Later times that the state has forgotten are moved
/// too: they keep their distances, and end before the others.
pub(super) async fn move_times(
    connection: &mut SqliteConnection,
    moves: &Moves,
) -> sqlx::Result<()> {
    let entities = entities_of("$1");
    // Most times in the state are not in the journal.
    let journalled: Vec<(i64,)> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "SELECT DISTINCT order_ms FROM transitions WHERE entity IN {entities} AND order_ms > $2"
    )))
    .bind(&moves.waba_id)
    .bind(moves.latest_ms)
    .fetch_all(&mut *connection)
    .await?;
    let journalled: BTreeSet<i64> = journalled.into_iter().map(|(time,)| time).collect();
    let times = moves.times.iter();
    let update = format!(
        "UPDATE OR REPLACE transitions SET order_ms = $2 WHERE entity IN {entities} AND order_ms = $3"
    );
    for (old, new) in times.filter(|(old, _)| journalled.contains(old)) {
        let update = sqlx::query(sqlx::AssertSqlSafe(update.clone()));
        let update = update.bind(&moves.waba_id).bind(new).bind(old);
        update.execute(&mut *connection).await?;
    }
    let before = moves.times.first().map_or(moves.latest_ms, |(_, new)| *new);
    let update = sqlx::query(sqlx::AssertSqlSafe(format!(
        "UPDATE OR REPLACE transitions SET order_ms = order_ms - \
         (SELECT max(order_ms) FROM transitions WHERE entity IN {entities}) + $2 - 1 \
         WHERE entity IN {entities} AND order_ms > $3"
    )));
    let update = update
        .bind(&moves.waba_id)
        .bind(before)
        .bind(moves.latest_ms);
    update.execute(connection).await.map(drop)
}
