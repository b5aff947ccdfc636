//! The booking bot of `docs/conversations.md` behind the real program, between simulated customers and a simulated
//! Meta that delivers late, twice and out of order: what the program shows is what the customers did, although it is
//! killed in between.
//!
//! Times of Meta are seconds of the real clock, until everybody has left. Then Meta's clock goes forward, so that nobody
//! has to wait for the minute in which late webhooks count, and for the idle timeout.
//!
//! `slow` depends on how fast the machine is; `marked_journeys` compares it.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;
use whatsapp_business_exporter::simulator::clock::{Clock, SystemClock};
use whatsapp_business_exporter::simulator::customers::{Figure, TYPED};
use whatsapp_business_exporter::simulator::world::{Account, PhoneNumber};
use whatsapp_business_exporter::simulator::{
    DeliveryState, Endpoint, Handle, Retries, SimulationOptions, World,
};

use super::durable::holds;
use crate::docs::markdown::fences;
use crate::http::metrics;
use crate::process::{Process, SOON, program_in, until};
use crate::support::measured;
use crate::support::meta::Meta as RunningMeta;

/// Customers of `make test`.
const CUSTOMERS: usize = 150;
/// Customers of each account, so that its quota of calls is enough for what the bot sends to them.
const PER_ACCOUNT: usize = 400;
/// Seconds of the customers in one real second.
const SPEED: f64 = 20.0;
/// Accounts from one with kills to the next. Each retry of a webhook waits three times as long as the one before: one
/// that met many kills would come later than the exporter waits for it.
const KILLED_EVERY: usize = 3;
/// Longer than the idle timeout and the time for late webhooks.
const SILENCE: i64 = 3_600;
/// Only a failure lasts as long.
const PATIENCE: Duration = Duration::from_secs(120);

const PAGE: &str = include_str!("../../../docs/conversations.md");
const MAX_LINES: usize = 50;

/// A word that is in everything that customers type without being asked, and what each of them types first.
const TYPED_WORDS: [&str; 2] = ["rhubarb", "book a table"];
/// The answers of the page's configuration, as far as a star stands for something.
const PATTERNS: [&str; 2] = ["date_", "time_"];

/// The real clock, which can be put forward.
#[derive(Debug, Default)]
struct MovingClock {
    ahead: AtomicI64,
}

impl Clock for MovingClock {
    fn now(&self) -> i64 {
        SystemClock.now() + self.ahead.load(Ordering::Relaxed)
    }

    /// The program is a process of its own, and its time is Meta's.
    fn date(&self) -> i64 {
        self.now()
    }
}

/// The block of this language in the page's section about the bot.
fn example(language: &str) -> String {
    let section = PAGE.split("\n## A booking bot\n").nth(1);
    let section = section.expect("a section about the bot");
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut fences = fences(section).into_iter();
    let fence = fences.find(|fence| fence.language == language);
    fence.expect("an example").body
}

/// The simulated Meta with its clock.
struct Meta {
    handle: RunningMeta,
    clock: Arc<MovingClock>,
    accounts: Vec<String>,
    numbers: Vec<String>,
}

impl Meta {
    async fn new(accounts: usize, seed: u64) -> Self {
        let ids = |first: u64| -> Vec<String> {
            let ids = (first..).take(accounts);
            ids.map(|id| id.to_string()).collect()
        };
        let (wabas, numbers) = (ids(800_100_200_300_400), ids(900_100_200_300_400));
        let mut world = World::empty();
        for (place, (waba, number)) in wabas.iter().zip(&numbers).enumerate() {
            let digits = format!("+1 555-010-01{place:02}");
            world = world
                .with_account(Account::new(waba, "Fern & Moss"))
                .with_phone_number(waba, PhoneNumber::new(number, &digits, "Fern & Moss"));
        }
        let clock = Arc::new(MovingClock::default());
        let options = SimulationOptions {
            world: Some(world),
            seed,
            speed: SPEED,
            retries: Retries {
                first_delay: Duration::from_secs(2),
                max_attempts: 12,
            },
            clock: clock.clone(),
            ..SimulationOptions::default()
        };
        Self {
            handle: RunningMeta::with(options).await,
            clock,
            accounts: wabas,
            numbers,
        }
    }

    fn sends(&self) -> u64 {
        self.handle.request_count(Endpoint::Messages)
    }

    async fn is_settled(&self) -> bool {
        let settled = tokio::time::timeout(Duration::from_millis(1), self.handle.settled());
        settled.await.is_ok()
    }
}

/// The bot of the page.
struct Bot {
    process: Process,
    port: u16,
    _folder: TempDir,
}

impl Bot {
    fn start(meta: &Meta) -> Self {
        let code = example("python");
        let lines = code.lines().count();
        assert!(lines <= MAX_LINES, "the bot has {lines} lines");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let script = folder.path().join("bot.py");
        std::fs::write(&script, code).expect("room on the disk");
        let (token, secret) = meta.handle.look(|world| {
            let app = &world.app;
            (app.token.text.clone(), app.secret.clone())
        });
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        drop(listener);
        let inherited = ["PATH", "HOME"];
        let inherited = inherited
            .iter()
            .filter_map(|name| Some((name, std::env::var_os(name)?)));
        let mut command = Command::new("python3");
        // No proxy of the machine: everything stays on loopback.
        command
            .env_clear()
            .envs(inherited)
            .env("GRAPH_URL", meta.handle.graph_url())
            .env("TOKEN", token)
            .env("APP_SECRET", secret)
            .env("PORT", address.port().to_string())
            .arg("-I")
            .arg(script);
        let process = Process::start(&mut command).expect("Python starts; install `python3`");
        until("the bot to listen", SOON, || {
            let connected = TcpStream::connect(address);
            connected
                .map(drop)
                .map_err(|error| format!("{error}: {process:?}"))
        });
        Self {
            process,
            port: address.port(),
            _folder: folder,
        }
    }
}

/// The program with its store, between Meta and the bot.
struct Exporter<'a> {
    meta: &'a Meta,
    folder: TempDir,
    process: Process,
    address: SocketAddr,
    /// What earlier processes logged.
    logs: String,
}

impl<'a> Exporter<'a> {
    fn start(meta: &'a Meta, bot: &Bot) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let example = example("yaml");
        let file = example.replace("127.0.0.1:8080", &format!("127.0.0.1:{}", bot.port));
        assert_ne!(file, example, "the page relays to the bot's port");
        let polls = "poll: {numbers_interval: 1s, account_interval: 1s, templates_interval: 1s, \
                     calls_per_hour: 20000}\n";
        std::fs::write(folder.path().join("config.yml"), file + polls).expect("room on the disk");
        let (process, address) = Self::process(meta, folder.path());
        Self {
            meta,
            folder,
            process,
            address,
            logs: String::new(),
        }
    }

    fn process(meta: &Meta, folder: &Path) -> (Process, SocketAddr) {
        let app = meta.handle.look(|world| world.app.clone());
        let variables = [
            ("WHATSAPP_ACCESS_TOKEN", app.token.text),
            ("WHATSAPP_APP_SECRET", app.secret),
            ("WHATSAPP_WEBHOOK_VERIFY_TOKEN", app.verify_token),
            ("WHATSAPP_BUSINESS_ACCOUNT_IDS", meta.accounts.join(",")),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        let graph = format!("--graph.base-url={}", meta.handle.graph_url());
        let arguments = [
            "serve",
            "--web.listen-address=127.0.0.1:0",
            "--store.url=sqlite:state.db",
            "--config.file=config.yml",
            &graph,
        ];
        let process = program_in(folder, &arguments, &variables);
        let address = process.address_after("the status page address=");
        let callback = format!("http://{address}/webhook");
        meta.handle.set_callback_url(Some(callback));
        (process, address)
    }

    fn end(&mut self, signal: Signal) {
        self.process.signal(signal);
        self.process.ended_within(SOON);
        self.logs += &self.process.log();
    }

    fn start_again(&mut self) {
        (self.process, self.address) = Self::process(self.meta, self.folder.path());
    }

    fn metrics(&self) -> String {
        metrics(self.address).unwrap_or_else(|error| panic!("{error}\n{:?}", self.process))
    }

    /// Number of deliveries that wait for the bot.
    fn pending(&self) -> f64 {
        let shown = shown(&self.metrics(), |series| {
            series.starts_with("whatsapp_exporter_relay_pending_deliveries")
        });
        assert_eq!(shown.len(), 1);
        shown.values().sum()
    }

    /// Waits until nobody says anything more: no customer, no bot, and no webhook.
    async fn settled(&self) {
        let began = Instant::now();
        loop {
            let settled = tokio::time::timeout(PATIENCE, self.meta.handle.settled()).await;
            let customers = self.meta.handle.customers();
            assert!(settled.is_ok(), "{customers:?}\n{:?}", self.process);
            let sends = self.meta.sends();
            until("the relay", PATIENCE, || match self.pending() {
                0.0 => Ok(()),
                pending => Err(format!("{pending} deliveries\n{:?}", self.process)),
            });
            if self.meta.is_settled().await && self.meta.sends() == sends {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{:?}", self.process);
        }
    }

    /// Waits until the figures are those of the truth.
    fn until_true(&self, truth: &BTreeMap<String, f64>) {
        until("the figures of the truth", SOON, || {
            let differences = differences(truth, &self.metrics());
            if differences.is_empty() {
                Ok(())
            } else {
                Err(format!("{differences:#?}\n{:?}", self.process))
            }
        });
    }

    fn assert_keeps_nothing_typed(&self) {
        let shown = self.metrics() + &self.logs + &self.process.log();
        for typed in TYPED_WORDS {
            assert!(!shown.contains(typed), "{typed:?} is shown or logged");
        }
    }

    fn assert_stores_nothing_typed(&self) {
        for file in std::fs::read_dir(self.folder.path()).expect("the folder") {
            let path = file.expect("a file").path();
            for typed in TYPED_WORDS {
                assert!(!holds(&path, typed), "{typed:?} is in {}", path.display());
            }
        }
        let database = self.folder.path().join("state.db");
        assert!(holds(&database, "booking"), "the right file is searched");
    }
}

fn shown(text: &str, is_wanted: impl Fn(&str) -> bool) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let samples = lines.filter_map(|line| line.rsplit_once(' '));
    let wanted = samples.filter(|(series, _)| is_wanted(series));
    wanted
        .map(|(series, value)| (series.to_owned(), value.parse().expect("a number")))
        .collect()
}

/// Whether the test compares this series.
fn is_compared(series: &str) -> bool {
    let is_time = series.contains("_bucket{") || series.contains(r#"reason="slow""#);
    let prefixes = [
        "whatsapp_journey_",
        "whatsapp_conversations_started_total",
        "whatsapp_callback_data_ignored_total",
    ];
    !is_time && prefixes.iter().any(|prefix| series.starts_with(prefix))
}

fn differences(truth: &BTreeMap<String, f64>, text: &str) -> Vec<String> {
    let shown = shown(text, is_compared);
    let value = |of: &BTreeMap<String, f64>, series: &str| of.get(series).copied();
    let all = truth.keys().chain(shown.keys());
    let wrong = all.filter(|series| {
        let (expected, shown) = (value(truth, series), value(&shown, series));
        (shown.unwrap_or(f64::NAN) - expected.unwrap_or_default()).abs() > 0.001 || shown.is_none()
    });
    let said = |series: &String| {
        let (expected, shown) = (value(truth, series), value(&shown, series));
        format!("{series}: {shown:?}, not {expected:?}")
    };
    wrong.map(said).collect()
}

/// The truth by series.
fn truth(meta: &Meta) -> BTreeMap<String, f64> {
    let mut series: BTreeMap<String, f64> = BTreeMap::new();
    for (figure, value) in meta.handle.customer_figures() {
        let mut add = |name: &str, labels: &str| {
            let text = format!("whatsapp_{name}{{{labels}}}");
            *series.entry(text).or_default() += value as f64;
        };
        let labels = labels(meta, &figure);
        match figure.name {
            "conversations_started" => add("conversations_started_total", &labels),
            "step_seconds" => add("journey_step_seconds_sum", &labels),
            name => add(&format!("journey_{name}_total"), &labels),
        }
        if figure.name == "step_answered" {
            add("journey_step_seconds_count", &labels);
        }
    }
    series
}

fn labels(meta: &Meta, figure: &Figure) -> String {
    let number = &figure.phone_number_id;
    let place = meta.numbers.iter().position(|known| known == number);
    let waba = &meta.accounts[place.expect("a number of the world")];
    let answer = match figure.detail.as_str() {
        "" => "other".to_owned(),
        id => {
            let pattern = PATTERNS.iter().find(|pattern| id.starts_with(**pattern));
            pattern.map_or(id.to_owned(), |pattern| format!("{pattern}*"))
        }
    };
    let Figure {
        journey,
        version,
        variant,
        step,
        detail,
        ..
    } = figure;
    let number = format!(r#"waba_id="{waba}",phone_number_id="{number}""#);
    let session =
        format!(r#"{number},journey="{journey}",version="{version}",variant="{variant}""#);
    match figure.name {
        "conversations_started" => format!(r#"{number},entry_point="{detail}""#),
        name if name.starts_with("sessions_") => session,
        "step_confused" => format!(r#"{session},step="{step}",reason="{detail}""#),
        "step_answers" => format!(r#"{session},step="{step}",answer="{answer}""#),
        _ => format!(r#"{session},step="{step}""#),
    }
}

async fn are_measured(customers: usize, seed: u64) {
    let began = Instant::now();
    measured(&format!("seed {seed}"));
    let meta = Meta::new(customers.div_ceil(PER_ACCOUNT), seed).await;
    let bot = Bot::start(&meta);
    let mut exporter = Exporter::start(&meta, &bot);
    let goals = ["yes".to_owned()];
    let (mut started, mut kills) = (0, 0);
    for (place, number) in meta.numbers.iter().enumerate() {
        let some = PER_ACCOUNT.min(customers - started);
        let begun = meta.handle.start_customers(number, some, &goals);
        begun.expect("a number of the world");
        // In the middle of the conversations.
        for parts in [6, 2] {
            let enough = |meta: &Handle| meta.customers().finished >= started + some / parts;
            let reached = tokio::time::timeout(PATIENCE, meta.handle.until(enough)).await;
            let now = meta.handle.customers();
            let processes = (&exporter.process, &bot.process);
            assert!(reached.is_ok(), "{now:?}\n{processes:?}");
            if place % KILLED_EVERY == 0 {
                exporter.end(Signal::KILL);
                exporter.start_again();
                kills += 1;
            }
        }
        started += some;
        // Everybody leaves before the next ones come: webhooks are sent one after the other, and one that waited for
        // longer than a minute would count as late.
        exporter.settled().await;
    }
    let talked = began.elapsed();
    let lost = meta.handle.deliveries().into_iter();
    let lost = lost.filter(|delivery| delivery.state != DeliveryState::Delivered);
    assert_eq!(lost.count(), 0, "a webhook was lost");

    meta.clock.ahead.store(SILENCE, Ordering::Relaxed);
    let truth = truth(&meta);
    exporter.until_true(&truth);
    // Nothing more is counted by a process that finds everything in the store. Until it starts, the write-ahead log may
    // have copies of deliveries that the relay has deleted.
    exporter.end(Signal::TERM);
    exporter.start_again();
    exporter.until_true(&truth);
    exporter.assert_keeps_nothing_typed();
    exporter.assert_stores_nothing_typed();
    assert_covers(&truth);
    measured(&format!(
        "{customers} customers, {kills} kills, {} messages of the bot, {} POSTs, {} series, talked {talked:?}, took {:?}",
        meta.sends(),
        meta.handle.deliveries().len(),
        truth.len(),
        began.elapsed()
    ));
}

/// Every figure of the page occurs, also on a machine so slow that many customers lose patience.
fn assert_covers(truth: &BTreeMap<String, f64>) {
    for part in [
        r#"entry_point="ad""#,
        r#"entry_point="post""#,
        r#"entry_point="none""#,
        r#"variant="short""#,
        r#"variant="long""#,
        "sessions_completed",
        "sessions_abandoned",
        "step_abandoned",
        "step_reentries",
        "loops",
        r#"reason="free_text""#,
        r#"reason="unsupported""#,
        r#"reason="repeated""#,
        r#"reason="asked_again""#,
        r#"answer="date_*""#,
        r#"answer="time_*""#,
        r#"answer="yes""#,
        r#"answer="other""#,
    ] {
        let occurs = truth.keys().any(|series| series.contains(part));
        assert!(occurs, "{part} does not occur");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_customers_of_the_booking_bot_are_measured_as_they_were() {
    assert!(TYPED.iter().all(|typed| typed.contains(TYPED_WORDS[0])));
    are_measured(CUSTOMERS, fastrand::u64(..)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes many minutes"]
async fn thousands_of_customers_of_the_booking_bot_are_measured_as_they_were() {
    are_measured(4_000, fastrand::u64(..)).await;
}
