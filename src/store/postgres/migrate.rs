//! Creates the schema and its tables, and brings them to this version.
//!
//! A role that owns nothing is enough for a replica if the tables are up to date: rights to create are only needed for
//! a migration.

use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::postgres::PgConnection;
use thiserror::Error;

use super::limits::{LONG, within};
use super::pooling::session_facts;
use super::rights::{APPLIED, missing_grants};
use super::session::close_connection;
use super::{Connected, PostgresError, PostgresOptions, Role, connect};
use crate::store::StoreErrorReason;

static MIGRATIONS: Migrator = sqlx::migrate!("src/store/postgres/migrations");

/// The newest schema version that this program supports.
pub const KNOWN_SCHEMA: i64 = 1;

/// Why the tables cannot be used.
#[derive(Debug, Error)]
pub enum MigrationError {
    /// A newer version has migrated the tables.
    #[error(
        "store.url: {location}, schema {schema}, was written by a newer version of this exporter (schema version {found}, this one knows {known}); run that version, or restore an older copy"
    )]
    NewerSchema {
        /// Hosts and database.
        location: String,
        /// `store.schema`.
        schema: String,
        /// Schema version of the database.
        found: i64,
        /// Newest schema version that this program supports.
        known: i64,
    },
    /// The role lacks a right.
    #[error(
        "store.url: {user} may not {action} in {location}; run `{grant}` as its owner, and start again"
    )]
    MissingRight {
        /// Hosts and database.
        location: String,
        /// The role.
        user: String,
        /// What it may not do.
        action: String,
        /// The statement that grants the right.
        grant: String,
    },
    /// Advisory locks do nothing in such a session.
    #[error(
        "store.url: {location} is a pooler that gives each transaction another session, where advisory locks do nothing, so \
         two replicas could write the same data; connect directly, or through a pool with `pool_mode = session`"
    )]
    SharedSession {
        /// Hosts and database.
        location: String,
    },
    /// Anything else.
    #[error("store.url: cannot open {location}: {error}{}", cure(error))]
    Failed {
        /// Hosts and database.
        location: String,
        /// The database's own error.
        error: PostgresError,
    },
}

/// What to do about an error of the server. The messages of configuration errors already contain it.
fn cure(error: &PostgresError) -> String {
    match error.reason {
        StoreErrorReason::Other => String::new(),
        reason => format!("; {}", reason.server_cure()),
    }
}

impl MigrationError {
    /// The server could not be used.
    #[must_use]
    pub fn failed(options: &PostgresOptions, error: PostgresError) -> Self {
        Self::Failed {
            location: options.to_string(),
            error,
        }
    }

    /// The reason, if it can pass without a change to the configuration or the database.
    #[must_use]
    pub fn passing_reason(&self) -> Option<StoreErrorReason> {
        match self {
            Self::Failed { error, .. } => Some(error.reason).filter(|reason| reason.may_pass()),
            Self::NewerSchema { .. } | Self::MissingRight { .. } | Self::SharedSession { .. } => {
                None
            }
        }
    }
}

/// Creates the schema if it does not exist, and brings its tables to this version. Several replicas may do so at once:
/// one migrates, and the others wait.
///
/// # Errors
/// If the server cannot be reached, a right is missing, or a newer version has migrated the tables.
pub async fn migrate(options: &PostgresOptions) -> Result<(), MigrationError> {
    let failed = |error| MigrationError::failed(options, error);
    let connected = connect(options, Role::Migration).await.map_err(failed)?;
    let Connected { mut connection, .. } = connected;
    let migrated = Migration {
        options,
        connection: &mut connection,
    };
    let migrated = migrated.run().await;
    // Releases the lock, if an error left it.
    close_connection(connection).await;
    migrated
}

struct Migration<'a> {
    options: &'a PostgresOptions,
    connection: &'a mut PgConnection,
}

/// What the role may do with the schema.
#[derive(sqlx::FromRow)]
struct Rights {
    user_name: String,
    database_name: String,
    exists: bool,
    may_create_schema: bool,
    may_use: bool,
    may_create: bool,
}

impl Migration<'_> {
    async fn run(mut self) -> Result<(), MigrationError> {
        let rights = limited(self.read_rights()).await;
        let rights = self.answered(rights)?;
        if !rights.exists {
            self.create_schema(&rights).await?;
        } else if !rights.may_use {
            let grant = self.grant("USAGE, CREATE ON SCHEMA", &rights);
            return Err(self.missing(&rights, "use schema", grant));
        }
        let is_current = limited(self.is_current()).await;
        if !self.answered(is_current)? {
            self.apply().await?;
        }
        let checked = limited(self.check_tables()).await;
        self.answered(checked)
    }

    async fn read_rights(&mut self) -> Result<Rights, MigrationError> {
        self.check_session().await?;
        self.rights().await
    }

    fn answered<T>(&self, answer: Answer<T>) -> Result<T, MigrationError> {
        answer.unwrap_or_else(|error| Err(self.failed(error)))
    }

    /// First, because the lock of migrations needs a session too.
    async fn check_session(&mut self) -> Result<(), MigrationError> {
        let facts = session_facts(self.connection, self.options).await;
        match facts.map_err(|error| self.failed(error))?.is_reliable() {
            true => Ok(()),
            false => Err(MigrationError::SharedSession {
                location: self.options.to_string(),
            }),
        }
    }

    async fn rights(&mut self) -> Result<Rights, MigrationError> {
        let rights = sqlx::query_as(
            "SELECT current_user::text AS user_name, current_database()::text AS database_name, \
             nspname IS NOT NULL AS exists, \
             has_database_privilege(current_database(), 'CREATE') AS may_create_schema, \
             coalesce(has_schema_privilege(nspname, 'USAGE'), false) AS may_use, \
             coalesce(has_schema_privilege(nspname, 'CREATE'), false) AS may_create \
             FROM (SELECT $1::text AS name) AS wanted LEFT JOIN pg_namespace ON nspname = name",
        )
        .bind(&self.options.schema)
        .persistent(false)
        .fetch_one(&mut *self.connection)
        .await;
        rights.map_err(|error| self.failed(error))
    }

    async fn create_schema(&mut self, rights: &Rights) -> Result<(), MigrationError> {
        if !rights.may_create_schema {
            let (schema, user) = (&self.options.schema, quoted(&rights.user_name));
            let grant = format!("CREATE SCHEMA {schema} AUTHORIZATION {user}");
            return Err(self.missing(rights, "create schema", grant));
        }
        // Under the lock, because two replicas that create it at once would get an error of a unique index.
        self.locked().await?;
        let statement = format!("CREATE SCHEMA IF NOT EXISTS {}", self.options.schema);
        let created = sqlx::query(sqlx::AssertSqlSafe(statement))
            .persistent(false)
            .execute(&mut *self.connection)
            .await;
        created.map_err(|error| self.failed(error))?;
        self.unlocked().await
    }

    /// Whether every migration is applied, unchanged, and no other.
    async fn is_current(&mut self) -> Result<bool, MigrationError> {
        let table: Result<Option<String>, _> = sqlx::query_scalar("SELECT to_regclass($1)::text")
            .bind(APPLIED)
            .persistent(false)
            .fetch_one(&mut *self.connection)
            .await;
        if table.map_err(|error| self.failed(error))?.is_none() {
            return Ok(false);
        }
        self.check_tables().await?;
        let applied = self.connection.list_applied_migrations(APPLIED).await;
        let applied = applied.map_err(|error| self.unmigrated(error))?;
        if let Some(newest) = applied.last().filter(|one| one.version > KNOWN_SCHEMA) {
            return Err(self.newer(newest.version));
        }
        let is_same = |known: &sqlx::migrate::Migration| {
            let mut same = applied.iter().filter(|one| one.version == known.version);
            same.any(|one| one.checksum == known.checksum)
        };
        Ok(applied.len() == MIGRATIONS.iter().count() && MIGRATIONS.iter().all(is_same))
    }

    async fn apply(&mut self) -> Result<(), MigrationError> {
        let rights = self.rights().await?;
        if !rights.may_create {
            let grant = self.grant("USAGE, CREATE ON SCHEMA", &rights);
            return Err(self.missing(&rights, "create tables in schema", grant));
        }
        // Takes the lock, so that another replica has finished when this one looks at what is to do.
        let migrated = MIGRATIONS
            .run_direct(None, &mut *self.connection, false)
            .await;
        migrated.map_err(|error| self.unmigrated(error))
    }

    /// The tables may belong to another role.
    async fn check_tables(&mut self) -> Result<(), MigrationError> {
        let missing = missing_grants(self.connection, &self.options.schema).await;
        let missing = missing.map_err(|error| self.failed(error))?;
        if missing.is_empty() {
            return Ok(());
        }
        let rights = self.rights().await?;
        let action = "read and write the tables of schema";
        Err(self.missing(&rights, action, missing.join("; ")))
    }

    async fn locked(&mut self) -> Result<(), MigrationError> {
        let locked = self.connection.lock().await;
        locked.map_err(|error| self.unmigrated(error))
    }

    async fn unlocked(&mut self) -> Result<(), MigrationError> {
        let unlocked = self.connection.unlock().await;
        unlocked.map_err(|error| self.unmigrated(error))
    }

    fn grant(&self, what: &str, rights: &Rights) -> String {
        let (schema, user) = (&self.options.schema, quoted(&rights.user_name));
        format!("GRANT {what} {schema} TO {user}")
    }

    fn missing(&self, rights: &Rights, action: &str, grant: String) -> MigrationError {
        MigrationError::MissingRight {
            location: format!("database {} ({})", rights.database_name, self.options),
            user: rights.user_name.clone(),
            action: format!("{action} {}", self.options.schema),
            grant,
        }
    }

    fn newer(&self, found: i64) -> MigrationError {
        MigrationError::NewerSchema {
            location: self.options.to_string(),
            schema: self.options.schema.clone(),
            found,
            known: KNOWN_SCHEMA,
        }
    }

    fn failed(&self, error: impl Into<PostgresError>) -> MigrationError {
        MigrationError::failed(self.options, error.into())
    }

    fn unmigrated(&self, error: MigrateError) -> MigrationError {
        match error {
            MigrateError::VersionMissing(found) => self.newer(found),
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                self.failed(error)
            }
            other => self.failed(PostgresError::new(
                StoreErrorReason::Corrupt,
                other.to_string(),
            )),
        }
    }
}

/// The outcome of an operation, if the server has answered.
type Answer<T> = Result<Result<T, MigrationError>, PostgresError>;

/// Limits the time of a read. Changes of tables have no limit, because another replica may be changing them too.
async fn limited<T>(read: impl Future<Output = Result<T, MigrationError>>) -> Answer<T> {
    within(LONG, async { Ok::<_, PostgresError>(read.await) }).await
}

/// A name as SQL has it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_version_is_that_of_the_newest_migration() {
        let newest = MIGRATIONS.iter().map(|one| one.version).max();
        assert_eq!(newest, Some(KNOWN_SCHEMA));
    }

    #[test]
    fn names_are_quoted() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
    }
}
