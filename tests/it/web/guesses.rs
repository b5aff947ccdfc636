//! Hundreds of guesses of a password do not delay the right one, and do not reveal names.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use reqwest::Client;
use tokio::task::JoinSet;

use super::authority::Authority;
use super::exporter_with;
use crate::exporter::meta::Exporter;

/// Guesses under way at the same time, each followed by the next.
const MANY: usize = 400;

/// The right password is verified next, by one hash. In the order of their arrival, it would be verified after [`MANY`].
/// Measured in hashes, the limit holds on a machine of any speed.
const WITHIN_HASHES: u32 = MANY as u32 / 4;

/// Costs some 50 ms in a debug build, so that 400 of them take 20 s.
const COST: u32 = 5;

async fn guarded() -> Exporter {
    let hash = bcrypt::hash("open sesame", COST).expect("a hash");
    let ca = Authority::new();
    let users = format!("basic_auth_users:\n  alice: {hash}\n");
    exporter_with(&users, "", &ca.server(), &ca).await
}

/// A client at another address of this machine.
fn client_at(address: [u8; 4]) -> Client {
    let builder = Client::builder()
        .no_proxy()
        .local_address(IpAddr::from(address));
    builder.build().expect("a client")
}

async fn log_in(http: &Client, url: &str, name: &str, password: &str) -> Option<u16> {
    let request = http.get(url).basic_auth(name, Some(password));
    Some(request.send().await.ok()?.status().as_u16())
}

/// Guesses without end, with a name for each number.
fn guess_for_ever(url: &str, clients: &[Client], name: impl Fn(usize) -> String) -> JoinSet<()> {
    let mut guesses = JoinSet::new();
    for number in 0..MANY {
        let (http, url) = (clients[number % clients.len()].clone(), url.to_owned());
        let name = name(number);
        guesses.spawn(async move {
            for attempt in 0_u64.. {
                let status = log_in(&http, &url, &name, &format!("{number} {attempt}")).await;
                assert_ne!(status, Some(200));
            }
        });
    }
    guesses
}

/// How long a hash takes at present.
async fn time_of_a_hash() -> Duration {
    let began = Instant::now();
    let hash = tokio::task::spawn_blocking(|| bcrypt::hash("open sesame", COST));
    hash.await.expect("no panic").expect("a hash");
    began.elapsed()
}

/// The right password is accepted during these guesses.
async fn the_right_password_is_accepted_in_time(
    exporter: &Exporter,
    mut guesses: JoinSet<()>,
    http: &Client,
) {
    // All of them are under way.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let within = WITHIN_HASHES * time_of_a_hash().await;
    let url = format!("{}/-/healthy", exporter.url);
    // The first time it is verified, the second time it is remembered.
    for _ in 0..2 {
        let began = Instant::now();
        assert_eq!(log_in(http, &url, "alice", "open sesame").await, Some(200));
        let took = began.elapsed();
        assert!(took < within, "{took:?}, limit {within:?}");
    }
    guesses.abort_all();
    while let Some(ended) = guesses.join_next().await {
        // One that guessed right has panicked before.
        let error = ended.expect_err("a guess goes on until it is aborted");
        assert!(error.is_cancelled(), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_of_known_names_from_one_client_do_not_delay_another() {
    let exporter = guarded().await;
    let url = format!("{}/metrics", exporter.url);
    let guesses = guess_for_ever(&url, &[client_at([127, 0, 0, 2])], |_| "alice".to_owned());
    the_right_password_is_accepted_in_time(&exporter, guesses, &exporter.http).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_of_unknown_names_from_everywhere_delay_no_known_one() {
    let exporter = guarded().await;
    let url = format!("{}/metrics", exporter.url);
    let everywhere: Vec<_> = (2..200).map(|last| client_at([127, 0, 0, last])).collect();
    let guesses = guess_for_ever(&url, &everywhere, |number| format!("bob{number}"));
    the_right_password_is_accepted_in_time(&exporter, guesses, &exporter.http).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_from_the_address_of_the_right_one_do_not_delay_it() {
    let exporter = guarded().await;
    let url = format!("{}/metrics", exporter.url);
    let guesses = guess_for_ever(&url, std::slice::from_ref(&exporter.http), |number| {
        ["alice", "bob"][number % 2].to_owned()
    });
    let own = client_at([127, 0, 0, 1]);
    the_right_password_is_accepted_in_time(&exporter, guesses, &own).await;
}

#[tokio::test]
async fn an_unknown_name_takes_as_long_as_a_wrong_password() {
    let exporter = guarded().await;
    let url = format!("{}/metrics", exporter.url);
    let mut shortest = [Duration::MAX; 2];
    // The shortest of ten is the hash itself, without what else this machine does; on a busy machine, of some more.
    for attempt in 0..200 {
        for (shortest, name) in shortest.iter_mut().zip(["alice", "bob"]) {
            let began = Instant::now();
            let status = log_in(&exporter.http, &url, name, &attempt.to_string()).await;
            assert_eq!(status, Some(401));
            *shortest = (*shortest).min(began.elapsed());
        }
        let [known, unknown] = shortest.map(|it| it.as_secs_f64());
        if attempt >= 10 && (0.5..2.0).contains(&(known / unknown)) {
            return;
        }
    }
    panic!("{shortest:?}");
}
