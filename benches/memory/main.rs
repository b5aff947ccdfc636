//! Memory and disk of a large fleet, and the time from start to the first full scrape:
//! `cargo bench --bench memory -- [accounts] [numbers] [templates]`, the last two for each account.
//!
//! Each figure comes from a process of its own, because memory that an earlier step has freed would count. The state of
//! each object is that after two polls, and of every twentieth template after a webhook as well.

#![expect(clippy::print_stdout, reason = "the results of a bench")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use whatsapp_business_exporter::domain::access::AccessStates;
use whatsapp_business_exporter::domain::{
    Assignments, BusinessId, CanSendMessage, DeliveryKey, EntityHealth, Event, Fact, Health,
    HealthEntity, Listing, MessagingLimit, PhoneNumberId, QualityRating, Source, TemplateId,
    Timestamp, WabaId, account, number, template,
};
use whatsapp_business_exporter::expose::{
    self, Apps, Options, Selection, StateSets, TemplateDetail, TextFormat,
};
use whatsapp_business_exporter::insight::headroom::RecipientUnions;
use whatsapp_business_exporter::state::{Accounts, State};
use whatsapp_business_exporter::store::{Location, Store};
use whatsapp_business_exporter::telemetry::Telemetry;

const FIRST_POLL: Timestamp = Timestamp::from_seconds(1_795_000_000);
const POLL_INTERVAL: Duration = Duration::from_secs(3_600);
const KEPT_FOR: Duration = Duration::from_secs(400 * 86_400);

/// Accounts in one commit while the store is filled.
const ACCOUNTS_AT_ONCE: usize = 50;

/// The size of the fleet.
#[derive(Clone, Copy)]
struct Fleet {
    accounts: usize,
    numbers: usize,
    templates: usize,
}

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

/// Prints the memory of one kind of object in the state, each.
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
        campaigns: Vec::new(),
        experiments: whatsapp_business_exporter::domain::experiment::Experiments(Vec::new()),
        business_hours: None,
        callback: None,
    };
    let apps = Apps {
        exports: &|_| true,
        portfolio_accounts: None,
        campaigns: None,
        access: &AccessStates::new(),
        assignments: &Assignments::none(),
        unions: &RecipientUnions::new(),
    };
    let now = FIRST_POLL.plus(2 * POLL_INTERVAL);
    let (all, text) = (Selection::default(), TextFormat::Text);
    let scrape = expose::render(accounts, &apps, &[], now, &options, all, text);
    scrape.text.len()
}

fn waba(index: usize) -> WabaId {
    WabaId::parse(&(800_100_200_300_000 + index).to_string()).expect("digits")
}

fn event(index: usize, poll: u32, fact: Fact) -> Event {
    Event {
        waba_id: waba(index),
        // Each account is polled at a time of its own.
        observed_at: FIRST_POLL
            .plus(POLL_INTERVAL * poll + Duration::from_millis(index as u64 * 7)),
        source: Source::Poll,
        fact,
    }
}

fn health() -> Option<Health> {
    let of = |kind| EntityHealth {
        kind,
        can_send_message: CanSendMessage::Available,
    };
    Health::new(
        [
            HealthEntity::Waba,
            HealthEntity::Business,
            HealthEntity::App,
        ]
        .map(of)
        .to_vec(),
        None,
    )
}

fn read(_: Fleet, index: usize, poll: u32) -> Event {
    let snapshot = account::Snapshot {
        name: Some(format!("Fern & Moss {index}")),
        currency: Some("EUR".into()),
        timezone_id: Some("138".into()),
        business_id: BusinessId::parse(&(700_100_200_300_000 + index / 10).to_string()),
        review_status: Some(account::ReviewStatus::Approved),
        business_verification_status: Some(account::BusinessVerificationStatus::Verified),
        status: Some(account::Status::Active),
        messaging_limit: Some(MessagingLimit::Customers(10_000)),
        health: health(),
        webhook_subscribed: Some(true),
        ..account::Snapshot::new()
    };
    event(index, poll, Fact::AccountRead(snapshot))
}

fn numbers_listed(fleet: Fleet, index: usize, poll: u32) -> Event {
    let snapshot = |number: usize| {
        let id = index * fleet.numbers + number;
        number::Snapshot {
            display_phone_number: Some(format!("+1 555-{id:07}")),
            verified_name: Some(format!("Fern & Moss Store {number}")),
            account_mode: Some(number::AccountMode::Live),
            platform_type: Some(number::PlatformType::CloudApi),
            quality_rating: Some(QualityRating::Green),
            status: Some(number::Status::Connected),
            messaging_limit: Some(MessagingLimit::Customers(10_000)),
            throughput_level: Some(number::ThroughputLevel::Standard),
            name_status: Some(number::NameStatus::Approved),
            new_name_status: Some(number::NameStatus::None),
            code_verification_status: Some(number::CodeVerificationStatus::Verified),
            health: health(),
            ..number::Snapshot::new(
                PhoneNumberId::parse(&(900_100_200_300_000 + id).to_string()).expect("digits"),
            )
        }
    };
    let objects = (0..fleet.numbers).map(snapshot).collect();
    event(
        index,
        poll,
        Fact::NumbersListed(Listing {
            objects,
            complete: true,
        }),
    )
}

fn template_id(fleet: Fleet, index: usize, template: usize) -> TemplateId {
    let id = 7_001_002_003_000_000 + index * fleet.templates + template;
    TemplateId::parse(&id.to_string()).expect("digits")
}

/// A listing, and after the first one a webhook about every twentieth template.
fn templates_listed(fleet: Fleet, index: usize, poll: u32) -> Vec<Event> {
    let categories = [template::Category::Marketing, template::Category::Utility];
    let snapshot = |which: usize| {
        let category = categories[which % 2];
        template::Snapshot {
            name: Some(
                format!(
                    "{}_offer_{which}",
                    ["spring", "order_confirmation", "appointment_reminder"][which % 3]
                )
                .into(),
            ),
            language: Some(["en_US", "pt_BR", "es", "de"][which % 4].into()),
            status: Some(if which.is_multiple_of(20) {
                template::Status::Rejected
            } else {
                template::Status::Approved
            }),
            category: Some(category),
            correct_category: Some(category),
            quality_rating: Some(QualityRating::Green),
            quality_rating_date: Some(FIRST_POLL.minus(Duration::from_secs(which as u64 * 1_000))),
            last_reason: Some(template::RejectedReason::None),
            source: Some(template::TemplateSource::Manual),
            ..template::Snapshot::new(template_id(fleet, index, which))
        }
    };
    let objects = (0..fleet.templates).map(snapshot).collect();
    let listing = Fact::TemplatesListed(
        Listing {
            objects,
            complete: true,
        },
        template::Totals::default(),
    );
    let mut events = vec![event(index, poll, listing)];
    let changed = (0..fleet.templates).step_by(20).filter(|_| poll == 0);
    events.extend(changed.map(|which| {
        let key = DeliveryKey((index * fleet.templates + which) as u128);
        let update = template::Update::Status {
            event: template::EventKind::Rejected,
            reason: Some(template::RejectedReason::Promotional),
            category: None,
            pause: None,
            disable_at: None,
        };
        let identity = template::Identity {
            id: template_id(fleet, index, which),
            name: None,
            language: None,
        };
        Event {
            source: Source::Webhook(key),
            ..event(
                index,
                poll,
                Fact::Template(template::WebhookUpdate { identity, update }),
            )
        }
    }));
    events
}

fn resident() -> u64 {
    status_of_process("VmRSS:")
}

/// The most memory that the process has had so far.
fn peak() -> u64 {
    status_of_process("VmHWM:")
}

fn status_of_process(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.expect("Linux says so in kB") * 1_024
}

fn megabytes(bytes: u64) -> u64 {
    bytes / 1_000_000
}
