//! The database server no longer responds, but refuses and closes nothing, as when its host loses power. The replicas give
//! up after timeouts, connect to the other host of the URL, and lose nothing that was acknowledged.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::deliveries::{accounts, get_within};
use super::ledger::{Ledger, until_settled};
use super::replicas::{Cluster, DATABASE, NO_META, Replica, watching};
use super::senders::{IMPATIENT, Load};
use crate::support::measured;
use crate::support::postgres::{PASSWORD, PostgresServer};

const REPLICAS: usize = 2;
const SENDERS: usize = 2;

/// Facts before the silence, and after it.
const FACTS: usize = 100;

/// The limit of a commit (12 s), that of the connection to the silent host (5 s), and a busy machine. TCP itself gives up
/// after a quarter of an hour.
const RESUMED_WITHIN: Duration = Duration::from_secs(120);

/// Interval at which a connection checks whether it must end.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Passes connections on to a server, until it falls silent. Then it continues to read and keeps all connections open, so
/// that no socket reports an error.
struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    is_silent: AtomicBool,
    is_over: AtomicBool,
}

impl Proxy {
    fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let state = Arc::<State>::default();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if shared.is_over.load(Ordering::Relaxed) {
                    return;
                }
                // Without a server while silent: what the client sends goes nowhere.
                let is_silent = shared.is_silent.load(Ordering::Relaxed);
                let server = (!is_silent).then(|| TcpStream::connect(("127.0.0.1", server)));
                let server = server.map(|server| server.expect("the server runs"));
                let back = server.as_ref().map(|server| (copy(server), copy(&client)));
                if let Some((server, client)) = back {
                    let shared = Arc::clone(&shared);
                    std::thread::spawn(move || pass_on(server, Some(client), &shared));
                }
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || pass_on(client, server, &shared));
            }
        });
        Self { port, state }
    }

    fn fall_silent(&self) {
        self.state.is_silent.store(true, Ordering::Relaxed);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::Relaxed);
        // Wakes the listener.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn copy(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("few files are open")
}

/// Passes on the data of one side. In the silence, not even the end of a connection reaches the other side.
fn pass_on(mut from: TcpStream, mut to: Option<TcpStream>, state: &State) {
    from.set_read_timeout(Some(LOOK_EVERY)).expect("not 0");
    let mut part = [0; 65_536];
    while !state.is_over.load(Ordering::Relaxed) {
        let read = match from.read(&mut part) {
            Ok(count) => count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                continue;
            }
            Err(_) => 0,
        };
        let is_silent = state.is_silent.load(Ordering::Relaxed);
        let is_passed = match (&mut to, read) {
            (_, 0) if is_silent => {
                std::thread::sleep(LOOK_EVERY);
                true
            }
            _ if is_silent => true,
            (Some(to), 1..) => to.write_all(&part[..read]).is_ok(),
            _ => false,
        };
        if !is_passed {
            break;
        }
    }
    if let Some(to) = to {
        // The other direction may have closed it.
        drop(to.shutdown(std::net::Shutdown::Both));
    }
}

#[test]
fn replicas_leave_a_silent_server_and_lose_nothing() {
    let seed = fastrand::u64(..);
    let mut dice = fastrand::Rng::with_seed(seed);
    let server = PostgresServer::start(&["fsync=off"]);
    let (first, second) = (Proxy::to(server.port()), Proxy::to(server.port()));
    let url = format!(
        "postgres://postgres:{PASSWORD}@127.0.0.1:{},127.0.0.1:{}/{DATABASE}",
        first.port, second.port
    );
    let config = format!("{NO_META}{}", watching(&accounts()));
    let cluster = Cluster::start(REPLICAS, &url, &config);
    let mut ledger = Ledger::default();
    ledger.begin(&cluster);
    until_settled(&cluster, &server);
    let (resumed, ledger, scrapes) = Load {
        senders: SENDERS,
        next: REPLICAS - 1,
        timeout: IMPATIENT,
    }
    .during(&cluster, ledger, &mut dice, |_, sent| {
        sent.until_more(FACTS);
        first.fall_silent();
        // A last response may have passed just before.
        std::thread::sleep(2 * LOOK_EVERY);
        let silent = Instant::now();
        sent.until_more(1);
        let resumed = silent.elapsed();
        sent.until_more(FACTS);
        cluster.replicas.iter().for_each(Replica::until_ready);
        until_settled(&cluster, &server);
        resumed
    });
    assert!(resumed < RESUMED_WITHIN, "after {resumed:?}, seed {seed}");
    // Readers have left the silent host too.
    for replica in &cluster.replicas {
        let path = "/api/v1/history";
        let answer = get_within(replica.address, path, RESUMED_WITHIN).expect("an answer");
        assert_eq!(answer.status, 200, "{}: {}", answer.body, replica.log());
    }
    ledger.settle(&cluster, &server, seed);
    let findings = scrapes.check(&accounts(), seed);
    measured(&format!(
        "the first acknowledgement came {resumed:?} after the silence began; {} facts acknowledged, {} deliveries refused \
         in between; {findings:?}, seed {seed}",
        ledger.acknowledged.len(),
        ledger.refused.len(),
    ));
}

/// Longer than the documented 8 s: a busy machine may add to it. A commit waits 12 s, and a connection 5 s more.
const STOPS_WITHIN: Duration = Duration::from_secs(16);

#[test]
fn a_silent_server_does_not_delay_the_stop() {
    let server = PostgresServer::start(&["fsync=off"]);
    let proxy = Proxy::to(server.port());
    let url = format!(
        "postgres://postgres:{PASSWORD}@127.0.0.1:{}/{DATABASE}",
        proxy.port
    );
    let config = format!("{NO_META}{}", watching(&accounts()));
    let cluster = Cluster::start(1, &url, &config);
    proxy.fall_silent();
    // A heartbeat is under way, or a new connection.
    std::thread::sleep(Duration::from_secs(2));
    let began = Instant::now();
    let replica = &cluster.replicas[0];
    replica.signal(Signal::TERM);
    let (status, log) = replica.until_ended();
    let took = began.elapsed();
    assert!(status.success(), "{status}: {log}");
    assert!(took < STOPS_WITHIN, "{took:?}: {log}");
    measured(&format!(
        "a replica of a silent server stops after {took:?}"
    ));
}
