//! The two servers of a comparison, each as a process of its own on one core.

use std::hint::black_box;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
use prometheus::IntCounter;
use sha2::Sha256;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::deliveries::{SECRET, SIGNATURE, WABA_ID};

/// The core of the servers. The senders have another one.
const SERVER_CORE: &str = "0";

/// Argument with which the bench serves the baseline instead.
pub const SERVE_BASELINE: &str = "serve-baseline";

const ANY_PORT: &str = "127.0.0.1:0";

/// A key for hashing customers.
const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Linux has had this value on all processors for decades (`getconf CLK_TCK`).
const TICKS_PER_SECOND: u64 = 100;

/// Precedes the address in the baseline's output, and in the exporter's log.
const BASELINE_ADDRESS: &str = "baseline address=";
const EXPORTER_ADDRESS: &str = "status page address=";

/// A server that ends when this is dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    _folder: Option<TempDir>,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended before, which is no error.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Minimal ingestion: HMAC, a `serde_json::Value`, one counter.
    pub fn baseline() -> Self {
        let this = std::env::current_exe().expect("a running program");
        let mut command = on_one_core(&this);
        command.arg(SERVE_BASELINE).stdout(Stdio::piped());
        let mut child = command.spawn().expect("taskset, of util-linux");
        let output = child.stdout.take().expect("it is piped");
        Self {
            address: address_in(BufReader::new(output), BASELINE_ADDRESS),
            child,
            _folder: None,
        }
    }

    /// The exporter with a new store on disk, or on this empty PostgreSQL database. It reads messages, and polls `graph`.
    pub fn exporter(graph: SocketAddr, postgres: Option<&str>) -> Self {
        let program = env!("CARGO_BIN_EXE_whatsapp-business-exporter");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = on_one_core(Path::new(program));
        command
            .args(["serve", "--web.listen-address", ANY_PORT])
            .args(["--webhook.listen-address", ANY_PORT])
            .env_clear()
            .env("WHATSAPP_ACCESS_TOKEN", "token")
            .env("WHATSAPP_APP_SECRET", SECRET)
            .env("WHATSAPP_WEBHOOK_VERIFY_TOKEN", "verify-token")
            .env("WHATSAPP_BUSINESS_ACCOUNT_IDS", WABA_ID)
            .env(
                "WHATSAPP_EXPORTER_GRAPH_BASE_URL",
                format!("http://{graph}"),
            )
            .current_dir(folder.path())
            .stderr(Stdio::piped());
        if let Some(url) = postgres {
            std::fs::write(folder.path().join("key"), KEY).expect("a file");
            command.args(["--store.url", url, "--trackers.key-file", "key"]);
        }
        let mut child = command.spawn().expect("taskset, of util-linux");
        let log = child.stderr.take().expect("it is piped");
        Self {
            address: address_in(BufReader::new(log), EXPORTER_ADDRESS),
            child,
            _folder: Some(folder),
        }
    }
}

impl Server {
    /// Processor time of the process so far.
    pub fn processor_time(&self) -> Duration {
        let stat = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(stat).expect("a running process");
        // User and system time are the 14th and 15th field (proc(5)). They are searched after the name, which can
        // contain any character.
        let (_, fields) = stat.rsplit_once(") ").expect("a name");
        let ticks = fields.split(' ').skip(11).take(2);
        let ticks: u64 = ticks
            .map(|ticks| ticks.parse::<u64>().expect("a number"))
            .sum();
        Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
    }
}

fn on_one_core(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", SERVER_CORE]).arg(program);
    command
}

/// The address after these words. The rest of the output is read and dropped, so that the pipe does not fill up.
fn address_in(output: impl BufRead + Send + 'static, before: &str) -> SocketAddr {
    let mut lines = output.lines().map_while(Result::ok);
    let address = lines.find_map(|line| {
        let (_, rest) = line.split_once(before)?;
        rest.split(' ').next()?.parse().ok()
    });
    std::thread::spawn(move || lines.for_each(drop));
    address.expect("the server says where it listens")
}

/// Serves the baseline until the process is killed.
pub async fn serve_baseline() {
    let listener = TcpListener::bind(ANY_PORT).await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    say(&format!("{BASELINE_ADDRESS}{address}"));
    let served = axum::serve(listener, baseline()).await;
    served.expect("a listener that works");
}

/// Prints a line.
#[expect(clippy::print_stdout, reason = "the results of a bench")]
pub fn say(line: &str) {
    println!("{line}");
}

fn baseline() -> Router {
    let counter = IntCounter::new("deliveries_total", "Deliveries.").expect("valid");
    let keyed = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key");
    let handler = move |headers: HeaderMap, body: Bytes| async move {
        let mut mac = keyed;
        mac.update(&body);
        let header = headers[SIGNATURE].to_str().unwrap_or_default();
        let signature = hex::decode(header.trim_start_matches("sha256=")).unwrap_or_default();
        if mac.verify_slice(&signature).is_err() {
            return StatusCode::UNAUTHORIZED;
        }
        match serde_json::from_slice::<serde_json::Value>(&body) {
            Ok(value) => {
                black_box(value);
                counter.inc();
                StatusCode::OK
            }
            Err(_) => StatusCode::BAD_REQUEST,
        }
    };
    Router::new().route("/webhook", post(handler))
}
