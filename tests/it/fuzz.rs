//! The functions of the fuzz targets on stable Rust, with the findings of fuzzing, every payload of the fixtures, and some
//! thousands of payloads that a fixed seed makes from those.

#[path = "../../fuzz/harness.rs"]
mod harness;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::measured;

/// A target, and the folders of its seeds besides its findings.
type Target = (&'static str, fn(&[u8]), &'static [&'static str]);

const TARGETS: [Target; 7] = [
    ("webhook_body", harness::webhook_body, &["webhooks"]),
    ("signature_header", harness::signature_header, &[]),
    ("graph_answer", harness::graph_answer, &["webhooks"]),
    ("config", harness::config, &[]),
    ("events", harness::events, &[]),
    ("grammar", harness::grammar, &[]),
    (STORE_SEQUENCE, harness::store_sequence, &[]),
];

const STORE_SEQUENCE: &str = "store_sequence";

/// Number of inputs made from each seed.
const MUTANTS: usize = 50;

/// The same for a target that takes tens of milliseconds for an input.
const MUTANTS_OF_SLOW: usize = 2;

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(folder)
}

fn files(folder: &Path) -> Vec<Vec<u8>> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let read = paths.iter().map(|path| fs::read(path).expect("a file"));
    read.collect()
}

fn seeds(name: &str, more: &[&str]) -> Vec<Vec<u8>> {
    let folders = more.iter().map(|folder| fixtures(folder));
    let folders = folders.chain([fixtures("fuzz").join(name)]);
    let seeds: Vec<Vec<u8>> = folders.flat_map(|folder| files(&folder)).collect();
    assert!(!seeds.is_empty(), "{name} has no seeds");
    seeds
}

/// A byte changed, a piece left out, doubled, or put in from another seed.
fn mutant(seed: &[u8], other: &[u8], dice: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..dice.usize(1..4) {
        let from = dice.usize(0..=bytes.len());
        let to = bytes.len().min(from + dice.usize(0..16));
        match dice.u8(0..4) {
            0 if from < to => bytes[from] = dice.u8(..),
            1 => drop(bytes.drain(from..to)),
            2 => {
                let piece = bytes[from..to].to_vec();
                drop(bytes.splice(from..from, piece));
            }
            _ => {
                let begin = dice.usize(0..=other.len());
                let end = other.len().min(begin + dice.usize(0..32));
                drop(bytes.splice(from..to, other[begin..end].iter().copied()));
            }
        }
    }
    bytes
}

/// Names the target of a process that runs only this one. The store reads the clock of the process, which other tests
/// set, so sequences through the store run in another process.
const ALONE: &str = "FUZZ_TARGET";

fn targets() -> impl Iterator<Item = Target> {
    let alone = std::env::var(ALONE).ok();
    TARGETS.into_iter().filter(move |(name, ..)| match &alone {
        Some(alone) => name == alone,
        None => *name != STORE_SEQUENCE,
    })
}

#[test]
fn sequences_through_the_store_hold_in_another_process() {
    if std::env::var(ALONE).is_ok() {
        return;
    }
    let this = std::env::current_exe().expect("this program");
    let mut tests = Command::new(this);
    let tests = tests.args(["fuzz::findings_and_seeds", "fuzz::inputs_made"]);
    let output = tests.env(ALONE, STORE_SEQUENCE).output().expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("2 passed"), "{said}");
}

#[test]
fn findings_and_seeds_hold() {
    for (name, target, more) in targets() {
        seeds(name, more).iter().for_each(|seed| target(seed));
    }
}

#[test]
fn inputs_made_from_seeds_hold() {
    let mut dice = fastrand::Rng::with_seed(1);
    for (name, target, more) in targets() {
        let seeds = seeds(name, more);
        let is_slow = name == STORE_SEQUENCE;
        let mutants = if is_slow { MUTANTS_OF_SLOW } else { MUTANTS };
        for seed in &seeds {
            for _ in 0..mutants {
                let other = &seeds[dice.usize(0..seeds.len())];
                target(&mutant(seed, other, &mut dice));
            }
        }
    }
}

/// Fuzzing without a nightly toolchain: each target runs for `FUZZ_SECONDS`, with another seed each time.
#[test]
#[ignore = "runs for minutes; docs/development.md has its command"]
fn what_chance_makes_holds() {
    let seconds = std::env::var("FUZZ_SECONDS").map_or(Ok(60), |text| text.parse());
    let patience = Duration::from_secs(seconds.expect("FUZZ_SECONDS is a number"));
    for (name, target, more) in TARGETS {
        let seed = fastrand::u64(..);
        let mut dice = fastrand::Rng::with_seed(seed);
        let seeds = seeds(name, more);
        let (began, mut runs) = (Instant::now(), 0_u64);
        measured(&format!("{name}: seed {seed}"));
        while began.elapsed() < patience {
            let [one, other] = [(); 2].map(|()| &seeds[dice.usize(0..seeds.len())]);
            target(&mutant(one, other, &mut dice));
            runs += 1;
        }
        measured(&format!("{name}: {runs} inputs"));
    }
}
