//! The logs of customers: one row for each segment.

use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::Database;
use crate::domain::{PhoneNumberId, WabaId};
use crate::store::engine::{SavedSegment, SegmentRow, StoreError};

const SELECT: &str =
    "SELECT waba_id, phone_number_id, segment, entries, content FROM customer_segments ";

impl Database {
    /// The oldest segments of a log, up to this number.
    pub async fn oldest_segments(
        &mut self,
        waba_id: &WabaId,
        phone_number_id: &PhoneNumberId,
        newest: i64,
    ) -> Result<Vec<SavedSegment>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(SELECT);
        query.push("WHERE waba_id = ").push_bind(waba_id.as_str());
        query.push(" AND phone_number_id = ");
        query.push_bind(phone_number_id.as_str());
        query.push(" AND segment <= ").push_bind(newest);
        query.push(" ORDER BY segment");
        Ok(query.build_query_as().fetch_all(self.connection()?).await?)
    }

    /// The segments of the first log after this account and phone number, oldest first.
    pub async fn segments_after(
        &mut self,
        waba_id: &str,
        phone_number_id: &str,
    ) -> Result<Vec<SavedSegment>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(SELECT);
        query.push(
            "WHERE (waba_id, phone_number_id) = (\
               SELECT waba_id, phone_number_id FROM customer_segments WHERE (waba_id, phone_number_id) > (",
        );
        query.push_bind(waba_id).push(", ");
        query.push_bind(phone_number_id);
        query.push(") ORDER BY waba_id, phone_number_id LIMIT 1) ORDER BY segment");
        Ok(query.build_query_as().fetch_all(self.connection()?).await?)
    }
}

/// The segments of these accounts, each log oldest first.
pub(super) async fn load_segments(
    connection: &mut SqliteConnection,
    waba_ids: &[String],
) -> sqlx::Result<Vec<SavedSegment>> {
    let mut query = QueryBuilder::<Sqlite>::new(SELECT);
    query.push("WHERE waba_id IN (");
    let mut list = query.separated(", ");
    for waba_id in waba_ids {
        list.push_bind(waba_id);
    }
    query.push(") ORDER BY waba_id, phone_number_id, segment");
    query.build_query_as().fetch_all(connection).await
}

pub(super) async fn write_segment(
    connection: &mut SqliteConnection,
    row: &SegmentRow,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO customer_segments (waba_id, phone_number_id, segment, entries, content) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(row.waba_id.as_str())
    .bind(row.phone_number_id.as_str())
    .bind(row.segment)
    .bind(i64::try_from(row.entries).unwrap_or(i64::MAX))
    .bind(&row.content[..])
    .execute(&mut *connection)
    .await?;
    if let Some(compacted) = row.compacted {
        sqlx::query(
            "DELETE FROM customer_segments \
             WHERE waba_id = $1 AND phone_number_id = $2 AND segment <= $3",
        )
        .bind(row.waba_id.as_str())
        .bind(row.phone_number_id.as_str())
        .bind(compacted)
        .execute(connection)
        .await?;
    }
    Ok(())
}
