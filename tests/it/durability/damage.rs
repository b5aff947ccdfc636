//! Files that must not be opened: damaged, of a later version, of another program, in use, or not writable. The program
//! ends with exit code 1, names the path and the remedy, and does not change the file.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Executor};

use super::deliveries::{EVENTS, Fact};
use super::service::{PATIENCE, Service, arguments, variables};
use crate::process::{Process, program_in};
use rustix::process::Signal;

/// A store that an exporter has used and closed.
fn used_store(folder: &Path) {
    let mut service = Service::start(folder);
    // Enough for many pages.
    let facts = (0..200).map(|number| Fact {
        time: 1_775_000_000 + number,
        template: 7_001_002_003_000 + number,
        event: EVENTS[0],
    });
    let answer = service.send(&facts.collect::<Vec<_>>());
    assert_eq!(answer.expect("it answers").status, 200);
    service.process.signal(Signal::TERM);
    service.process.ended_within(PATIENCE);
}

fn start(folder: &Path) -> Process {
    let arguments = arguments("sqlite:state.db");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    program_in(folder, &arguments, &variables())
}

/// It ends with exit code 1, and its error contains all of this.
fn refuses(folder: &Path, words: &[&str]) {
    let mut process = start(folder);
    let status = process.ended_within(PATIENCE);
    let log = process.log();
    assert_eq!(status.code(), Some(1), "{log}");
    for word in words {
        assert!(log.contains(word), "{word:?} is not in: {log}");
    }
}

/// Runs SQL on the store, as an operator might.
fn execute(folder: &Path, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(folder.join("state.db"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut connection = SqliteConnection::connect_with(&options)
            .await
            .expect("a database");
        connection.execute(sql).await.expect("good SQL");
        connection.close().await.expect("in good order");
    });
}

#[test]
fn a_file_that_is_no_database_is_refused_and_kept() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.db");
    let text = "not a database, but something that somebody may want to keep\n".repeat(100);
    fs::write(&path, &text).expect("the folder is ours");
    refuses(
        folder.path(),
        &["store.url", "state.db", "cannot be read", "restore a copy"],
    );
    assert_eq!(fs::read_to_string(&path).expect("it is there"), text);
}

#[test]
fn a_damaged_page_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    used_store(folder.path());
    let path = folder.path().join("state.db");
    let size = fs::metadata(&path).expect("it is there").len();
    let mut file = fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .expect("it is ours");
    // Everything but the first page, which contains only the schema.
    file.seek(SeekFrom::Start(4096 * 8)).expect("it is longer");
    let rest = usize::try_from(size - 4096 * 8).expect("it is small");
    file.write_all(&vec![0xa5; rest]).expect("it is ours");
    drop(file);
    refuses(
        folder.path(),
        &["store.url", "state.db", "cannot be read", "restore a copy"],
    );
}

#[test]
fn an_account_that_makes_no_sense_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    used_store(folder.path());
    execute(folder.path(), "UPDATE accounts SET state = '{\"name\":'");
    refuses(folder.path(), &["an account is damaged"]);
}

#[test]
fn a_store_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    used_store(folder.path());
    execute(
        folder.path(),
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9000, 'of a later version', TRUE, x'00', 1)",
    );
    refuses(
        folder.path(),
        &[
            "newer version",
            "schema 9000, this one knows 18",
            "state.db",
        ],
    );
}

#[test]
fn a_store_in_use_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let first = Service::start(folder.path());
    refuses(folder.path(), &["in use by another exporter", "state.db"]);
    let answer = first.send(&[Fact::draw(1, &mut fastrand::Rng::with_seed(1))]);
    assert_eq!(answer.expect("it answers").status, 200);
}

#[test]
fn a_folder_that_cannot_be_made_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("file"), "").expect("the folder is ours");
    let arguments = arguments("sqlite:file/state.db");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut process = program_in(folder.path(), &arguments, &variables());
    assert_eq!(
        process.ended_within(PATIENCE).code(),
        Some(1),
        "{process:?}"
    );
    assert!(
        process.log().contains("store.url: cannot write to file"),
        "{process:?}"
    );
}
