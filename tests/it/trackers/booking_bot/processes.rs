//! The bot and the exporter as processes.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use rustix::process::Signal;
use tempfile::TempDir;

use super::meta::Meta;
use super::truth::{differences, shown};
use super::{PATIENCE, example};
use crate::http::metrics;
use crate::process::{Process, SOON, program_in, until};
use crate::support::ports::unused_address;
use crate::trackers::durable::holds;

/// A word in every unprompted text of customers, and the first text of each.
pub(super) const TYPED_WORDS: [&str; 2] = ["rhubarb", "book a table"];

const MAX_LINES: usize = 50;

/// The bot of the page.
pub(super) struct Bot {
    pub(super) process: Process,
    port: u16,
    _folder: TempDir,
}

impl Bot {
    pub(super) fn start(meta: &Meta) -> Self {
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
        let address = unused_address();
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
pub(super) struct Exporter<'a> {
    pub(super) meta: &'a Meta,
    folder: TempDir,
    pub(super) process: Process,
    address: SocketAddr,
    /// What earlier processes logged.
    logs: String,
}

impl<'a> Exporter<'a> {
    pub(super) fn start(meta: &'a Meta, bot: &Bot) -> Self {
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

    pub(super) fn process(meta: &Meta, folder: &Path) -> (Process, SocketAddr) {
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

    pub(super) fn end(&mut self, signal: Signal) {
        self.process.signal(signal);
        self.process.ended_within(SOON);
        self.logs += &self.process.log();
    }

    pub(super) fn start_again(&mut self) {
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

    /// Waits until all customers have left, the bot has nothing to send, and all webhooks are relayed.
    pub(super) async fn settled(&self) {
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
    pub(super) fn until_true(&self, truth: &BTreeMap<String, f64>) {
        until("the figures of the truth", SOON, || {
            let differences = differences(truth, &self.metrics());
            if differences.is_empty() {
                Ok(())
            } else {
                Err(format!("{differences:#?}\n{:?}", self.process))
            }
        });
    }

    pub(super) fn assert_keeps_nothing_typed(&self) {
        let shown = self.metrics() + &self.logs + &self.process.log();
        for typed in TYPED_WORDS {
            assert!(!shown.contains(typed), "{typed:?} is shown or logged");
        }
    }

    pub(super) fn assert_stores_nothing_typed(&self) {
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
