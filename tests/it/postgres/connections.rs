//! Connections to the first host that accepts writes, as the role and with the settings of the options.

use rustix::process::Signal;
use sqlx::Row;
use sqlx::postgres::PgConnection;
use whatsapp_business_exporter::store::StoreErrorReason;
use whatsapp_business_exporter::store::postgres::{Role, connect, reader_pool};

use super::options;
use crate::support::ports::unused_address;
use crate::support::postgres::{PASSWORD, PostgresServer, shared};

fn database_of(url: &str) -> &str {
    url.rsplit('/').next().expect("a database")
}

async fn value(connection: &mut PgConnection, sql: &'static str) -> String {
    let row = sqlx::query(sql).fetch_one(connection).await.expect(sql);
    row.get(0)
}

#[tokio::test]
async fn a_host_that_is_down_is_passed_over() {
    let (server, closed) = (shared(), unused_address());
    let url = server.new_database();
    let several = url.replace("127.0.0.1:", &format!("{closed},127.0.0.1:"));
    let connected = connect(&options(&several), Role::Writer)
        .await
        .expect("the second");
    assert_eq!(connected.host, format!("127.0.0.1:{}", server.port()));
    let none = format!("postgres://postgres:{PASSWORD}@{closed}/db");
    let error = connect(&options(&none), Role::Writer)
        .await
        .expect_err("nobody listens");
    let text = error.to_string();
    assert!(error.reason.may_pass(), "{text}");
    assert!(text.contains(&closed.to_string()), "{text}");
    assert!(!text.contains(PASSWORD), "{text}");
}

#[tokio::test]
async fn a_standby_is_passed_over_until_it_is_promoted() {
    let primary = PostgresServer::start(&["fsync=off"]);
    let url = primary.new_database();
    let standby = PostgresServer::standby_of(&primary, &["fsync=off"]);
    let first = format!("127.0.0.1:{},127.0.0.1:", standby.port());
    let both = options(&url.replace("127.0.0.1:", &first));
    let connected = connect(&both, Role::Writer).await.expect("the primary");
    assert_eq!(connected.host, format!("127.0.0.1:{}", primary.port()));
    primary.stop();
    let error = connect(&both, Role::Writer)
        .await
        .expect_err("only a standby is left");
    assert!(error.to_string().contains("is a standby"), "{error}");
    assert!(error.reason.may_pass(), "{error}");
    standby.promote();
    let connected = connect(&both, Role::Writer).await.expect("promoted");
    assert_eq!(connected.host, format!("127.0.0.1:{}", standby.port()));
}

#[tokio::test]
async fn a_read_only_database_is_refused() {
    let server = shared();
    let url = server.new_database();
    let name = database_of(&url);
    server.execute(
        "postgres",
        &format!("ALTER DATABASE {name} SET default_transaction_read_only = on"),
    );
    let error = connect(&options(&url), Role::Writer)
        .await
        .expect_err("read-only");
    assert!(error.to_string().contains("is read-only"), "{error}");
    assert_eq!(error.reason, StoreErrorReason::ReadOnly);
}

#[tokio::test]
async fn a_password_file_is_read_for_each_connection() {
    let server = shared();
    let url = server.new_database();
    let role = format!("reader_of_{}", database_of(&url));
    server.execute(
        "postgres",
        &format!("CREATE ROLE {role} LOGIN PASSWORD 'first'"),
    );
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("password");
    let url = url.replace(&format!("postgres:{PASSWORD}"), &role);
    let mut options = options(&url);
    options.password_file = Some(path.clone());
    for password in ["first", "second"] {
        server.execute(
            "postgres",
            &format!("ALTER ROLE {role} PASSWORD '{password}'"),
        );
        std::fs::write(&path, format!("{password}\n")).expect("room");
        let mut connected = connect(&options, Role::Writer).await.expect(password);
        let user = value(&mut connected.connection, "SELECT current_user::text").await;
        assert_eq!(user, role);
    }
    std::fs::write(&path, "wrong-hunter2").expect("room");
    let error = connect(&options, Role::Writer)
        .await
        .expect_err("a wrong password");
    let text = format!("{error} {error:?}");
    assert!(text.contains("store.password_file"), "{text}");
    assert!(
        !text.contains("hunter2") && !error.reason.may_pass(),
        "{text}"
    );
}

#[tokio::test]
async fn a_missing_database_is_not_waited_for() {
    let error = connect(&options(&shared().url("nowhere")), Role::Writer)
        .await
        .expect_err("none");
    assert!(error.to_string().contains("CREATE DATABASE"), "{error}");
    assert!(!error.reason.may_pass(), "{error}");
}

#[tokio::test]
async fn a_socket_needs_no_host() {
    let server = shared();
    let name = server.new_database();
    let folder = server.socket_folder().display();
    let (name, port) = (database_of(&name), server.port());
    let url = format!("postgres://postgres@/{name}?host={folder}&port={port}&sslmode=verify-full");
    // PostgreSQL has no TLS on sockets, so libpq ignores the mode there.
    let connected = connect(&options(&url), Role::Writer).await;
    let mut connected = connected.unwrap_or_else(|error| panic!("{error}"));
    let address = value(
        &mut connected.connection,
        "SELECT coalesce(inet_client_addr()::text, 'a socket')",
    );
    assert_eq!(address.await, "a socket");
}

#[tokio::test]
async fn a_session_has_its_settings() {
    let server = shared();
    let url = server.new_database();
    let options = options(&format!("{url}?application_name=replica-1"));
    let mut connected = connect(&options, Role::Writer).await.expect("it runs");
    for (sql, expected) in [
        ("SHOW application_name", "replica-1"),
        ("SHOW search_path", "whatsapp_exporter"),
        ("SHOW idle_in_transaction_session_timeout", "5s"),
        ("SHOW statement_timeout", "30s"),
        ("SHOW lock_timeout", "2s"),
        ("SHOW tcp_keepalives_idle", "2"),
        ("SHOW tcp_user_timeout", "5000"),
        ("SHOW transaction_isolation", "read committed"),
    ] {
        assert_eq!(
            value(&mut connected.connection, sql).await,
            expected,
            "{sql}"
        );
    }
    let pool = reader_pool(&connected, &options);
    let mut reader = pool.acquire().await.expect("the same server");
    assert_eq!(value(&mut reader, "SHOW statement_timeout").await, "10s");
    assert_eq!(
        value(&mut reader, "SHOW search_path").await,
        "whatsapp_exporter"
    );
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let server = PostgresServer::start(&["fsync=off"]);
    let url = format!("{}?connect_timeout=1", server.new_database());
    server.signal(Signal::STOP);
    let error = connect(&options(&url), Role::Writer).await;
    server.signal(Signal::CONT);
    let error = error.expect_err("it is stopped");
    assert!(
        error.to_string().contains("did not answer within 1 s"),
        "{error}"
    );
    assert!(error.reason.may_pass(), "{error}");
}

#[tokio::test]
async fn a_crash_of_the_server_ends_connections_and_loses_no_commit() {
    let server = PostgresServer::start(&[]);
    let url = server.new_database();
    let name = database_of(&url);
    server.execute(
        name,
        "CREATE TABLE kept (a int); INSERT INTO kept VALUES (1)",
    );
    let options = options(&url);
    let mut connected = connect(&options, Role::Writer).await.expect("it runs");
    server.restart_immediate();
    let lost = sqlx::query("SELECT 1")
        .execute(&mut connected.connection)
        .await;
    let lost = whatsapp_business_exporter::store::postgres::PostgresError::from(
        lost.expect_err("it crashed"),
    );
    assert!(lost.reason.may_pass(), "{lost}");
    connect(&options, Role::Writer)
        .await
        .expect("it runs again");
    assert_eq!(server.execute(name, "SELECT a FROM kept"), "1");
}
