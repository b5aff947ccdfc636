//! Memory and disk usage of a large fleet, and the time from start to the first full scrape: `cargo bench --bench
//! memory -- [accounts] [numbers] [templates]`, the last two for each account.
//!
//! Each figure comes from a process of its own, because memory that an earlier step has freed would count. Each object
//! has been polled twice, and every twentieth template has also had a webhook.

#![expect(clippy::print_stdout, reason = "the results of a bench")]

mod fleet;
mod process;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleet::{FIRST_POLL, Fleet, POLL_INTERVAL, numbers_listed, read, templates_listed, waba};
use process::{peak, resident};

use whatsapp_business_exporter::domain::access::AccessStates;
use whatsapp_business_exporter::domain::{Assignments, Event, WabaId};
use whatsapp_business_exporter::expose::{
    self, Apps, Options, Selection, StateSets, TemplateDetail, TextFormat,
};
use whatsapp_business_exporter::insight::headroom::RecipientUnions;
use whatsapp_business_exporter::state::{Accounts, State};
use whatsapp_business_exporter::store::{Location, Store};
use whatsapp_business_exporter::telemetry::Telemetry;

const KEPT_FOR: Duration = Duration::from_secs(400 * 86_400);

/// Accounts in one commit while the store is filled.
const ACCOUNTS_AT_ONCE: usize = 50;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let size = |place: usize, default| {
        let given = arguments.get(place);
        given.map_or(default, |text| text.parse().expect("a number of objects"))
    };
    let step = arguments.iter().position(|argument| argument == "--step");
    let fleet = Fleet {
        accounts: size(0, 10_000),
        numbers: size(1, 5),
        templates: size(2, 200),
    };
    match step {
        Some(place) => run_step(fleet, &arguments[place + 1], arguments.get(place + 2)),
        None => run_all(fleet),
    }
}

fn run_all(fleet: Fleet) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.db");
    let path = path.to_str().expect("UTF-8");
    for (step, path) in [
        ("accounts", None),
        ("numbers", None),
        ("templates", None),
        ("fill", Some(path)),
        ("start", Some(path)),
        ("start", Some(path)),
    ] {
        let sizes = [fleet.accounts, fleet.numbers, fleet.templates];
        let done = Command::new(std::env::current_exe().expect("this program"))
            .args(sizes.map(|size| size.to_string()))
            .args(["--step", step])
            .args(path)
            .status();
        assert!(done.expect("it runs").success(), "{step}");
    }
}

fn run_step(fleet: Fleet, step: &str, path: Option<&String>) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let path = || Path::new(path.expect("the path of the store"));
    match step {
        "accounts" => measure(step, fleet.accounts, fleet, |fleet, index, poll| {
            vec![read(fleet, index, poll)]
        }),
        "numbers" => measure(
            step,
            fleet.accounts * fleet.numbers,
            fleet,
            |fleet, index, poll| vec![numbers_listed(fleet, index, poll)],
        ),
        "templates" => measure(
            step,
            fleet.accounts * fleet.templates,
            fleet,
            templates_listed,
        ),
        "fill" => runtime.block_on(fill(fleet, path())),
        "start" => runtime.block_on(start(fleet, path())),
        _ => panic!("no step {step}"),
    }
}

/// Prints the memory per object of one kind in the state.
fn measure(
    what: &str,
    count: usize,
    fleet: Fleet,
    events: impl Fn(Fleet, usize, u32) -> Vec<Event>,
) {
    let mut state = State::default();
    state.watch((0..fleet.accounts).map(waba));
    let before = resident();
    for poll in 0..2 {
        for index in 0..fleet.accounts {
            for event in events(fleet, index, poll) {
                state.apply(&event);
            }
        }
    }
    let bytes = resident().saturating_sub(before);
    println!(
        "{what}: {} bytes of memory each ({count} objects)",
        bytes / count as u64
    );
}

async fn open(fleet: Fleet, path: &Path) -> Store {
    let location = Location::File(path.to_owned());
    let store = Store::open(&location, KEPT_FOR, Arc::new(Telemetry::new())).await;
    let store = store.expect("a store that opens");
    let accounts: BTreeSet<WabaId> = (0..fleet.accounts).map(waba).collect();
    store.watch(accounts).await.expect("readable accounts");
    store
}

/// Fills the store, and prints its size and the memory of the process that has polled everything.
async fn fill(fleet: Fleet, path: &Path) {
    let store = open(fleet, path).await;
    let mut log = [0, 0];
    for poll in 0..2 {
        let began = Instant::now();
        for first in (0..fleet.accounts).step_by(ACCOUNTS_AT_ONCE) {
            let events = (first..fleet.accounts.min(first + ACCOUNTS_AT_ONCE)).flat_map(|index| {
                let mut events = vec![read(fleet, index, poll), numbers_listed(fleet, index, poll)];
                events.extend(templates_listed(fleet, index, poll));
                events
            });
            store
                .commit(events.collect())
                .await
                .expect("room on the disk");
        }
        log[poll as usize] = began.elapsed().as_millis();
    }
    println!(
        "polled: {} MB resident; first poll committed in {} ms, second in {} ms",
        megabytes(resident()),
        log[0],
        log[1]
    );
    store.close().await;
    let bytes = std::fs::metadata(path).expect("the store").len();
    let templates = (fleet.accounts * fleet.templates) as u64;
    println!(
        "store: {} MB, {} bytes per template, everything included",
        megabytes(bytes),
        bytes / templates
    );
}

/// Opens the store as a restart does, and prints the times and the memory.
async fn start(fleet: Fleet, path: &Path) {
    let began = Instant::now();
    let store = open(fleet, path).await;
    let loaded = began.elapsed();
    let after_load = resident();
    let accounts = store.snapshot();
    let bytes = render(&accounts);
    let scraped = began.elapsed();
    println!(
        "restarted: loaded in {} ms, {} MB resident, {} at most; first full scrape ({} MB) after {} ms, then {} MB resident, {} at most",
        loaded.as_millis(),
        megabytes(after_load),
        megabytes(peak()),
        bytes / 1_000_000,
        scraped.as_millis(),
        megabytes(resident()),
        megabytes(peak()),
    );
    store.close().await;
}

fn render(accounts: &Accounts) -> usize {
    let options = Options {
        template_detail: TemplateDetail::None,
        state_sets: StateSets::Sparse,
        created_timestamps: false,
        template_state_sets: StateSets::Sparse,
        template_series_limit: 20_000,
        journeys: whatsapp_business_exporter::domain::journey::Journeys(Vec::new()),
        campaigns: Vec::new(),
        experiments: whatsapp_business_exporter::domain::experiment::Experiments(Vec::new()),
        polls_insights: false,
        business_hours: None,
        callback: None,
    };
    let (access, assignments) = (AccessStates::new(), Assignments::none());
    let unions = RecipientUnions::new();
    let apps = Apps::without_replicas(&access, &assignments, &unions);
    let now = FIRST_POLL.plus(2 * POLL_INTERVAL);
    let (all, text) = (Selection::default(), TextFormat::Text);
    let scrape = expose::render(accounts, &apps, &[], now, &options, all, text);
    scrape.text.len()
}

fn megabytes(bytes: u64) -> u64 {
    bytes / 1_000_000
}
