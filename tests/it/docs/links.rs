//! The targets of links, anchors and images of every page exist, also in the release archive.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::{Page, all, markdown, root};

/// The address of the repository's files, for text that leaves the repository.
const FILES: &str =
    "https://github.com/whatsapp-business-exporter/whatsapp-business-exporter/blob/main/";

/// The path of a link's target in the repository, and its anchor. `None` for another site.
fn target(page: &str, link: &str) -> Option<(PathBuf, String)> {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let path = if let Some(path) = path.strip_prefix(FILES) {
        PathBuf::from(path)
    } else if path.starts_with("https://") {
        return None;
    } else if path.is_empty() {
        PathBuf::from(page)
    } else {
        resolved(&Path::new(page).with_file_name(path))
    };
    Some((path, anchor.to_owned()))
}

/// The path without `..`.
fn resolved(path: &Path) -> PathBuf {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                let parent = parts.pop();
                assert!(parent.is_some(), "{} leaves the repository", path.display());
            }
            part => parts.push(part),
        }
    }
    parts.into_iter().collect()
}

fn complaint(page: &Page, link: &str) -> Option<String> {
    let (path, anchor) = target(&page.path, link)?;
    let there = root().join(&path);
    let leads = there.exists() && (anchor.is_empty() || has_anchor(&there, &anchor));
    (!leads).then(|| format!("{}: {link}", page.path))
}

fn has_anchor(page: &Path, anchor: &str) -> bool {
    let text = std::fs::read_to_string(page).expect("a page");
    markdown::anchors(&text).iter().any(|found| found == anchor)
}

#[test]
fn links_and_anchors_lead_somewhere() {
    let pages = all();
    let complaints: Vec<String> = pages
        .iter()
        .flat_map(|page| {
            let links = markdown::links(&page.text).into_iter();
            links.filter_map(|link| complaint(page, link))
        })
        .collect();
    assert_eq!(complaints, [""; 0]);
}

#[test]
fn a_wrong_link_is_found() {
    let page = Page {
        path: "docs/page.md".to_owned(),
        text: "# Page\n".to_owned(),
    };
    for good in [
        "metrics.md",
        "../README.md#try-it",
        "https://example.com/any",
    ] {
        assert_eq!(complaint(&page, good), None);
    }
    let blob = format!("{FILES}alerts/none.md");
    for bad in ["README.md", "metrics.md#none", "#none", &blob] {
        assert!(complaint(&page, bad).is_some(), "{bad}");
    }
}

#[test]
fn the_archive_contains_the_targets_of_its_links() {
    let makefile = std::fs::read_to_string(root().join("Makefile")).expect("it is there");
    let copy = makefile
        .lines()
        .find(|line| line.trim_start().starts_with("cp -R "))
        .expect("`make dist` copies the documentation");
    let copied: BTreeSet<&str> = copy.split_whitespace().collect();
    let pages = all();
    let in_archive = pages.iter().filter(|page| copied.contains(top(&page.path)));
    let mut read = 0;
    for page in in_archive {
        read += 1;
        for link in markdown::links(&page.text) {
            let Some((path, _)) = target(&page.path, link) else {
                continue;
            };
            let path = path.display().to_string();
            let is_copied = copied.contains(top(&path));
            assert!(is_copied, "{}: {link} is not in the archive", page.path);
        }
    }
    assert!(read > 10, "{copy} has no pages");
}

/// The first part of a path.
fn top(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}
