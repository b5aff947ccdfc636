//! The real program on a machine whose clock is wrong, by libfaketime. The time since boot is real.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::Signal;
use tempfile::TempDir;

use super::deliveries::{SECRET, WABA, signature};
use super::service::{NO_META, PATIENCE, Service, variables};
use crate::http::post_text;
use crate::process::{SOON, program_in, until};
use crate::support::meta::{Meta, NUMBER, TEMPLATE, small_world};
use crate::support::scrape::Scrape;

const DAY: u64 = 86_400;

/// A year ahead, as a board without a battery may be until its clock is set.
const YEAR_AHEAD: &str = "+365d";

/// The library that changes what the program reads as the machine's clock.
fn libfaketime() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").expect("a system with libraries");
    let libraries = folders
        .flatten()
        .map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    let found = libraries.into_iter().find(|library| library.is_file());
    found.expect("install Debian's package `faketime`, or run `make test`")
}

/// A machine whose clock is wrong by the duration in a file.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn with_clock(wrong_by: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let machine = Self { folder };
        let polls = "poll: {numbers_interval: 1s, account_interval: 1s, templates_interval: 1s}\n";
        fs::write(machine.folder.path().join("exporter.yml"), polls).expect("room on the disk");
        machine.set_clock(wrong_by);
        machine
    }

    fn clock_file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    /// Replaces the file atomically, so that the program never reads a part of it.
    fn set_clock(&self, wrong_by: &str) {
        let new = self.folder.path().join("clock.new");
        fs::write(&new, format!("{wrong_by}\n")).expect("room on the disk");
        fs::rename(new, self.clock_file()).expect("the same folder");
    }

    /// Starts the exporter with its store on this machine.
    fn start(&self, graph: &str, more: &[(&str, &str)]) -> Service {
        let path = |path: &Path| path.display().to_string();
        let mut environment = variables();
        let faked = [
            ("LD_PRELOAD", path(&libfaketime())),
            ("FAKETIME_TIMESTAMP_FILE", path(&self.clock_file())),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ];
        let faked = faked.map(|(name, value)| (name.to_owned(), value));
        environment.extend(faked);
        let more = more
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        environment.extend(more);
        let arguments = [
            "serve",
            graph,
            "--web.listen-address=127.0.0.1:0",
            "--store.url=sqlite:state.db",
            "--config.file=exporter.yml",
        ];
        Service::new(program_in(self.folder.path(), &arguments, &environment))
    }

    /// An exporter that polls this Meta.
    fn start_beside(&self, meta: &Meta) -> Service {
        let graph = format!("--graph.base-url={}", meta.graph_url());
        let token = meta.look(|world| world.app.token.text.clone());
        self.start(&graph, &[("WHATSAPP_ACCESS_TOKEN", &token)])
    }
}

async fn meta() -> Meta {
    let meta = Meta::new(small_world()).await;
    // Its deliveries and those of this test have the same signer.
    meta.edit(|world| SECRET.clone_into(&mut world.app.secret));
    meta
}

fn real_seconds() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    since_epoch.expect("a clock that is right").as_secs()
}

fn deliver(address: SocketAddr, time: u64, field: &str, value: &str) {
    let body = format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{WABA}","time":{time},"changes":[{{"field":"{field}","value":{value}}}]}}]}}"#
    );
    let answer = post_text(address, "/webhook", &signature(&body), &body).expect("it answers");
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn flagged(address: SocketAddr, time: u64, event: &str) {
    let value = format!(
        r#"{{"display_phone_number":"15550100199","event":"{event}","current_limit":"TIER_10K"}}"#
    );
    deliver(address, time, "phone_number_quality_update", &value);
}

fn template_event(address: SocketAddr, time: u64, event: &str) {
    let value = format!(
        r#"{{"event":"{event}","message_template_id":{TEMPLATE},"message_template_name":"spring_offer","message_template_language":"en_US","reason":"NONE"}}"#
    );
    deliver(address, time, "message_template_status_update", &value);
}

fn message(address: SocketAddr, time: u64, customer: u32) {
    let value = format!(
        r#"{{"metadata":{{"phone_number_id":"{NUMBER}"}},"messages":[{{"from":"1555010{customer:04}","id":"wamid.{customer}.{time}","timestamp":"{time}","type":"text"}}]}}"#
    );
    deliver(address, time, "messages", &value);
}

fn until_shown(service: &Service, what: &str, is_so: impl Fn(&Scrape) -> bool) {
    until(what, SOON, || {
        let scrape = service.scrape();
        if is_so(&scrape) {
            Ok(())
        } else {
            Err(format!("{:?}\n{}", service.process, scrape.0))
        }
    });
}

fn polled_at(scrape: &Scrape, collector: &str) -> Option<f64> {
    let name = "whatsapp_exporter_poll_last_success_timestamp_seconds";
    scrape.value(name, &[("waba_id", WABA), ("collector", collector)])
}

/// Whether this and every other last success is of this minute.
fn is_polled_now(scrape: &Scrape) -> bool {
    let now = real_seconds() as f64;
    let collectors = ["numbers", "account", "templates"];
    let mut times = collectors
        .iter()
        .map(|collector| polled_at(scrape, collector));
    times.all(|time| time.is_some_and(|time| (now - time).abs() < 60.0))
}

fn is_flagged(scrape: &Scrape) -> bool {
    scrape.value(
        "whatsapp_phone_number_flagged",
        &[("phone_number_id", NUMBER)],
    ) == Some(1.0)
}

fn skew(scrape: &Scrape) -> Option<f64> {
    scrape.value("whatsapp_exporter_clock_skew_seconds", &[])
}

fn kill(mut service: Service) {
    service.process.signal(Signal::KILL);
    service.process.ended_within(PATIENCE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_a_year_ahead_dates_nothing() {
    let meta = meta().await;
    let machine = Machine::with_clock(YEAR_AHEAD);
    let service = machine.start_beside(&meta);
    until_shown(&service, "polls dated by Meta's clock", is_polled_now);
    let year = 365.0 * DAY as f64;
    until_shown(&service, "the skew", |scrape| {
        skew(scrape).is_some_and(|skew| (skew - year).abs() < 60.0)
    });
    service
        .process
        .until_logged("the machine's clock differs from Meta's");
    machine.set_clock("+0");
    service
        .process
        .until_logged("the machine's clock agrees with Meta's again");
    let now = real_seconds();
    flagged(service.address, now, "FLAGGED");
    until_shown(&service, "the flag", is_flagged);
    // Nor does it after a restart, with the clock wrong again.
    kill(service);
    machine.set_clock("+400d");
    let service = machine.start_beside(&meta);
    until_shown(&service, "polls dated by Meta's clock", is_polled_now);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn times_that_an_exporter_with_a_wrong_clock_has_stored_are_corrected() {
    let meta = meta().await;
    let machine = Machine::with_clock(YEAR_AHEAD);
    // Without Meta and without stored data, the clock is trusted, and so is a delivery that agrees with it.
    let service = machine.start(NO_META, &[]);
    let wrong = real_seconds() + 365 * DAY;
    template_event(service.address, wrong, "PAUSED");
    let at = |scrape: &Scrape| {
        let labels = [("template_id", TEMPLATE), ("status", "PAUSED")];
        scrape.value("whatsapp_message_template_status", &labels)
    };
    assert_eq!(at(&service.scrape()), Some(1.0));
    kill(service);
    machine.set_clock("+0");
    // Within one boot, the first process's estimate of Meta's clock would be used again.
    edit_store(&machine, FORGET_CLOCK);
    let service = machine.start_beside(&meta);
    service
        .process
        .until_logged("stored times were ahead of Meta's clock");
    until_shown(&service, "polls dated by Meta's clock", is_polled_now);
    until_shown(&service, "the poll's word on the template", |scrape| {
        at(scrape) != Some(1.0)
    });
    flagged(service.address, real_seconds(), "FLAGGED");
    until_shown(&service, "the flag", is_flagged);
}

/// Leaves the store of an earlier version that has polled with a clock a year ahead.
const POISON: &str = r"
import re, sqlite3, sys
year = 365 * 86_400_000
ahead = lambda text: re.sub(r'\b1[78]\d{11}\b', lambda time: str(int(time[0]) + year), text)
store = sqlite3.connect(sys.argv[1])
store.create_function('ahead', 1, ahead)
for table in ['accounts', 'refreshes', 'phone_numbers', 'templates']:
    store.execute(f'UPDATE {table} SET state = ahead(state)')
store.execute('UPDATE transitions SET order_ms = order_ms + ?', [year])
store.execute('UPDATE commits SET boot_id = NULL, clock_ms = NULL')
store.commit()
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polls_that_were_stored_a_year_ahead_are_corrected_for_good() {
    let meta = meta().await;
    let machine = Machine::with_clock("+0");
    let service = machine.start_beside(&meta);
    until_shown(&service, "polls", is_polled_now);
    kill(service);
    edit_store(&machine, POISON);
    let service = machine.start_beside(&meta);
    service
        .process
        .until_logged("stored times were ahead of Meta's clock");
    until_shown(&service, "polls dated by Meta's clock", is_polled_now);
    flagged(service.address, real_seconds(), "FLAGGED");
    until_shown(&service, "the flag", is_flagged);
}

/// Runs Python with the path of a store that no process has open.
fn edit_store(machine: &Machine, script: &str) {
    let path = machine.folder.path().join("state.db");
    let python = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(path)
        .status();
    assert!(python.expect("python3").success());
}

/// Like a reboot, for the store.
const FORGET_CLOCK: &str = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); \
     c.execute('UPDATE commits SET boot_id = NULL, clock_ms = NULL'); c.commit()";

/// Like a restart on another machine, which has another boot.
const FORGET_BOOT: &str = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); \
     c.execute('UPDATE commits SET boot_id = NULL'); c.commit()";

#[test]
fn a_clock_that_is_behind_loses_no_event() {
    let machine = Machine::with_clock("+0");
    let service = machine.start(NO_META, &[]);
    let now = real_seconds();
    template_event(service.address, now - 5, "APPROVED");
    kill(service);
    machine.set_clock("-3d");
    edit_store(&machine, FORGET_BOOT);
    let service = machine.start(NO_META, &[]);
    template_event(service.address, real_seconds(), "PAUSED");
    let scrape = service.scrape();
    let shows = |status| {
        let labels = [("template_id", TEMPLATE), ("status", status)];
        scrape.value("whatsapp_message_template_status", &labels) == Some(1.0)
    };
    assert!(shows("PAUSED") && !shows("APPROVED"), "{}", scrape.0);
    let skew = skew(&scrape).expect("it is known to be behind");
    assert!((skew + 3.0 * DAY as f64).abs() < 60.0, "{skew}");
}

#[test]
fn a_clock_that_runs_ahead_ends_no_conversation() {
    const CUSTOMERS: u32 = 20;
    let waiting = |scrape: &Scrape| {
        scrape.value(
            "whatsapp_conversations_waiting",
            &[("phone_number_id", NUMBER)],
        )
    };
    let machine = Machine::with_clock("+0");
    let service = machine.start(NO_META, &[]);
    for customer in 0..CUSTOMERS {
        message(service.address, real_seconds(), customer);
    }
    assert_eq!(waiting(&service.scrape()), Some(20.0));
    // While it runs, and again at a start, for longer than conversations are looked at in between.
    machine.set_clock(YEAR_AHEAD);
    message(service.address, real_seconds(), CUSTOMERS);
    assert_eq!(waiting(&service.scrape()), Some(21.0));
    kill(service);
    edit_store(&machine, FORGET_BOOT);
    let service = machine.start(NO_META, &[]);
    message(service.address, real_seconds(), CUSTOMERS + 1);
    // Twice the interval at which idle conversations are checked.
    std::thread::sleep(std::time::Duration::from_secs(11));
    let scrape = service.scrape();
    assert_eq!(waiting(&scrape), Some(22.0));
    let unanswered = [("reason", "unanswered")];
    let ended = scrape.value("whatsapp_conversations_ended_total", &unanswered);
    assert_eq!(ended, Some(0.0));
}

#[test]
fn an_event_far_ahead_counts_as_received_now() {
    let machine = Machine::with_clock("+0");
    let service = machine.start(NO_META, &[]);
    template_event(service.address, real_seconds(), "APPROVED");
    template_event(service.address, real_seconds() + DAY - 60, "PAUSED");
    template_event(service.address, real_seconds() + 2, "DISABLED");
    let scrape = service.scrape();
    let labels = [("template_id", TEMPLATE), ("status", "DISABLED")];
    let shown = scrape.value("whatsapp_message_template_status", &labels);
    assert_eq!(shown, Some(1.0), "{}", scrape.0);
}
