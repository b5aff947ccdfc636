//! One writer for one database: a second exporter is rejected, by any path to the same file. A database that is moved,
//! replaced or overwritten under a running exporter accepts no more commits. Each delivery is either kept or rejected.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rustix::process::Signal;

use super::faults::{Tool, assert_rejects_with, paused, status_of, until_ready};
use super::service::{PATIENCE, Service, arguments, variables};
use crate::process::{Process, outcome, program_in};

const DATABASE: &str = "state.db";

/// A change in the folder of the store.
type Prepare = fn(&Path);

fn start_on(folder: &Path, store: &str) -> Process {
    let arguments = arguments(&format!("sqlite:{store}"));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    program_in(folder, &arguments, &variables())
}

/// Facts up to this number are acknowledged.
fn acknowledge(service: &Service, count: u64) {
    for number in 0..count {
        assert_eq!(status_of(service, number), 200);
    }
}

fn kill(service: &mut Service) {
    service.process.signal(Signal::KILL);
    service.process.ended_within(PATIENCE);
}

/// Number of facts that an exporter finds in this store.
fn found_in(folder: &Path, store: &str) -> f64 {
    let mut service = Service::new(start_on(folder, store));
    let found = paused(&service);
    service.process.signal(Signal::TERM);
    service.process.ended_within(PATIENCE);
    found
}

#[test]
fn a_second_exporter_is_rejected_by_any_path() {
    let ways: [(&str, Prepare); 6] = [
        (DATABASE, |folder| {
            // 0.1.0 locked this file alone, and anybody could remove it.
            fs::remove_file(folder.join("state.db.lock")).expect("it is there");
        }),
        ("link.db", |folder| {
            symlink(DATABASE, folder.join("link.db")).expect("room");
        }),
        ("link-to-link.db", |folder| {
            symlink(folder.join("link.db"), folder.join("link-to-link.db")).expect("room");
        }),
        ("hard.db", |folder| {
            fs::hard_link(folder.join(DATABASE), folder.join("hard.db")).expect("room");
        }),
        ("other/state.db", |folder| {
            symlink(".", folder.join("other")).expect("room");
        }),
        ("../state.db", |_| {}),
    ];
    let outer = tempfile::tempdir().expect("a temporary folder");
    let service = Service::start(outer.path());
    let inner = outer.path().join("inner");
    fs::create_dir(&inner).expect("room");
    for (number, (store, prepare)) in (0..).zip(ways) {
        prepare(outer.path());
        let folder = if store.starts_with("..") {
            &inner
        } else {
            outer.path()
        };
        let mut second = start_on(folder, store);
        assert_eq!(second.ended_within(PATIENCE).code(), Some(1), "{store}");
        let log = second.log();
        let is_told = log.contains("is in use by another exporter") && log.contains(store);
        assert!(is_told, "{store}: {log}");
        assert_eq!(status_of(&service, number), 200, "{store}");
    }
    assert_eq!(paused(&service), ways.len() as f64);
}

/// Changes of the files of a running exporter, with a backup of its first two facts.
const DISPLACEMENTS: [(&str, Prepare); 9] = [
    ("moved", |folder| rename(folder, DATABASE, "moved.db")),
    ("unlinked", |folder| remove(folder, DATABASE)),
    ("a backup moved in", |folder| {
        rename(folder, "backup.db", DATABASE);
    }),
    ("a backup linked in", |folder| {
        remove(folder, DATABASE);
        symlink("backup.db", folder.join(DATABASE)).expect("room");
    }),
    ("an empty file moved in", |folder| {
        fs::write(folder.join("empty"), "").expect("room");
        rename(folder, "empty", DATABASE);
    }),
    ("a backup copied over", |folder| {
        let copied = fs::copy(folder.join("backup.db"), folder.join(DATABASE));
        copied.expect("room");
    }),
    ("truncated", |folder| {
        fs::write(folder.join(DATABASE), "").expect("room");
    }),
    ("its log removed", |folder| remove(folder, "state.db-wal")),
    ("its log replaced", |folder| {
        fs::write(folder.join("empty"), "").expect("room");
        rename(folder, "empty", "state.db-wal");
    }),
];

fn rename(folder: &Path, from: &str, to: &str) {
    fs::rename(folder.join(from), folder.join(to)).expect("it is there");
}

fn remove(folder: &Path, name: &str) {
    fs::remove_file(folder.join(name)).expect("it is there");
}

/// A running exporter that has acknowledged four facts, and a backup of the first two.
fn with_a_backup(folder: &Path) -> Service {
    let service = Service::start(folder);
    acknowledge(&service, 2);
    let store = format!("--store.url=sqlite:{}", folder.join(DATABASE).display());
    let output = format!("--output={}", folder.join("backup.db").display());
    let backup = outcome(&["backup", &store, &output], &[]);
    assert_eq!(backup.code, Some(0), "{}", backup.log);
    for number in 2..4 {
        assert_eq!(status_of(&service, number), 200);
    }
    service
}

#[test]
fn a_displaced_database_accepts_no_more_and_keeps_its_data() {
    for (what, displace) in DISPLACEMENTS {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut service = with_a_backup(folder.path());
        displace(folder.path());
        // Detected at once, without a webhook.
        until_ready(&service, 503, "file_replaced");
        assert_eq!(status_of(&service, 4), 503, "{what}");
        assert_rejects_with(&service, "file_replaced");
        assert_eq!(paused(&service), 4.0, "{what}");
        kill(&mut service);
        // The backup stays as it was, without later commits.
        let (store, facts) = match what {
            "moved" => ("moved.db", 4.0),
            "unlinked" | "a backup linked in" | "an empty file moved in" => {
                ("state.db.displaced", 4.0)
            }
            "a backup moved in" => {
                let copy = fs::metadata(folder.path().join("state.db.displaced"));
                let mode = copy.expect("a copy").permissions().mode();
                assert_eq!(mode & 0o777, 0o600);
                assert_eq!(found_in(folder.path(), "state.db.displaced"), 4.0);
                (DATABASE, 2.0)
            }
            "a backup copied over" => (DATABASE, 2.0),
            "truncated" => (DATABASE, 0.0),
            _ => (DATABASE, 4.0),
        };
        assert_eq!(found_in(folder.path(), store), facts, "{what}");
    }
}

#[test]
fn a_stop_leaves_the_file_that_took_the_place_alone() {
    for (what, displace) in DISPLACEMENTS {
        if !what.starts_with("a backup") {
            continue;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut service = with_a_backup(folder.path());
        displace(folder.path());
        let restored = fs::read(folder.path().join(DATABASE)).expect("it is there");
        // The stop may come before the check.
        service.process.signal(Signal::TERM);
        service.process.ended_within(PATIENCE);
        let left = fs::read(folder.path().join(DATABASE)).expect("it is there");
        assert!(left == restored, "{what}: the exporter wrote to it");
        assert_eq!(found_in(folder.path(), DATABASE), 2.0, "{what}");
    }
}

#[test]
fn a_database_that_is_put_back_accepts_commits_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut service = with_a_backup(folder.path());
    rename(folder.path(), DATABASE, "moved.db");
    until_ready(&service, 503, "file_replaced");
    rename(folder.path(), "moved.db", DATABASE);
    until_ready(&service, 200, "ready");
    assert_eq!(status_of(&service, 4), 200);
    assert_eq!(paused(&service), 5.0);
    kill(&mut service);
    assert_eq!(found_in(folder.path(), DATABASE), 5.0);
}

#[test]
fn an_exporter_stops_when_another_one_has_opened_its_store() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut service = Service::start(folder.path());
    acknowledge(&service, 1);
    // As if an exporter on another machine had opened it, where no lock prevents that.
    let mut tool = Tool::on(folder.path());
    tool.execute("UPDATE commits SET writer = writer + 1");
    assert_eq!(status_of(&service, 1), 503);
    assert_rejects_with(&service, "other_writer");
    // It does not come back by itself, even though nothing is wrong with the file.
    assert_eq!(status_of(&service, 2), 503);
    kill(&mut service);
    let service = Service::start(folder.path());
    assert_eq!(status_of(&service, 1), 200);
    assert_eq!(paused(&service), 2.0);
}
