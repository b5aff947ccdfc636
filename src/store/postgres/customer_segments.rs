//! The logs of customers: one row for each segment.

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use crate::domain::{PhoneNumberId, WabaId};
use crate::store::engine::{SavedSegment, SegmentRow, StoreError};

/// Number of segments that one statement deletes, and the others of the last account among them.
const DELETED_AT_ONCE: i64 = 10_000;

const SELECT: &str =
    "SELECT waba_id, phone_number_id, segment, entries, content FROM customer_segments";

/// The oldest segments of a log, up to this number.
pub(super) async fn oldest_segments(
    connection: &mut PgConnection,
    waba_id: &WabaId,
    phone_number_id: &PhoneNumberId,
    newest: i64,
) -> Result<Vec<SavedSegment>, StoreError> {
    let query = format!(
        "{SELECT} WHERE waba_id = $1 AND phone_number_id = $2 AND segment <= $3 ORDER BY segment"
    );
    let query = sqlx::query_as(AssertSqlSafe(query)).bind(waba_id.as_str());
    let query = query.bind(phone_number_id.as_str()).bind(newest);
    Ok(query.fetch_all(connection).await?)
}

/// The segments of the first log after this account and phone number, oldest first.
pub(super) async fn segments_after(
    connection: &mut PgConnection,
    waba_id: &str,
    phone_number_id: &str,
) -> Result<Vec<SavedSegment>, StoreError> {
    let query = format!(
        "{SELECT} WHERE (waba_id, phone_number_id) = (\
           SELECT waba_id, phone_number_id FROM customer_segments WHERE (waba_id, phone_number_id) > ($1, $2) \
           ORDER BY waba_id, phone_number_id LIMIT 1) ORDER BY segment"
    );
    let query = sqlx::query_as(AssertSqlSafe(query)).bind(waba_id);
    let query = query.bind(phone_number_id);
    Ok(query.fetch_all(connection).await?)
}

/// Deletes all segments, in steps that each end before the time limit of a statement.
pub(super) async fn delete_all_segments(connection: &mut PgConnection) -> sqlx::Result<()> {
    let mut after = String::new();
    loop {
        let last = "SELECT max(waba_id) FROM (SELECT waba_id FROM customer_segments WHERE waba_id > $1 \
             ORDER BY waba_id LIMIT $2) AS step";
        let last = sqlx::query_scalar(last).bind(&after).bind(DELETED_AT_ONCE);
        let last: Option<String> = last.fetch_one(&mut *connection).await?;
        let Some(last) = last else {
            return Ok(());
        };
        let delete = "DELETE FROM customer_segments WHERE waba_id > $1 AND waba_id <= $2";
        let delete = sqlx::query(delete).bind(&after).bind(&last);
        delete.execute(&mut *connection).await?;
        after = last;
    }
}

/// The segments of these accounts, each log oldest first.
pub(super) async fn load_segments(
    connection: &mut PgConnection,
    waba_ids: &[String],
) -> sqlx::Result<Vec<SavedSegment>> {
    let query =
        format!("{SELECT} WHERE waba_id = ANY($1) ORDER BY waba_id, phone_number_id, segment");
    let query = sqlx::query_as(AssertSqlSafe(query)).bind(waba_ids);
    query.fetch_all(connection).await
}

/// Adds these segments, and deletes those that they replace.
pub(super) async fn write_segments(
    connection: &mut PgConnection,
    rows: &[SegmentRow],
) -> sqlx::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let waba_ids: Vec<&str> = rows.iter().map(|row| row.waba_id.as_str()).collect();
    let numbers: Vec<&str> = rows
        .iter()
        .map(|row| row.phone_number_id.as_str())
        .collect();
    let segments: Vec<i64> = rows.iter().map(|row| row.segment).collect();
    let entries = rows.iter().map(|row| i64::try_from(row.entries));
    let entries: Vec<i64> = entries.map(|count| count.unwrap_or(i64::MAX)).collect();
    let contents: Vec<&[u8]> = rows.iter().map(|row| &row.content[..]).collect();
    let insert = "INSERT INTO customer_segments (waba_id, phone_number_id, segment, entries, content) \
         SELECT * FROM unnest($1::text[], $2::text[], $3::int8[], $4::int8[], $5::bytea[])";
    let insert = sqlx::query(insert).bind(waba_ids).bind(numbers);
    let insert = insert.bind(segments).bind(entries).bind(contents);
    insert.execute(&mut *connection).await?;

    let compacted: Vec<(&SegmentRow, i64)> = rows
        .iter()
        .filter_map(|row| Some((row, row.compacted?)))
        .collect();
    if compacted.is_empty() {
        return Ok(());
    }
    let ids = compacted.iter();
    let (waba_ids, numbers): (Vec<&str>, Vec<&str>) = ids
        .map(|(row, _)| (row.waba_id.as_str(), row.phone_number_id.as_str()))
        .unzip();
    let newest: Vec<i64> = compacted.iter().map(|(_, newest)| *newest).collect();
    let delete = "DELETE FROM customer_segments AS old \
         USING unnest($1::text[], $2::text[], $3::int8[]) AS log (waba_id, phone_number_id, newest) \
         WHERE old.waba_id = log.waba_id AND old.phone_number_id = log.phone_number_id \
           AND old.segment <= log.newest";
    let delete = sqlx::query(delete)
        .bind(waba_ids)
        .bind(numbers)
        .bind(newest);
    delete.execute(connection).await.map(drop)
}
