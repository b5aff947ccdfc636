//! Commands that the pages show are commands of this program, this Makefile and these tests.

use std::path::{Path, PathBuf};

use clap::Parser;
use clap::error::ErrorKind;
use whatsapp_business_exporter::cli::Cli;

use super::markdown::fences;
use super::{current, root};

const PROGRAM: &str = "whatsapp-business-exporter";

/// The lines of all shell examples, each with its page: continued lines joined, comments removed.
fn lines() -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for page in current() {
        let fences = fences(&page.text).into_iter();
        for example in fences.filter(|fence| fence.language == "sh") {
            let joined = example.body.replace("\\\n", " ");
            let commands = joined.lines().map(|line| match line.split_once(" #") {
                Some((command, _)) => command.trim(),
                None => line.trim(),
            });
            lines.extend(commands.map(|command| (page.path.clone(), command.to_owned())));
        }
    }
    lines
}

#[test]
fn commands_of_the_exporter_parse() {
    let mut parsed = 0;
    for (page, line) in lines() {
        let command = line.split(" > ").next().unwrap_or(&line);
        let words: Vec<&str> = command.split_whitespace().collect();
        if words.first() != Some(&PROGRAM) {
            continue;
        }
        parsed += 1;
        let outcome = Cli::try_parse_from(words);
        let kind = outcome.err().map(|error| (error.kind(), error.to_string()));
        let is_fine = match &kind {
            None => true,
            Some((kind, _)) => *kind == ErrorKind::DisplayVersion,
        };
        assert!(is_fine, "{page}: {line}\n{kind:?}");
    }
    assert!(parsed > 10, "only {parsed} commands");
}

#[test]
fn targets_of_make_exist() {
    let makefile = std::fs::read_to_string(root().join("Makefile")).expect("it is there");
    for (page, line) in lines() {
        let arguments = line.strip_prefix("make ").map(str::split_whitespace);
        let Some(target) = arguments.and_then(|mut words| words.next()) else {
            continue;
        };
        let rule = format!("{target}:");
        let exists = makefile.lines().any(|line| line.starts_with(&rule));
        assert!(exists, "{page}: {line}");
    }
}

#[test]
fn tests_that_commands_select_exist() {
    let mut sources = Vec::new();
    collect(&root().join("tests/it"), &mut sources);
    let mut selected = 0;
    for (page, line) in lines() {
        let Some((_, rest)) = line.split_once("cargo test ") else {
            continue;
        };
        let Some((_, filters)) = rest.split_once("--test it") else {
            continue;
        };
        let filters = filters.split_whitespace();
        for filter in filters.filter(|word| !word.starts_with("--")) {
            selected += 1;
            assert!(
                exists(&sources, filter),
                "{page}: no test is called {filter}"
            );
        }
    }
    assert!(selected > 5, "only {selected} filters");
}

/// Whether this is part of a module's path, or of a test's name.
fn exists(sources: &[(PathBuf, String)], filter: &str) -> bool {
    let module = filter.replace("::", "/");
    sources.iter().any(|(path, text)| {
        let path = path.with_extension("").display().to_string();
        let mut functions = text.split("fn ").skip(1);
        path.contains(&module)
            || functions.any(|rest| {
                let name = rest.split('(').next().unwrap_or_default();
                name.contains(filter)
            })
    })
}

fn collect(folder: &Path, sources: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).expect("a readable directory") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            collect(&path, sources);
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            let inside = path.strip_prefix(root().join("tests/it")).expect("inside");
            sources.push((inside.to_owned(), text));
        }
    }
}
