//! The form of the pages: size, order, contents, and no contradiction.

use super::markdown::{anchor, headings, links};
use super::{Page, all, current};

/// Largest size of the page for newcomers.
const MAX_README_BYTES: usize = 12_288;

#[test]
fn the_readme_is_short() {
    let bytes = Page::read("README.md").text.len();
    assert!(bytes <= MAX_README_BYTES, "{bytes} bytes");
}

#[test]
fn the_readme_links_to_every_page() {
    let readme = Page::read("README.md");
    let linked = links(&readme.text);
    for page in all() {
        // GitHub shows these by itself.
        let is_own = page.path == "README.md" || page.path.starts_with(".github/");
        let is_linked = linked.contains(&page.path.as_str());
        assert!(is_own || is_linked, "README.md does not link {}", page.path);
    }
}

/// Whatever follows these is a version.
const BEFORE_VERSIONS: [&str; 6] = [
    "whatsapp-business-exporter_",
    "whatsapp-business-exporter-",
    "whatsapp-business-exporter:",
    "releases/download/v",
    "--tag v",
    "--version ",
];

#[test]
fn commands_that_install_have_this_version() {
    let mut found = 0;
    for page in current() {
        for mark in BEFORE_VERSIONS {
            let after = page.text.split(mark).skip(1);
            let is_version = |rest: &&str| rest.starts_with(|first: char| first.is_ascii_digit());
            for rest in after.filter(is_version) {
                let version = rest.split(|end: char| !end.is_ascii_digit() && end != '.');
                let version = version.take(1).collect::<String>();
                assert_eq!(version, env!("CARGO_PKG_VERSION"), "{}: {mark}", page.path);
                found += 1;
            }
        }
    }
    assert!(found > 8, "{found}");
}

#[test]
fn every_page_begins_with_its_title_and_a_sentence() {
    for page in all() {
        assert_eq!(headings(&page.text, 1).len(), 1, "{}", page.path);
        let mut lines = page.text.lines();
        let title = lines.next().unwrap_or_default();
        assert!(title.starts_with("# "), "{}: {title}", page.path);
        if page.path != "CHANGELOG.md" {
            let sentence = lines.nth(1).unwrap_or_default();
            let is_prose = sentence.starts_with(|first: char| first.is_alphanumeric());
            let is_link = sentence.starts_with('[');
            assert!(is_prose || is_link, "{}: {sentence}", page.path);
        }
    }
}

#[test]
fn contents_list_every_section_in_order() {
    let mut checked = 0;
    for page in current() {
        let head = page.text.split("\n## ").next().unwrap_or_default();
        let listed: Vec<&str> = head
            .lines()
            .filter(|line| line.starts_with("- ["))
            .flat_map(links)
            .collect();
        if listed.is_empty() {
            continue;
        }
        checked += 1;
        let sections = headings(&page.text, 2).into_iter();
        let sections: Vec<String> = sections
            .map(|title| format!("#{}", anchor(title)))
            .collect();
        assert_eq!(listed, sections, "{}", page.path);
    }
    assert!(checked > 4, "long pages have contents");
}

#[test]
fn no_page_denies_that_the_exporter_can_terminate_tls() {
    for page in current() {
        let text = page.text.to_lowercase();
        assert!(!text.contains("speaks plain http"), "{}", page.path);
    }
}
