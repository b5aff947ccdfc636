//! The committed files are what the templates and the default values render to.

use std::collections::BTreeSet;
use std::fs;

use whatsapp_business_exporter::alerts::{AlertSet, RenderedFile};

use super::path;
use crate::docs;

/// Folders of `alerts/` with files for people, of which only some are generated.
const FOLDERS: [&str; 2] = ["", "kubernetes"];

/// Files in these folders that are written by hand.
const BY_HAND: [&str; 2] = ["values.yaml", "kubernetes/kustomization.yaml"];

fn rendered() -> Vec<RenderedFile> {
    let set = AlertSet::embedded();
    let values = set.defaults().expect("valid defaults");
    set.render(&values).expect("valid templates")
}

#[test]
fn committed_files_are_as_rendered() {
    let update = std::env::var_os("UPDATE_ALERTS").is_some();
    for RenderedFile { path: name, text } in rendered() {
        if update {
            fs::write(path(&name), &text).expect("the file can be written");
        }
        let committed = fs::read_to_string(path(&name)).unwrap_or_default();
        assert!(
            committed == text,
            "alerts/{name} differs from its template; edit the template or alerts/values.yaml, then run \
             `UPDATE_ALERTS=1 cargo test --test it alerts`"
        );
    }
    if update {
        docs::generated::write("alerts/");
    }
}

#[test]
fn every_committed_file_is_rendered() {
    let rendered: BTreeSet<String> = rendered().into_iter().map(|file| file.path).collect();
    let mut found = BTreeSet::new();
    for folder in FOLDERS {
        for entry in fs::read_dir(path(folder)).expect("a readable folder") {
            let file = entry.expect("a readable entry").path();
            let extension = file.extension().and_then(|extension| extension.to_str());
            if extension.is_some_and(|extension| ["yml", "yaml"].contains(&extension)) {
                let inside = file.strip_prefix(path("")).expect("inside alerts/");
                found.insert(inside.display().to_string());
            }
        }
    }
    found.retain(|name| !BY_HAND.contains(&name.as_str()));
    assert_eq!(found, rendered);
}
