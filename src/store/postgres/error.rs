//! Errors of PostgreSQL, with their reasons (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).

use std::fmt;

use crate::store::engine::{StoreError, StoreErrorReason};

/// A reason that passes without a change to the configuration: the server does not answer, stops or starts.
pub(super) const UNREACHABLE: StoreErrorReason = StoreErrorReason::Unreachable;

/// A failed operation with its reason. Its text contains no password.
#[derive(Clone, Debug)]
pub struct PostgresError {
    /// The reason, as a bounded label value.
    pub reason: StoreErrorReason,
    /// The SQLSTATE, if the server reported the error.
    pub sqlstate: Option<String>,
    message: String,
}

impl PostgresError {
    pub(super) fn new(reason: StoreErrorReason, message: impl Into<String>) -> Self {
        Self {
            reason,
            sqlstate: None,
            message: message.into(),
        }
    }

    /// An error that stays until an operator changes something.
    pub(super) fn operator(message: impl Into<String>) -> Self {
        Self::new(StoreErrorReason::Other, message)
    }
}

impl fmt::Display for PostgresError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for PostgresError {}

impl From<PostgresError> for StoreError {
    fn from(error: PostgresError) -> Self {
        Self::new(error.reason, error.message)
    }
}

impl From<sqlx::Error> for PostgresError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => {
                let sqlstate = database.code().map(String::from);
                let reason = sqlstate.as_deref().map(reason_of_sqlstate);
                Self {
                    reason: reason.unwrap_or(StoreErrorReason::Other),
                    message: database.message().to_owned(),
                    sqlstate,
                }
            }
            sqlx::Error::Io(error) => Self::new(UNREACHABLE, error.to_string()),
            // The connection ended in the middle of a message, or another task ended the pool's.
            sqlx::Error::WorkerCrashed | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
                Self::new(UNREACHABLE, error.to_string())
            }
            error => Self::new(StoreErrorReason::Other, error.to_string()),
        }
    }
}

/// The reason for a SQLSTATE.
#[must_use]
pub fn reason_of_sqlstate(sqlstate: &str) -> StoreErrorReason {
    match sqlstate {
        // disk_full
        "53100" => StoreErrorReason::DiskFull,
        // read_only_sql_transaction: the server is a standby, or is demoted.
        "25006" => StoreErrorReason::ReadOnly,
        // serialization_failure, deadlock_detected, lock_not_available
        "40001" | "40P01" | "55P03" => StoreErrorReason::Locked,
        // query_canceled: a timeout of the statement.
        "57014" => StoreErrorReason::Interrupted,
        // idle_in_transaction_session_timeout and idle_session_timeout end the connection.
        "25P03" | "57P05" => UNREACHABLE,
        // admin_shutdown, crash_shutdown, cannot_connect_now
        "57P01" | "57P02" | "57P03" => UNREACHABLE,
        // too_many_connections, and out_of_memory of the server
        "53300" | "53200" => UNREACHABLE,
        // data_corrupted, index_corrupted
        "XX001" | "XX002" => StoreErrorReason::Corrupt,
        // io_error
        "58030" => StoreErrorReason::Io,
        other if other.starts_with("08") => UNREACHABLE,
        // All others need an operator: invalid authorization (28), no such database (3D000), no right (42501).
        _ => StoreErrorReason::Other,
    }
}

/// What an operator does about a refused connection.
pub(super) fn cure_of_sqlstate(sqlstate: &str) -> Option<&'static str> {
    match sqlstate {
        "28P01" => Some(
            "check the user in store.url, and the password in store.password_file, PGPASSWORD or the file of PGPASSFILE, which only its owner may read",
        ),
        "28000" => Some(
            "check the user in store.url, and allow the connection in the server's pg_hba.conf",
        ),
        "3D000" => Some(
            "create the database (`CREATE DATABASE name OWNER user`), or correct it in store.url",
        ),
        "42501" => Some("grant the right to the user of store.url"),
        "53300" => Some("raise max_connections of the server, or lower store.max_connections"),
        "08P01" => Some("if a pooler is between, give it no pool_mode but session"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transient_errors_are_distinguished_from_those_for_an_operator() {
        for (sqlstate, reason) in [
            ("53100", StoreErrorReason::DiskFull),
            ("25006", StoreErrorReason::ReadOnly),
            ("40001", StoreErrorReason::Locked),
            ("55P03", StoreErrorReason::Locked),
            ("57014", StoreErrorReason::Interrupted),
            ("57P01", UNREACHABLE),
            ("57P03", UNREACHABLE),
            ("08006", UNREACHABLE),
            ("53300", UNREACHABLE),
            ("XX001", StoreErrorReason::Corrupt),
            ("28P01", StoreErrorReason::Other),
            ("3D000", StoreErrorReason::Other),
            ("42501", StoreErrorReason::Other),
            ("42P01", StoreErrorReason::Other),
        ] {
            assert_eq!(reason_of_sqlstate(sqlstate), reason, "{sqlstate}");
        }
        assert!(UNREACHABLE.may_pass());
        assert!(!reason_of_sqlstate("28P01").may_pass());
    }
}
