//! The allowed dependencies between the top-level modules, checked against the code.

use std::fs;
use std::path::{Path, PathBuf};

/// Each top-level module, with the others that it may name. The table in `src/lib.rs` describes them.
const ARROWS: &[(&str, &[&str])] = &[
    ("suggestion", &[]),
    ("yaml", &[]),
    ("alerts", &["suggestion", "yaml"]),
    ("domain", &[]),
    ("clock", &["domain"]),
    ("cluster", &["domain"]),
    ("config", &["domain", "suggestion", "yaml"]),
    ("telemetry", &["domain"]),
    ("state", &["domain"]),
    ("insight", &["domain", "experiment", "state"]),
    ("experiment", &[]),
    ("expose", &["domain", "insight", "state"]),
    (
        "store",
        &["clock", "cluster", "domain", "state", "telemetry"],
    ),
    // A poll of insights depends on the stored figures.
    (
        "ingest",
        &["clock", "domain", "state", "store", "telemetry"],
    ),
    ("deliver", &["clock", "domain"]),
    (
        "notify",
        &["clock", "deliver", "domain", "store", "telemetry"],
    ),
    ("otlp", &["clock", "deliver", "domain", "telemetry"]),
    (
        "relay",
        &["clock", "deliver", "domain", "store", "telemetry"],
    ),
    (
        "serve",
        &[
            "clock",
            "domain",
            "expose",
            "ingest",
            "insight",
            "relay",
            "state",
            "store",
            "telemetry",
        ],
    ),
    ("simulator", &[]),
    (
        "app",
        &[
            "clock",
            "config",
            "deliver",
            "domain",
            "expose",
            "ingest",
            "insight",
            "notify",
            "otlp",
            "relay",
            "serve",
            "simulator",
            "state",
            "store",
            "telemetry",
        ],
    ),
    (
        "cli",
        &["alerts", "app", "config", "simulator", "telemetry"],
    ),
];

pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a readable folder");
    let paths = entries.map(|entry| entry.expect("a readable entry").path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                rust_files(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The top-level modules that a file names after `crate::`.
fn rooms_named(text: &str) -> impl Iterator<Item = &str> {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| {
            rest.split(|character: char| !character.is_alphanumeric() && character != '_')
                .next()
                .unwrap_or_default()
        })
}

#[test]
fn every_dependency_is_allowed() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut forbidden = Vec::new();
    for file in rust_files(&src) {
        let inside = file
            .strip_prefix(&src)
            .expect("inside src")
            .to_string_lossy()
            .into_owned();
        let room = inside
            .split(['/', '.'])
            .next()
            .unwrap_or_default()
            .to_owned();
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == room) else {
            assert!(
                ["lib", "main", "build"].contains(&room.as_str()),
                "{inside} is in no module of the table"
            );
            continue;
        };
        let text = fs::read_to_string(&file).expect("a readable file");
        let named = rooms_named(&text).filter(|named| ARROWS.iter().any(|(name, _)| name == named));
        let strangers = named.filter(|named| *named != room && !allowed.contains(named));
        forbidden.extend(strangers.map(|stranger| format!("{inside} names {stranger}")));
    }
    assert_eq!(forbidden, [""; 0]);
}

/// Largest number of lines of a Rust file. A longer one is divided by topic.
const MOST_LINES: usize = 350;

#[test]
fn no_rust_file_is_long() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["src", "tests", "benches", "fuzz"].map(|folder| root.join(folder));
    let files = folders.iter().flat_map(|folder| rust_files(folder));
    // `cargo fuzz` builds in this folder.
    let sources = files.filter(|file| !file.starts_with(root.join("fuzz/target")));
    let long = sources.filter_map(|file| {
        let text = fs::read_to_string(&file).expect("a readable file");
        let lines = text.lines().count();
        (lines > MOST_LINES).then(|| format!("{} has {lines} lines", file.display()))
    });
    assert_eq!(long.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn pure_modules_use_no_clock_socket_or_file() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for room in [
        "alerts",
        "cluster",
        "domain",
        "state",
        "insight",
        "experiment",
        "expose",
    ] {
        for file in rust_files(&src.join(room)) {
            let text = fs::read_to_string(&file).expect("a readable file");
            for word in [
                "SystemTime",
                "Instant",
                "tokio::",
                "std::net",
                "std::fs",
                "std::env::",
            ] {
                assert!(!text.contains(word), "{} names {word}", file.display());
            }
        }
    }
}
