//! The last report of `doctor`, which all replicas show.

use async_trait::async_trait;

use super::limits::{READ, SHORT, within};
use super::pools::Pools;
use super::session::close_connection;
use super::{PostgresError, PostgresOptions, Role, connect};
use crate::store::engine::{ReportReader, StoreError};

/// Reads the report.
#[derive(Debug)]
pub(super) struct PostgresReports {
    pools: Pools,
}

impl PostgresReports {
    pub fn new(pools: Pools) -> Self {
        Self { pools }
    }
}

#[async_trait]
impl ReportReader for PostgresReports {
    async fn last_report(&self) -> Result<Option<String>, StoreError> {
        let query = sqlx::query_scalar("SELECT report FROM examinations");
        within(READ, query.fetch_optional(&*self.pools.load_full())).await
    }
}

/// Replaces the report. Fails if no replica has created the tables yet.
///
/// # Errors
/// If it cannot be written.
pub async fn keep_report(options: &PostgresOptions, text: &str) -> Result<(), PostgresError> {
    let mut connection = connect(options, Role::Writer).await?.connection;
    let upsert = "INSERT INTO examinations (report) VALUES ($1) \
         ON CONFLICT (only_row) DO UPDATE SET report = excluded.report";
    let kept = sqlx::query(upsert).bind(text).persistent(false);
    let kept: Result<_, PostgresError> = within(SHORT, kept.execute(&mut connection)).await;
    close_connection(connection).await;
    kept.map(drop)
}
