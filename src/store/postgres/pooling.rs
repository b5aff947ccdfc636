//! Whether a pooler between the exporter and the server leaves it a session of its own.

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::shared::namespace;
use super::{PostgresError, PostgresOptions, Role, connect};

/// How often the session is compared with itself.
const STATEMENTS: usize = 5;

/// Shards have the first numbers of the namespace.
const FIRST_TEST_LOCK: i32 = 1_000;

/// What PgBouncer answers to the beginning of a transaction with `pool_mode = statement` (protocol_violation).
const NO_TRANSACTIONS: &str = "08P01";

/// Whether a session keeps its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionFacts {
    /// Whether all statements ran in one session of the server, which no other client had.
    pub is_own: bool,
    /// Whether an advisory lock was held from its first to its last statement.
    pub keeps_locks: bool,
}

/// Takes a lock that no replica uses. A pooler that shares a session among clients gives it to the second client, which
/// begins a transaction, or another one to the first.
///
/// # Errors
/// If no second connection can be made, or a query fails.
pub(super) async fn session_facts(
    connection: &mut PgConnection,
    options: &PostgresOptions,
) -> Result<SessionFacts, PostgresError> {
    let (namespace, key) = (namespace(&options.schema), fastrand::i32(FIRST_TEST_LOCK..));
    let lock = "SELECT pg_backend_pid(), pg_try_advisory_lock($1, $2)";
    let (own, mut keeps_locks): (i32, bool) = sqlx::query_as(lock)
        .bind(namespace)
        .bind(key)
        .persistent(false)
        .fetch_one(&mut *connection)
        .await?;
    let mut other = connect(options, Role::Reader).await?.connection;
    let mut transaction = match other.begin().await.map_err(PostgresError::from) {
        Ok(transaction) => transaction,
        Err(error) if error.sqlstate.as_deref() == Some(NO_TRANSACTIONS) => {
            return Ok(SessionFacts {
                is_own: false,
                keeps_locks: false,
            });
        }
        Err(error) => return Err(error),
    };
    let others: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
        .persistent(false)
        .fetch_one(&mut *transaction)
        .await?;
    let mut is_own = others != own;
    for _ in 0..STATEMENTS {
        let query = "SELECT pg_backend_pid(), EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted \
             AND pid = pg_backend_pid() AND classid = $1::bigint::oid AND objid = $2::oid AND objsubid = 2)";
        let unsigned = i64::from(u32::from_ne_bytes(namespace.to_ne_bytes()));
        let (pid, is_held): (i32, bool) = sqlx::query_as(query)
            .bind(unsigned)
            .bind(key)
            .persistent(false)
            .fetch_one(&mut *connection)
            .await?;
        is_own &= pid == own;
        keeps_locks &= is_held;
    }
    transaction.rollback().await?;
    drop(other.close().await);
    let unlock = sqlx::query_scalar("SELECT pg_advisory_unlock($1, $2)");
    let unlock = unlock.bind(namespace).bind(key).persistent(false);
    let was_held: bool = unlock.fetch_one(&mut *connection).await?;
    keeps_locks &= was_held;
    Ok(SessionFacts {
        is_own,
        keeps_locks,
    })
}

impl SessionFacts {
    /// Whether advisory locks work as the exporter needs them.
    #[must_use]
    pub fn is_reliable(self) -> bool {
        self.is_own && self.keeps_locks
    }
}
