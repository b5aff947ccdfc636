//! Errors of both databases as errors of the store.

use sqlx::postgres::PgDatabaseError;

use super::engine::{StoreError, StoreErrorReason};
use super::postgres::reason_of_sqlstate;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let reason = match &error {
            sqlx::Error::Database(error) => {
                let is_postgres = error.try_downcast_ref::<PgDatabaseError>().is_some();
                let code = error.code();
                let reason = code.and_then(|code| match is_postgres {
                    true => Some(reason_of_sqlstate(&code)),
                    false => code.parse().ok().map(reason_of_sqlite),
                });
                reason.unwrap_or(StoreErrorReason::Other)
            }
            sqlx::Error::Io(_) => StoreErrorReason::Io,
            // The connection has ended, or there is none to the server.
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                StoreErrorReason::Io
            }
            _ => StoreErrorReason::Other,
        };
        match error {
            sqlx::Error::Database(error) => Self::new(reason, error.message()),
            other => Self::new(reason, other.to_string()),
        }
    }
}

/// The reason for SQLite's result code (<https://www.sqlite.org/rescode.html>).
fn reason_of_sqlite(code: i32) -> StoreErrorReason {
    // SQLite cannot grow the shared-memory file next to the database, because the disk is full.
    const IOERR_SHMSIZE: i32 = 4874;
    match code & 0xff {
        _ if code == IOERR_SHMSIZE => StoreErrorReason::DiskFull,
        5 | 6 => StoreErrorReason::Locked,
        8 => StoreErrorReason::ReadOnly,
        9 => StoreErrorReason::Interrupted,
        10 | 14 => StoreErrorReason::Io,
        11 | 26 => StoreErrorReason::Corrupt,
        13 => StoreErrorReason::DiskFull,
        _ => StoreErrorReason::Other,
    }
}
