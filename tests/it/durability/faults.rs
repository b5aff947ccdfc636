//! Errors of the store at run time: deliveries that cannot be stored are rejected with 503, readiness and metrics show the
//! error, and after its end the exporter recovers without a restart and without loss.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Executor};
use tokio::runtime::Runtime;

use super::deliveries::{Fact, SECRET};
use super::service::{PATIENCE, Service, arguments, variables};
use crate::http::{get, post_text, until_metric};
use crate::process::{Process, program_in, until};

const EVENTS_TOTAL: &str = "whatsapp_message_template_status_events_total";

fn fact(number: u64) -> Fact {
    Fact {
        time: 1_775_000_000 + number,
        template: 7_001_002_003_000 + number,
        event: "PAUSED",
    }
}

pub fn status_of(service: &Service, number: u64) -> u16 {
    service.send(&[fact(number)]).expect("it answers").status
}

pub fn paused(service: &Service) -> f64 {
    service.scrape().count(EVENTS_TOTAL, &[("event", "PAUSED")])
}

pub fn until_ready(service: &Service, status: u16, word: &str) {
    until(&format!("readiness {status} {word}"), PATIENCE, || {
        let answer = get(service.address, "/-/ready", "")?;
        let is_so = answer.status == status && answer.body.contains(word);
        if is_so {
            Ok(())
        } else {
            Err(format!("{answer:?}"))
        }
    });
}

/// Asserts that readiness and metrics show that the store accepts no commits, with this reason.
pub fn assert_rejects_with(service: &Service, reason: &str) {
    until_ready(service, 503, reason);
    until_metric(service.address, "whatsapp_exporter_store_up 0");
    let scrape = service.scrape();
    let failures = "whatsapp_exporter_store_commit_failures_total";
    assert!(scrape.count(failures, &[("reason", reason)]) >= 1.0);
    let refused = "whatsapp_exporter_webhook_rejected_total";
    assert!(scrape.count(refused, &[("reason", "not_stored")]) >= 1.0);
    service.process.until_logged("store cannot commit");
    let healthy = get(service.address, "/-/healthy", "").expect("it answers");
    assert_eq!(healthy.status, 200);
}

/// Asserts that it recovers without a restart, with the acknowledged facts and no others.
fn recovers(service: &Service, acknowledged: u64) {
    until_ready(service, 200, "ready");
    until_metric(service.address, "whatsapp_exporter_store_up 1");
    service.process.until_logged("store accepts commits again");
    assert_eq!(paused(service), acknowledged as f64);
    assert_eq!(status_of(service, acknowledged), 200);
    assert_eq!(paused(service), acknowledged as f64 + 1.0);
}

#[test]
fn a_locked_store_refuses_and_recovers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let service = Service::start(folder.path());
    assert_eq!(status_of(&service, 0), 200);

    let mut tool = Tool::on(folder.path());
    tool.execute("BEGIN EXCLUSIVE");
    assert_eq!(status_of(&service, 1), 503);
    assert_rejects_with(&service, "locked");

    tool.execute("ROLLBACK");
    recovers(&service, 1);
}

#[test]
fn a_commit_of_unknown_outcome_is_read_back_if_it_happened() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let service = Service::start(folder.path());
    assert_eq!(status_of(&service, 0), 200);

    // As if the response to a commit had been lost: the delivery is rejected, although the database has changed.
    let mut tool = Tool::on(folder.path());
    tool.execute("BEGIN EXCLUSIVE");
    assert_eq!(status_of(&service, 1), 503);
    tool.execute("UPDATE commits SET number = number + 1");
    tool.execute("UPDATE accounts SET state = replace(state, '[\"PAUSED\",1]', '[\"PAUSED\",7]')");
    tool.execute("COMMIT");
    service.process.until_logged("succeeded; reloading state");
    recovers(&service, 7);
}

/// A shell that an operator has left open.
pub struct Tool {
    runtime: Runtime,
    connection: SqliteConnection,
}

impl Tool {
    pub fn on(folder: &Path) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let options = SqliteConnectOptions::new().filename(folder.join("state.db"));
        let connection = runtime.block_on(SqliteConnection::connect_with(&options));
        let connection = connection.expect("a tool may look at it");
        Self {
            runtime,
            connection,
        }
    }

    pub fn execute(&mut self, sql: &'static str) {
        let done = self.runtime.block_on(self.connection.execute(sql));
        done.expect("good SQL");
    }
}

/// The program on a small file system that only it and `/proc` can see.
struct SmallDisk {
    service: Service,
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts it, and runs `prepare` in the shell before the program.
    fn start(folder: &Path, mount_options: &str, prepare: &str) -> Process {
        let arguments = arguments("sqlite:disk/state.db");
        let script = format!(
            "mkdir -p disk && mount -t tmpfs -o {mount_options} none disk && {{ {prepare}; }} && exec \"$0\" \"$@\""
        );
        let mut command = Command::new("unshare");
        command
            .args(["--map-root-user", "--mount", "sh", "-c", &script])
            .arg(env!("CARGO_BIN_EXE_whatsapp-business-exporter"))
            .args(&arguments)
            .arg("--webhook.listen-address=127.0.0.1:0")
            .envs(variables())
            .current_dir(folder);
        Process::start(&mut command).expect("util-linux is part of every Debian")
    }

    fn new(folder: &Path, mount_options: &str) -> Self {
        Self::prepared(folder, mount_options, "true")
    }

    fn prepared(folder: &Path, mount_options: &str, prepare: &str) -> Self {
        let service = Service::new(Self::start(folder, mount_options, prepare));
        let root = PathBuf::from(format!("/proc/{}/root", service.process.id()));
        let inside = folder.strip_prefix("/").expect("an absolute path");
        let folder = root.join(inside).join("disk");
        Self { service, folder }
    }
}

/// Fills the disk to its last byte.
const FILL: &str = "head -c 4194304 /dev/zero > disk/filler 2> filled || true";

#[test]
fn a_full_disk_refuses_and_recovers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let disk = SmallDisk::new(folder.path(), "size=2m");
    let service = &disk.service;
    assert_eq!(status_of(service, 0), 200);

    let filler = disk.folder.join("filler");
    // Writes until the disk is full, so the error is expected.
    let filled = fs::write(&filler, vec![0; 4 << 20]);
    assert!(filled.is_err(), "the disk is larger than it should be");
    let mut acknowledged = 1;
    // The last page may have room for a few more.
    until("a delivery to be refused", PATIENCE, || {
        match status_of(service, acknowledged) {
            503 => Ok(()),
            status => {
                acknowledged += 1;
                Err(format!("{status}"))
            }
        }
    });
    assert_rejects_with(service, "disk_full");

    fs::remove_file(&filler).expect("it is there");
    recovers(service, acknowledged);
}

/// Asserts that the error and the exit code show that the store cannot be opened, with this reason.
fn assert_not_open(service: &Service, reason: &str) {
    until_ready(service, 503, reason);
    service.process.until_logged("could not open the store");
    for path in ["/", "/api/v1/status", "/api/v1/history"] {
        let answer = get(service.address, path, "").expect("it answers");
        assert!(
            answer.status == 503 && answer.body.contains("store.url: cannot open"),
            "{path}: {answer:?}"
        );
    }
    let healthy = get(service.address, "/-/healthy", "").expect("it answers");
    assert_eq!(healthy.status, 200);
    assert_eq!(status_of(service, 0), 503);
    let events = post_text(service.address, "/v1/events", "X: y", "{}").expect("it answers");
    assert_eq!(events.status, 503);
    let scrape = service.scrape();
    assert_eq!(scrape.count("whatsapp_exporter_store_up", &[]), 0.0);
    let loaded = "whatsapp_exporter_config_last_reload_successful";
    assert_eq!(scrape.count(loaded, &[]), 1.0);
    let failures = "whatsapp_exporter_store_commit_failures_total";
    assert!(scrape.count(failures, &[("reason", reason)]) >= 1.0);
    let refused = "whatsapp_exporter_webhook_rejected_total";
    assert_eq!(scrape.count(refused, &[("reason", "not_stored")]), 1.0);
    let batches = "whatsapp_exporter_event_batches_refused_total";
    assert_eq!(scrape.count(batches, &[("reason", "not_stored")]), 1.0);
    let log = service.process.log();
    assert!(
        !log.contains("receiving webhooks") && !log.contains(SECRET),
        "{log}"
    );
}

fn until_open(service: &Service) {
    service.process.until_logged("store opened");
    until_ready(service, 200, "ready");
    until_metric(service.address, "whatsapp_exporter_store_up 1");
}

#[test]
fn a_start_on_a_full_disk_serves_metrics_and_opens_the_store_when_there_is_room() {
    // No block is left, or no file.
    let touch =
        "mkdir disk/filler; for i in 1 2 3 4 5 6 7 8; do : > disk/filler/$i; done 2> filled; true";
    for (options, fill) in [("size=2m", FILL), ("size=2m,nr_inodes=10", touch)] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let disk = SmallDisk::prepared(folder.path(), options, fill);
        let service = &disk.service;
        assert_not_open(service, "disk_full");
        let filler = disk.folder.join("filler");
        let removed = fs::remove_file(&filler).or_else(|_| fs::remove_dir_all(&filler));
        removed.expect("it is there");
        until_open(service);
        assert_eq!(status_of(service, 0), 200);
        assert_eq!(paused(service), 1.0);
    }
}

#[test]
fn a_restart_on_a_full_disk_loses_nothing_and_recovers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    {
        let mut before = Service::start(folder.path());
        for number in 0..3 {
            assert_eq!(status_of(&before, number), 200);
        }
        before.process.signal(rustix::process::Signal::TERM);
        assert_eq!(before.process.ended_within(PATIENCE).code(), Some(0));
    }
    // The write-ahead log is empty only if the last connection had the time to close it.
    let copy = format!("cp state.db* disk/ && {FILL}");
    let disk = SmallDisk::prepared(folder.path(), "size=2m", &copy);
    let service = &disk.service;
    until_ready(service, 503, "disk_full");
    assert_eq!(status_of(service, 3), 503);
    fs::remove_file(disk.folder.join("filler")).expect("it is there");
    until_ready(service, 200, "ready");
    until("the counts before the restart", PATIENCE, || {
        let count = paused(service);
        (count == 3.0).then_some(()).ok_or(format!("{count}"))
    });
    assert_eq!(status_of(service, 3), 200);
    assert_eq!(paused(service), 4.0);
}

#[test]
fn a_start_on_a_read_only_file_system_serves_metrics_and_stops_on_a_signal() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut disk = SmallDisk::new(folder.path(), "ro");
    assert_not_open(&disk.service, "read_only");
    disk.service.process.signal(rustix::process::Signal::TERM);
    let status = disk.service.process.ended_within(PATIENCE);
    assert_eq!(status.code(), Some(0), "{:?}", disk.service.process);
}

#[test]
fn a_database_that_a_tool_holds_at_the_start_is_waited_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    {
        let mut before = Service::start(folder.path());
        before.process.signal(rustix::process::Signal::TERM);
        assert_eq!(before.process.ended_within(PATIENCE).code(), Some(0));
    }
    let mut tool = Tool::on(folder.path());
    tool.execute("PRAGMA locking_mode = EXCLUSIVE");
    tool.execute("BEGIN EXCLUSIVE");
    let service = Service::start(folder.path());
    assert_not_open(&service, "locked");
    tool.execute("ROLLBACK");
    drop(tool);
    until_open(&service);
    assert_eq!(status_of(&service, 0), 200);
}

#[test]
fn errors_that_need_a_change_still_end_the_start() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("file"), "").expect("the folder is ours");
    fs::create_dir(folder.path().join("folder.db")).expect("the folder is ours");
    for url in ["sqlite:file/state.db", "sqlite:folder.db"] {
        let arguments = arguments(url);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut process = program_in(folder.path(), &arguments, &variables());
        let status = process.ended_within(PATIENCE);
        let log = process.log();
        assert_eq!(status.code(), Some(1), "{url}: {log}");
        assert!(log.contains("store.url: cannot write to"), "{url}: {log}");
    }
}
