//! Checks the documentation against the code: every page in Markdown, its tables, names, links and examples.
//!
//! `UPDATE_DOCS=1 cargo test --test it docs` writes the generated tables.

mod commands;
mod events;
mod examples;
pub mod generated;
mod links;
pub mod markdown;
mod names;
mod pages;
mod rules;
pub mod tables;

use std::path::{Path, PathBuf};

use markdown::{Fence, fences};

/// Directories without pages of ours: build output, and what cargo and the fuzzer write.
const SKIPPED: &[&str] = &["target", "corpus", "artifacts"];

/// A page: its path in the repository, and its text.
struct Page {
    path: String,
    text: String,
}

impl Page {
    fn read(path: &str) -> Self {
        let text = std::fs::read_to_string(root().join(path));
        Self {
            path: path.to_owned(),
            text: text.unwrap_or_else(|error| panic!("{path}: {error}")),
        }
    }
}

/// The first example of a page in this language that contains this.
pub fn example(page: &str, language: &str, part: &str) -> String {
    let is_it = |fence: &Fence| fence.language == language && fence.body.contains(part);
    let found = fences(&Page::read(page).text).into_iter().find(is_it);
    found
        .unwrap_or_else(|| panic!("no {part} in {language}"))
        .body
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every page of the repository.
fn all() -> Vec<Page> {
    let mut paths = Vec::new();
    collect(&root(), &mut paths);
    assert!(paths.len() > 10, "{paths:?}");
    paths.iter().map(|path| Page::read(path)).collect()
}

/// The pages about the present version. The changelog is about older ones too.
fn current() -> Vec<Page> {
    let pages = all().into_iter();
    pages.filter(|page| page.path != "CHANGELOG.md").collect()
}

fn collect(folder: &Path, paths: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a readable directory") {
        let path = entry.expect("a readable entry").path();
        let name = path.file_name().expect("a name").to_string_lossy();
        let is_skipped = SKIPPED.contains(&name.as_ref()) || name == ".git";
        if path.is_dir() && !is_skipped {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let inside = path.strip_prefix(root()).expect("inside the repository");
            paths.push(inside.display().to_string());
        }
    }
}
