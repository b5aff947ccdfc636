//! Reads what `doctor` checks of a server, without changing anything and without waiting for replicas.

use sqlx::FromRow;
use sqlx::postgres::PgConnection;

use super::limits::{LONG, within};
use super::pooling::{SessionFacts, session_facts};
use super::rights::missing_grants;
use super::session::close_connection;
use super::shared::namespace;
use super::{Connected, PostgresError, PostgresOptions, Role, connect};
use crate::clock;

/// A server, as one role sees it.
#[derive(Debug)]
pub struct Checkup {
    /// Host and port.
    pub host: String,
    /// The server's version, such as 150004.
    pub version: i32,
    /// The role.
    pub user: String,
    /// What the role may not do, as statements that grant it. They need the owner of the database or of the tables.
    pub missing_grants: Vec<String>,
    /// Whether the tables exist.
    pub has_tables: bool,
    /// The session.
    pub session: SessionFacts,
    /// The database's clock minus this machine's, in milliseconds.
    pub clock_offset_ms: i64,
    /// `synchronous_commit`
    pub synchronous_commit: String,
    /// `synchronous_standby_names`
    pub synchronous_standby_names: String,
    /// Connected standbys.
    pub standbys: Vec<Standby>,
    /// Connections.
    pub connections: ConnectionCounts,
    /// Connected replicas.
    pub replicas: Vec<ReplicaFacts>,
    /// Roles of replicas whose sessions this role may not see.
    pub hidden_roles: Vec<String>,
    /// Shards that no session has locked.
    pub shards_without_owner: i64,
}

/// A standby. `None` if the role may not read its state.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Standby {
    /// `sync`, `quorum`, `potential` or `async`.
    pub sync_state: Option<String>,
}

/// Connections of the whole server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
pub struct ConnectionCounts {
    /// In use.
    pub used: i64,
    /// For roles without privileges.
    pub limit: i64,
}

/// A connected replica.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ReplicaFacts {
    /// The address of its operator listener, or its id.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The hash of its settings that all replicas must share.
    pub config_hash: String,
}

/// Reads everything.
///
/// # Errors
/// If no host accepts writes, or a query fails.
pub async fn check_up(options: &PostgresOptions) -> Result<Checkup, PostgresError> {
    let mut connected = connect(options, Role::Reader).await?;
    let checkup = within(LONG, read(&mut connected, options)).await;
    close_connection(connected.connection).await;
    checkup
}

async fn read(
    connected: &mut Connected,
    options: &PostgresOptions,
) -> Result<Checkup, PostgresError> {
    let Connected {
        connection,
        host,
        version,
        ..
    } = connected;
    let session = session_facts(&mut *connection, options).await?;
    let (user, has_tables, missing_grants) = rights(&mut *connection, &options.schema).await?;
    let sent = clock::machine_time();
    let theirs = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    let theirs: i64 = sqlx::query_scalar(theirs)
        .persistent(false)
        .fetch_one(&mut *connection)
        .await?;
    let received = clock::machine_time();
    let ours = sent.as_millis().midpoint(received.as_millis());
    let settings = "SELECT current_setting('synchronous_commit'), current_setting('synchronous_standby_names')";
    let (synchronous_commit, synchronous_standby_names) = sqlx::query_as(settings)
        .persistent(false)
        .fetch_one(&mut *connection)
        .await?;
    // Base backups stream too, but are no standbys.
    let standbys =
        "SELECT sync_state FROM pg_stat_replication WHERE state IS DISTINCT FROM 'backup'";
    let standbys = sqlx::query_as(standbys)
        .persistent(false)
        .fetch_all(&mut *connection)
        .await?;
    let counts = "SELECT (SELECT coalesce(sum(numbackends), 0) FROM pg_stat_database)::bigint AS used, \
         (current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int)::bigint AS limit";
    let connections = sqlx::query_as(counts)
        .persistent(false)
        .fetch_one(&mut *connection)
        .await?;
    let (mut replicas, mut hidden_roles, mut shards_without_owner) = (Vec::new(), Vec::new(), 0);
    if has_tables && missing_grants.is_empty() {
        replicas = connected_replicas(&mut *connection).await?;
        hidden_roles = roles_of_hidden(&mut *connection).await?;
        shards_without_owner = unowned(&mut *connection, options).await?;
    }
    Ok(Checkup {
        host: host.clone(),
        version: *version,
        user,
        missing_grants,
        has_tables,
        session,
        clock_offset_ms: theirs - ours,
        synchronous_commit,
        synchronous_standby_names,
        standbys,
        connections,
        replicas,
        hidden_roles,
        shards_without_owner,
    })
}

/// The role, whether the tables exist, and statements that grant what the role lacks.
async fn rights(
    connection: &mut PgConnection,
    schema: &str,
) -> Result<(String, bool, Vec<String>), PostgresError> {
    let query = "SELECT quote_ident(current_user), quote_ident(current_database()), nspname IS NOT NULL, \
         has_database_privilege(current_database(), 'CREATE'), \
         coalesce(has_schema_privilege(nspname, 'USAGE'), false), \
         coalesce(has_schema_privilege(nspname, 'CREATE'), false), \
         EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = pg_namespace.oid AND relname = 'shards') \
         FROM (SELECT $1::text AS name) AS wanted LEFT JOIN pg_namespace ON nspname = name";
    type Row = (String, String, bool, bool, bool, bool, bool);
    let (user, database, exists, may_create_schema, may_use, may_create, has_tables): Row =
        sqlx::query_as(query)
            .bind(schema)
            .persistent(false)
            .fetch_one(&mut *connection)
            .await?;
    let mut missing = Vec::new();
    if !exists && !may_create_schema {
        missing.push(format!("GRANT CREATE ON DATABASE {database} TO {user}"));
    }
    if exists && !may_use {
        missing.push(format!("GRANT USAGE ON SCHEMA {schema} TO {user}"));
    }
    if exists && !has_tables && !may_create {
        missing.push(format!("GRANT CREATE ON SCHEMA {schema} TO {user}"));
    }
    if has_tables && may_use {
        missing.extend(missing_grants(connection, schema).await?);
    }
    Ok((user, has_tables, missing))
}

async fn connected_replicas(
    connection: &mut PgConnection,
) -> Result<Vec<ReplicaFacts>, PostgresError> {
    let query = "SELECT coalesce(nullif(address, ''), replica) AS name, version, config_hash FROM replicas \
         JOIN pg_stat_activity AS activity ON activity.pid = backend_pid \
         AND activity.backend_start = replicas.backend_start ORDER BY 1";
    let query = sqlx::query_as(query).persistent(false);
    Ok(query.fetch_all(connection).await?)
}

/// PostgreSQL shows the process id and the role of each session, but the start only to its role. Only of replicas that
/// have just reported: the number of a process that has ended can be another's now.
async fn roles_of_hidden(connection: &mut PgConnection) -> Result<Vec<String>, PostgresError> {
    let query = "SELECT DISTINCT usename::text FROM replicas JOIN pg_stat_activity AS activity \
         ON activity.pid = backend_pid WHERE activity.backend_start IS NULL \
         AND seen_at > clock_timestamp() - interval '15 seconds' ORDER BY 1";
    let query = sqlx::query_scalar(query).persistent(false);
    Ok(query.fetch_all(connection).await?)
}

async fn unowned(
    connection: &mut PgConnection,
    options: &PostgresOptions,
) -> Result<i64, PostgresError> {
    let query = "SELECT count(*) FROM shards WHERE NOT EXISTS (SELECT 1 FROM pg_locks \
         WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid = $1::bigint::oid \
         AND objid = shard::int::oid AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))";
    let unsigned = i64::from(u32::from_ne_bytes(namespace(&options.schema).to_ne_bytes()));
    let query = sqlx::query_scalar(query).bind(unsigned).persistent(false);
    Ok(query.fetch_one(connection).await?)
}
