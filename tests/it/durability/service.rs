//! The real program with a store in a folder that outlives it, and no Meta to poll.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::deliveries::{Fact, SECRET, WABA, body_of, signature};
use crate::http::{Answer, metrics, post_text};
use crate::process::{Process, program_in};
use crate::support::scrape::Scrape;

/// A port without a listener: polls fail at once, so all data comes from webhooks.
pub const NO_META: &str = "--graph.base-url=http://127.0.0.1:9";

/// Longer than the exporter waits for a locked database.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A running exporter.
pub struct Service {
    pub process: Process,
    pub address: SocketAddr,
}

/// The variables that the program requires.
pub fn variables() -> Vec<(String, String)> {
    let pairs = [
        ("WHATSAPP_ACCESS_TOKEN", "a-token"),
        ("WHATSAPP_APP_SECRET", SECRET),
        ("WHATSAPP_WEBHOOK_VERIFY_TOKEN", "a-verify-token"),
        ("WHATSAPP_BUSINESS_ACCOUNT_IDS", WABA),
    ];
    let owned = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    owned.to_vec()
}

/// The flags of a service.
pub fn arguments(store_url: &str) -> Vec<String> {
    let store = format!("--store.url={store_url}");
    let listen = "--web.listen-address=127.0.0.1:0";
    ["serve", NO_META, listen, &store]
        .map(str::to_owned)
        .to_vec()
}

impl Service {
    /// Starts it on this folder's store.
    pub fn start(folder: &Path) -> Self {
        let arguments = arguments("sqlite:state.db");
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Self::new(program_in(folder, &arguments, &variables()))
    }

    /// Starts it in this folder, with this configuration file and these flags.
    pub fn configured(folder: &Path, file: &str, flags: &[&str]) -> Self {
        std::fs::write(folder.join("config.yml"), file).expect("a file");
        let listen = "--web.listen-address=127.0.0.1:0";
        let store = "--store.url=sqlite:state.db";
        let own = ["serve", listen, store, "--config.file=config.yml"];
        Self::new(program_in(folder, &[&own, flags].concat(), &variables()))
    }

    /// Waits until it listens.
    pub fn new(process: Process) -> Self {
        let address = process.address_after("the status page address=");
        Self { process, address }
    }

    /// Sends these facts in one delivery.
    pub fn send(&self, facts: &[Fact]) -> Result<Answer, String> {
        send(self.address, facts)
    }

    /// The metrics.
    pub fn scrape(&self) -> Scrape {
        Scrape(metrics(self.address).expect("it answers"))
    }
}

/// Sends these facts in one delivery.
pub fn send(address: SocketAddr, facts: &[Fact]) -> Result<Answer, String> {
    send_body(address, &body_of(facts))
}

/// Sends this delivery.
pub fn send_body(address: SocketAddr, body: &str) -> Result<Answer, String> {
    post_text(address, "/webhook", &signature(body), body)
}
