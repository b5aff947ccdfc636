//! Replicas of the exporter. Each is a process with its own folder and port, which it keeps across restarts.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Mutex;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;
use whatsapp_business_exporter::domain::Sharding;

use crate::durability::deliveries::SECRET;
use crate::http::{get, metrics};
use crate::process::{Process, program_in, until};
use crate::support::ports::unused_address;
use crate::support::scrape::Scrape;

/// To start, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The database of each test's own server.
pub const DATABASE: &str = "postgres";

/// The key of the customer hashes, the same on each replica.
const CUSTOMER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Lines of the configuration of an exporter without a Meta to poll.
pub const NO_META: &str = "graph: {base_url: 'http://127.0.0.1:9'}\n\
     poll: {numbers_interval: 1h, account_interval: 1h, templates_interval: 1h}\n";

/// The variables of an app whose deliveries the tests sign.
pub fn variables() -> Vec<(String, String)> {
    let pairs = [
        ("WHATSAPP_ACCESS_TOKEN", "a-token"),
        ("WHATSAPP_APP_SECRET", SECRET),
        ("WHATSAPP_WEBHOOK_VERIFY_TOKEN", "a-verify-token"),
    ];
    let owned = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    owned.to_vec()
}

/// Lines of the configuration that watch these accounts.
pub fn watching(accounts: &[String]) -> String {
    format!("apps:\n  - accounts: [{}]\n", accounts.join(", "))
}

/// A process of the exporter, or the place of one that was stopped.
pub struct Replica {
    pub address: SocketAddr,
    folder: PathBuf,
    store_url: String,
    variables: Vec<(String, String)>,
    process: Mutex<Option<Process>>,
}

impl Replica {
    /// Starts the process. Does not wait for it.
    pub fn start(&self) {
        let address = self.address;
        let arguments = [
            "serve".to_owned(),
            format!("--store.url={}", self.store_url),
            "--trackers.key-file=../customers.key".to_owned(),
            "--config.file=../config.yml".to_owned(),
            format!("--web.listen-address={address}"),
            format!("--webhook.listen-address={address}"),
        ];
        let arguments = arguments.each_ref().map(String::as_str);
        let process = program_in(&self.folder, &arguments, &self.variables);
        *self.process.lock().expect("no panic") = Some(process);
    }

    /// Sends a signal to the process, if it runs.
    pub fn signal(&self, signal: Signal) {
        if let Some(process) = &*self.process.lock().expect("no panic") {
            process.signal(signal);
        }
    }

    /// Kills the process.
    pub fn kill(&self) {
        self.end(Signal::KILL);
    }

    /// Stops the process as a rolling update does, and waits for its end. A process that has just started may not handle
    /// the signal yet.
    pub fn stop(&self) {
        let (status, log) = self.end(Signal::TERM);
        let is_young = !log.contains("the status page address=")
            && status.signal() == Some(Signal::TERM.as_raw());
        assert!(status.success() || is_young, "{status}: {log}");
    }

    fn end(&self, signal: Signal) -> (ExitStatus, String) {
        let mut process = self.process.lock().expect("no panic").take();
        let process = process.as_mut().expect("it runs");
        process.signal(signal);
        let status = process.ended_within(PATIENCE);
        (status, process.log())
    }

    /// Waits until the process ends by itself, and returns its status and its log.
    pub fn until_ended(&self) -> (ExitStatus, String) {
        let mut process = self.process.lock().expect("no panic").take();
        let process = process.as_mut().expect("it runs");
        (process.ended_within(PATIENCE), process.log())
    }

    /// What the process has logged since its start.
    pub fn log(&self) -> String {
        let process = self.process.lock().expect("no panic");
        process.as_ref().map(Process::log).unwrap_or_default()
    }

    /// Waits until the process accepts webhooks.
    pub fn until_ready(&self) {
        until("a ready replica", PATIENCE, || {
            match get(self.address, "/-/ready", "") {
                Ok(answer) if answer.status == 200 => Ok(()),
                other => Err(format!("{other:?}\n{}", self.log())),
            }
        });
    }
}

/// Replicas of one database.
pub struct Cluster {
    pub replicas: Vec<Replica>,
    _folder: TempDir,
}

impl Cluster {
    /// Starts so many replicas at once, and waits until all are ready and have their share of the shards.
    pub fn start(count: usize, store_url: &str, config: &str) -> Self {
        Self::start_with(count, store_url, config, &variables())
    }

    /// The same with these variables.
    pub fn start_with(
        count: usize,
        store_url: &str,
        config: &str,
        variables: &[(String, String)],
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).expect("the folder is ours");
        };
        write("config.yml", config);
        write("customers.key", CUSTOMER_KEY);
        let replica = |index: usize| {
            let own = folder.path().join(index.to_string());
            fs::create_dir(&own).expect("the folder is ours");
            Replica {
                // Its own while it is down.
                address: unused_address(),
                folder: own,
                store_url: store_url.to_owned(),
                variables: variables.to_vec(),
                process: Mutex::new(None),
            }
        };
        let cluster = Self {
            replicas: (0..count).map(replica).collect(),
            _folder: folder,
        };
        cluster.replicas.iter().for_each(Replica::start);
        cluster.replicas.iter().for_each(Replica::until_ready);
        cluster.until_balanced();
        cluster
    }

    fn until_balanced(&self) {
        let shards = f64::from(Sharding::SHARED.count());
        let share = (shards / self.replicas.len() as f64).floor();
        until("a balanced cluster", PATIENCE, || {
            let owned = self.replicas.iter().map(|replica| {
                let page = Scrape(metrics(replica.address)?);
                Ok(page.sum("whatsapp_exporter_shards", &[("state", "owned")]))
            });
            let owned = owned.collect::<Result<Vec<f64>, String>>()?;
            let is_whole = (owned.iter().sum::<f64>() - shards).abs() < 0.5;
            if is_whole && owned.iter().all(|count| *count >= share) {
                Ok(())
            } else {
                Err(format!("{owned:?}"))
            }
        });
    }

    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.replicas.iter().map(|one| one.address).collect()
    }
}
