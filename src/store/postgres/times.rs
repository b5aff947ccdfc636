//! Meta's time, and corrections of journal times that were ahead of it.

use std::collections::BTreeMap;

use sqlx::FromRow;
use sqlx::postgres::PgConnection;

use super::journal_lines::entities_of;
use crate::store::engine::{ClockRow, Moves, StoreError};

/// A time that Meta's clock has reached. The time since boot belongs to one host, so replicas do not share it.
pub(super) async fn clock(connection: &mut PgConnection) -> Result<ClockRow, StoreError> {
    let query = sqlx::query_scalar("SELECT clock_ms FROM cluster");
    Ok((query.fetch_one(connection).await?, None, None))
}

/// Stores Meta's time, if it is later than the stored one. All replicas share the row, so this is no part of a commit.
pub(super) async fn save_clock(
    connection: &mut PgConnection,
    clock_ms: i64,
) -> Result<(), StoreError> {
    let update = "UPDATE cluster SET clock_ms = $1 WHERE clock_ms IS NULL OR clock_ms < $1";
    let update = sqlx::query(update).bind(clock_ms);
    update.execute(connection).await?;
    Ok(())
}

/// Moves the journal times for which the state has corrections. Later times that the state has forgotten are moved
/// too: they keep their distances, and end before the others.
///
/// The lines are deleted and inserted again, because PostgreSQL cannot replace a line that is in the way of an update.
pub(super) async fn move_times(connection: &mut PgConnection, moves: &Moves) -> sqlx::Result<()> {
    let take = format!(
        "DELETE FROM transitions WHERE entity IN {} AND order_ms > $2 \
         RETURNING entity, attribute, order_ms, is_webhook, to_value, from_value",
        entities_of("$1")
    );
    let take = sqlx::query_as(sqlx::AssertSqlSafe(take));
    let take = take.bind(&moves.waba_id).bind(moves.latest_ms);
    let lines: Vec<StoredLine> = take.fetch_all(&mut *connection).await?;
    if lines.is_empty() {
        return Ok(());
    }
    let moved = moved(lines, moves);
    let entities: Vec<i64> = moved.keys().map(|key| key.0).collect();
    let attributes: Vec<i32> = moved.keys().map(|key| key.1).collect();
    let times: Vec<i64> = moved.keys().map(|key| key.2).collect();
    let webhooks: Vec<bool> = moved.keys().map(|key| key.3).collect();
    let values: Vec<&str> = moved.keys().map(|key| key.4.as_str()).collect();
    let before: Vec<Option<&str>> = moved.values().map(Option::as_deref).collect();
    let insert = "INSERT INTO transitions (entity, attribute, order_ms, is_webhook, to_value, from_value) \
         SELECT * FROM unnest($1::int8[], $2::int4[], $3::int8[], $4::bool[], $5::text[], $6::text[]) \
         ON CONFLICT (entity, attribute, order_ms, is_webhook, to_value) \
         DO UPDATE SET from_value = excluded.from_value";
    let insert = sqlx::query(insert).bind(entities).bind(attributes);
    let insert = insert.bind(times).bind(webhooks).bind(values).bind(before);
    insert.execute(connection).await.map(drop)
}

/// Key and previous value of each line at its new time. Of lines that become equal, the later one stays.
fn moved(mut lines: Vec<StoredLine>, moves: &Moves) -> BTreeMap<LineId, Option<String>> {
    let corrected: BTreeMap<i64, i64> = moves.times.iter().copied().collect();
    let before = moves.times.first().map_or(moves.latest_ms, |(_, new)| *new);
    lines.sort_by_key(|line| (!corrected.contains_key(&line.order_ms), line.order_ms));
    let forgotten = lines
        .iter()
        .filter(|line| !corrected.contains_key(&line.order_ms));
    let newest = forgotten.map(|line| line.order_ms).max();
    let time = |old: i64| match corrected.get(&old) {
        Some(new) => *new,
        None => old - newest.unwrap_or(old) + before - 1,
    };
    let lines = lines.into_iter().map(|line| {
        let at = time(line.order_ms);
        let key = (
            line.entity,
            line.attribute,
            at,
            line.is_webhook,
            line.to_value,
        );
        (key, line.from_value)
    });
    lines.collect()
}

/// Entity, attribute, time, whether a webhook reported it, and value.
type LineId = (i64, i32, i64, bool, String);

#[derive(FromRow)]
struct StoredLine {
    entity: i64,
    attribute: i32,
    order_ms: i64,
    is_webhook: bool,
    to_value: String,
    from_value: Option<String>,
}
