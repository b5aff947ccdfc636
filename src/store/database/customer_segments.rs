//! The logs of customers: one row for each segment.

use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::load::SavedAccounts;
use super::{Database, StoreError};
use crate::domain::{PhoneNumberId, WabaId};

/// One new segment of a log.
#[derive(Clone, Debug)]
pub struct SegmentRow {
    /// The account.
    pub waba_id: WabaId,
    /// The phone number.
    pub phone_number_id: PhoneNumberId,
    /// Its number: that of the segment before it plus one.
    pub segment: i64,
    /// Number of its entries.
    pub entries: usize,
    /// The entries.
    pub content: Vec<u8>,
    /// Older segments up to this number are deleted. `None` keeps all.
    pub compacted: Option<i64>,
}

/// One stored segment.
#[derive(Debug, sqlx::FromRow)]
pub struct SavedSegment {
    /// Id of the account.
    pub waba_id: String,
    /// Id of the phone number.
    pub phone_number_id: String,
    /// Its number.
    pub segment: i64,
    /// Number of its entries.
    #[sqlx(try_from = "i64")]
    pub entries: usize,
    /// The entries.
    pub content: Vec<u8>,
}

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

    /// The segments of all accounts, each log oldest first.
    pub async fn all_segments(&mut self) -> Result<SavedAccounts, StoreError> {
        let mut saved = SavedAccounts::new();
        let mut query = QueryBuilder::<Sqlite>::new(SELECT);
        query.push("ORDER BY waba_id, phone_number_id, segment");
        let rows: Vec<SavedSegment> = query.build_query_as().fetch_all(self.connection()?).await?;
        sort_in(rows, &mut saved);
        Ok(saved)
    }
}

/// Loads the segments of these accounts, each log oldest first.
pub(super) async fn load_segments(
    connection: &mut SqliteConnection,
    waba_ids: &[String],
    saved: &mut SavedAccounts,
) -> sqlx::Result<()> {
    let mut query = QueryBuilder::<Sqlite>::new(SELECT);
    query.push("WHERE waba_id IN (");
    let mut list = query.separated(", ");
    for waba_id in waba_ids {
        list.push_bind(waba_id);
    }
    query.push(") ORDER BY waba_id, phone_number_id, segment");
    sort_in(query.build_query_as().fetch_all(connection).await?, saved);
    Ok(())
}

/// Adds the segments to their accounts.
fn sort_in(rows: Vec<SavedSegment>, saved: &mut SavedAccounts) {
    for row in rows {
        match saved.get_mut(&row.waba_id) {
            Some(account) => account.segments.push(row),
            None => {
                let account = saved.entry(row.waba_id.clone()).or_default();
                account.segments.push(row);
            }
        }
    }
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
