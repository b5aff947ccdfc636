//! Connects to the first host that accepts writes.

use std::fmt;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgSslMode};
use sqlx::{ConnectOptions, Connection};
use tokio::time::timeout;

use super::error::{UNREACHABLE, cure_of_sqlstate};
use super::limits::SHORT;
use super::session::{close_connection, prepare};
use super::{PostgresError, PostgresOptions, Role};
use crate::store::StoreErrorReason;

/// The oldest supported version, as `server_version_num` has it.
const OLDEST_VERSION: i32 = 140_000;

/// A connection, and the server that it leads to.
#[derive(Debug)]
pub struct Connected {
    /// The connection, with its settings applied.
    pub connection: PgConnection,
    /// The server's host and port, for logs.
    pub host: String,
    /// The server's version, such as 150004.
    pub version: i32,
    options: PgConnectOptions,
}

/// Connects to the first host that accepts writes, as libpq does with `target_session_attrs=read-write`.
///
/// # Errors
/// What each host answered, with the reason that may pass if there is one.
pub async fn connect(options: &PostgresOptions, role: Role) -> Result<Connected, PostgresError> {
    let mut problems = Vec::new();
    for host in options.for_each_host().await? {
        let name = shown(&host);
        let attempt = connect_to(&host, options, role);
        let connected = match timeout(options.connect_timeout(), attempt).await {
            Ok(connected) => connected,
            Err(_) => {
                let seconds = options.connect_timeout().as_secs();
                let message = format!("did not answer within {seconds} s");
                Err(PostgresError::new(UNREACHABLE, message))
            }
        };
        match connected {
            Ok((connection, version)) => {
                return Ok(Connected {
                    connection,
                    host: name,
                    version,
                    options: host,
                });
            }
            Err(problem) => problems.push((name, problem)),
        }
    }
    Err(summary(&problems))
}

/// A pool of readers at the server of a connection. It connects when it is used, and only to this server: make a new
/// one after the writer has connected again.
#[must_use]
pub fn reader_pool(connected: &Connected, options: &PostgresOptions) -> PgPool {
    let own = options.clone();
    PgPoolOptions::new()
        .max_connections(options.max_connections)
        .acquire_timeout(options.connect_timeout())
        .after_connect(move |connection, _| {
            let own = own.clone();
            Box::pin(async move { prepare(connection, &own, Role::Reader).await })
        })
        // sqlx waits without limit for the answer to its own ping, and until then the pool lacks the connection.
        .after_release(|connection, _| {
            Box::pin(async move {
                let answer = timeout(SHORT, connection.ping()).await;
                Ok(answer.is_ok_and(|answer| answer.is_ok()))
            })
        })
        .connect_lazy_with(connected.options.clone())
}

async fn connect_to(
    host: &PgConnectOptions,
    options: &PostgresOptions,
    role: Role,
) -> Result<(PgConnection, i32), PostgresError> {
    let mut connection = open(host).await?;
    match check(&mut connection).await {
        Ok(version) => {
            prepare(&mut connection, options, role).await?;
            Ok((connection, version))
        }
        Err(problem) => {
            close_connection(connection).await;
            Err(problem)
        }
    }
}

/// Connects. `sslmode=allow` tries again with TLS if the server refuses a connection without it, which sqlx does not.
async fn open(host: &PgConnectOptions) -> Result<PgConnection, PostgresError> {
    let connection = host.connect().await;
    let error = match connection {
        Ok(connection) => return Ok(connection),
        Err(error) => PostgresError::from(error),
    };
    let is_refused = error
        .sqlstate
        .as_deref()
        .is_some_and(|it| it.starts_with("28"));
    if is_refused && matches!(host.get_ssl_mode(), PgSslMode::Allow) {
        let with_tls = host.clone().ssl_mode(PgSslMode::Require);
        return Ok(with_tls.connect().await?);
    }
    Err(error)
}

/// Whether the exporter can use the server. Returns the server's version.
async fn check(connection: &mut PgConnection) -> Result<i32, PostgresError> {
    // By itself and first, because other databases that speak the protocol may not have the functions below.
    let product: String = sqlx::query_scalar("SELECT version()")
        .persistent(false)
        .fetch_one(&mut *connection)
        .await?;
    check_product(&product)?;
    let (version, is_standby, is_read_only): (i32, bool, bool) = sqlx::query_as(
        "SELECT current_setting('server_version_num')::int4, pg_is_in_recovery(), \
         current_setting('transaction_read_only')::bool",
    )
    .persistent(false)
    .fetch_one(connection)
    .await?;
    check_version(version)?;
    if is_standby {
        let message = "is a standby, which accepts no writes";
        return Err(PostgresError::new(StoreErrorReason::ReadOnly, message));
    }
    if is_read_only {
        let message = "is read-only (default_transaction_read_only is on)";
        return Err(PostgresError::new(StoreErrorReason::ReadOnly, message));
    }
    Ok(version)
}

fn check_product(product: &str) -> Result<(), PostgresError> {
    if product.contains("CockroachDB") {
        return Err(PostgresError::operator(
            "is CockroachDB, whose advisory locks do nothing, so two replicas could write the same data; use PostgreSQL",
        ));
    }
    Ok(())
}

fn check_version(version: i32) -> Result<(), PostgresError> {
    if version < OLDEST_VERSION {
        let (major, oldest) = (version / 10_000, OLDEST_VERSION / 10_000);
        let message = format!(
            "is PostgreSQL {major}, which is not supported; upgrade it to {oldest} or newer"
        );
        return Err(PostgresError::operator(message));
    }
    Ok(())
}

fn shown(host: &PgConnectOptions) -> String {
    format!("{}:{}", host.get_host(), host.get_port())
}

/// One error of all hosts. It may pass if one of them may.
fn summary(problems: &[(String, PostgresError)]) -> PostgresError {
    let passing = problems
        .iter()
        .find(|(_, problem)| problem.reason.may_pass());
    let relevant = passing.or(problems.first());
    let reason = relevant.map_or(StoreErrorReason::Other, |(_, problem)| problem.reason);
    let sqlstate = relevant.and_then(|(_, problem)| problem.sqlstate.clone());
    let answers: Vec<String> = problems
        .iter()
        .map(|(host, problem)| Answer { host, problem }.to_string())
        .collect();
    let message = format!(
        "no PostgreSQL server accepts writes: {}",
        answers.join("; ")
    );
    let mut error = PostgresError::new(reason, message);
    error.sqlstate = sqlstate;
    error
}

/// What a host answered, and what to do about it.
struct Answer<'a> {
    host: &'a str,
    problem: &'a PostgresError,
}

impl fmt::Display for Answer<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.host, self.problem)?;
        let sqlstate = self.problem.sqlstate.as_deref();
        match sqlstate.and_then(cure_of_sqlstate) {
            Some(cure) => write!(out, " ({cure})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_products_and_old_versions_are_refused() {
        let cockroach = "CockroachDB CCL v23.1.11 (x86_64-pc-linux-gnu, built 2023/09/27)";
        let error = check_product(cockroach).expect_err("its locks do nothing");
        assert!(
            error.to_string().contains("use PostgreSQL") && !error.reason.may_pass(),
            "{error}"
        );
        assert!(check_product("PostgreSQL 15.4 (Debian 15.4-1) on x86_64-pc-linux-gnu").is_ok());
        let error = check_version(130_012).expect_err("too old");
        assert!(error.to_string().contains("is PostgreSQL 13"), "{error}");
        assert!(check_version(140_000).is_ok() && check_version(180_001).is_ok());
    }

    #[test]
    fn a_problem_that_may_pass_decides_over_one_that_may_not() {
        let problems = [
            (
                "a:1".to_owned(),
                PostgresError::operator("has no such user"),
            ),
            ("b:2".to_owned(), PostgresError::new(UNREACHABLE, "is down")),
        ];
        let error = summary(&problems);
        assert_eq!(error.reason, UNREACHABLE);
        let text = error.to_string();
        assert!(
            text.ends_with("a:1 has no such user; b:2 is down"),
            "{text}"
        );
        assert!(!summary(&problems[..1]).reason.may_pass());
    }
}
