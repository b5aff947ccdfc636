//! The settings of a session. They are set by a statement after the connection is made, because poolers refuse most of
//! them as parameters of the start.

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Postgres, QueryBuilder};
use tokio::time::timeout;

use super::PostgresOptions;
use super::limits::CLOSE_LIMIT;

/// `application_name` if the URL gives none.
const APPLICATION_NAME: &str = "whatsapp-business-exporter";

/// What a connection is for, which decides how long the server lets its statements take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Creates or changes the tables.
    Migration,
    /// Holds the locks of shards and writes them.
    Writer,
    /// Answers queries.
    Reader,
}

impl Role {
    /// How long a statement may wait for a lock. A start waits for another replica's migration. Commits fail soon
    /// instead, and are retried.
    fn lock_timeout(self) -> &'static str {
        match self {
            Self::Migration => "60s",
            Self::Writer | Self::Reader => "2s",
        }
    }

    /// How long a statement may run. For the writer, the longest is the load of all its shards at a takeover. It does
    /// not limit how long a COMMIT waits for a synchronous standby, which PostgreSQL would cut short with the commit in
    /// effect. A replica whose commits take longer than its lease stops by its own clock, not by this one. An index of
    /// a migration may take any time.
    fn statement_timeout(self) -> &'static str {
        match self {
            Self::Migration => "0",
            Self::Writer => "30s",
            Self::Reader => "10s",
        }
    }

    /// A process that stops within a transaction keeps its row locks. The next owner of its shards waits for them.
    fn idle_in_transaction_timeout(self) -> &'static str {
        match self {
            Self::Migration => "60s",
            Self::Writer | Self::Reader => "5s",
        }
    }
}

/// Settings that are the same for all. A server that has lost its client notices within about five seconds, and
/// releases the client's advisory locks. PostgreSQL ignores the settings of TCP on Unix sockets.
const COMMON: [(&str, &str); 8] = [
    ("tcp_keepalives_idle", "2"),
    ("tcp_keepalives_interval", "1"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "5000"),
    // A writer without work is idle on purpose.
    ("idle_session_timeout", "0"),
    // The statements are written for it, whatever the role's default is.
    ("default_transaction_isolation", "read committed"),
    // Statements are short, and compiling them takes longer than running them.
    ("jit", "off"),
    // Notices, such as of tables that exist, are not for the log.
    ("client_min_messages", "warning"),
];

/// Applies the settings to a new connection.
pub(super) async fn prepare(
    connection: &mut PgConnection,
    options: &PostgresOptions,
    role: Role,
) -> Result<(), sqlx::Error> {
    let name = options.url.application_name.as_deref();
    let own = [
        ("application_name", name.unwrap_or(APPLICATION_NAME)),
        ("search_path", options.schema.as_str()),
        ("lock_timeout", role.lock_timeout()),
        ("statement_timeout", role.statement_timeout()),
        (
            "idle_in_transaction_session_timeout",
            role.idle_in_transaction_timeout(),
        ),
    ];
    let mut query = QueryBuilder::<Postgres>::new("SELECT ");
    let mut calls = query.separated(", ");
    for (name, value) in COMMON.into_iter().chain(own) {
        calls.push("set_config(");
        calls.push_bind_unseparated(name);
        calls.push_unseparated(", ");
        calls.push_bind_unseparated(value);
        calls.push_unseparated(", false)");
    }
    query.build().persistent(false).execute(connection).await?;
    Ok(())
}

/// Closes a connection with a message to the server. The server detects a closed connection without it too.
pub(super) async fn close_connection(connection: PgConnection) {
    drop(timeout(CLOSE_LIMIT, connection.close()).await);
}
