//! A scraper of all replicas that is stricter than Prometheus: it keeps every value with the time of the scrape.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::deliveries::get_within;

/// A scrape that takes longer is dropped, as Prometheus does.
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(1);

/// Pause between two scrapes of a replica.
const EVERY: Duration = Duration::from_millis(200);

/// Two replicas that take turns so often within [`BOTH_WITHIN`] export an account at once.
const TURNS: usize = 4;
const BOTH_WITHIN: Duration = Duration::from_millis(1_500);

/// One complete scrape.
struct Read {
    began: Instant,
    ended: Instant,
    replica: usize,
    /// Counters about messages and statuses of accounts.
    counters: BTreeMap<String, f64>,
}

/// All scrapes so far.
#[derive(Default)]
pub struct Scrapes(Mutex<Vec<Read>>);

/// Results of the scrapes.
#[derive(Debug, Default)]
pub struct Findings {
    pub scrapes: usize,
    /// Longest time in which no scrape had an account.
    pub longest_gap: Duration,
    /// Pairs of scrapes of different replicas at overlapping times that have the same account.
    pub overlaps: usize,
}

impl Scrapes {
    /// Scrapes a replica until `is_over`.
    pub fn follow(&self, replica: usize, address: SocketAddr, is_over: &AtomicBool) {
        while !is_over.load(Ordering::Relaxed) {
            let began = Instant::now();
            if let Ok(answer) = get_within(address, "/metrics", SCRAPE_TIMEOUT)
                && answer.status == 200
            {
                let ended = Instant::now();
                let counters = answer.body.lines().filter_map(counter).collect();
                self.0.lock().expect("no panic").push(Read {
                    began,
                    ended,
                    replica,
                    counters,
                });
            }
            std::thread::sleep(EVERY);
        }
    }

    /// Checks that no counter went down, and that no two replicas export an account at once.
    pub fn check(&self, accounts: &[String], seed: u64) -> Findings {
        let mut reads = self.0.lock().expect("no panic");
        reads.sort_by_key(|read| read.began);
        assert_never_down(&reads, seed);
        let mut findings = Findings {
            scrapes: reads.len(),
            ..Findings::default()
        };
        for account in accounts {
            findings.add(&about(&reads, account), account, seed);
        }
        findings
    }
}

/// Asserts that no counter is less than in a scrape that had ended before. Of two scrapes at the same time, either may be
/// rendered first.
fn assert_never_down(by_begin: &[Read], seed: u64) {
    let mut by_end: Vec<&Read> = by_begin.iter().collect();
    by_end.sort_by_key(|read| read.ended);
    let mut ended = by_end.into_iter().peekable();
    let mut most: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
    for read in by_begin {
        while let Some(before) = ended.next_if(|before| before.ended <= read.began) {
            for (series, value) in &before.counters {
                let known = most.entry(series).or_insert((*value, before.replica));
                if *value > known.0 {
                    *known = (*value, before.replica);
                }
            }
        }
        for (series, value) in &read.counters {
            if let Some((before, replica)) = most.get(series.as_str()) {
                assert!(
                    before <= value,
                    "{series} went from {before} of replica {replica} to {value} of replica {}, seed {seed}",
                    read.replica
                );
            }
        }
    }
}

impl Findings {
    /// Adds the scrapes that have an account.
    fn add(&mut self, reads: &[&Read], account: &str, seed: u64) {
        for (index, read) in reads.iter().enumerate() {
            if let Some(next) = reads.get(index + 1) {
                let gap = next.began.duration_since(read.began);
                self.longest_gap = self.longest_gap.max(gap);
            }
            let later = &reads[index + 1..];
            let during = later.iter().take_while(|next| next.began < read.ended);
            self.overlaps += during.filter(|next| next.replica != read.replica).count();
            let soon = later
                .iter()
                .take_while(|next| next.began < read.began + BOTH_WITHIN);
            let mut turns: Vec<usize> = soon.map(|next| next.replica).collect();
            turns.dedup();
            assert!(
                turns.len() <= TURNS,
                "replicas {turns:?} exported {account} in turns, seed {seed}"
            );
        }
    }
}

fn about<'a>(reads: &'a [Read], account: &str) -> Vec<&'a Read> {
    let label = format!("waba_id=\"{account}\"");
    let has = |read: &&Read| read.counters.keys().any(|series| series.contains(&label));
    reads.iter().filter(has).collect()
}

/// A counter about Meta's data, from a line of the page.
fn counter(line: &str) -> Option<(String, f64)> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = series.split_once('{')?;
    let is_counter = name.ends_with("_total") && !name.starts_with("whatsapp_exporter_");
    let is_counter = is_counter && labels.contains("waba_id=");
    Some((series.to_owned(), value.parse().ok()?)).filter(|_| is_counter)
}
