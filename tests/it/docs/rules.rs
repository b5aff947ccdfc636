//! Every page with instructions to install the rules installs every rule file.

use std::process::Command;

use super::markdown::fences;
use super::{current, root};
use crate::alerts::{rules, tools};

/// The directory that the pages install rules to.
const FOLDER: &str = "/etc/prometheus";

#[test]
fn the_instructions_of_each_page_install_all_rules() {
    let mut installed = 0;
    for page in current() {
        let fences = fences(&page.text).into_iter();
        for example in fences.filter(|fence| fence.body.contains("cp alerts/")) {
            assert_installs_every_rule(&page.path, &example.body);
            installed += 1;
        }
    }
    assert!(installed >= 2, "README.md and alerts/README.md");
}

fn assert_installs_every_rule(page: &str, script: &str) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let script = script.replace(FOLDER, &folder.path().display().to_string());
    let status = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(root())
        .stdout(std::process::Stdio::null())
        .status()
        .expect("bash is there");
    assert!(status.success(), "{page}:\n{script}");
    let folder = folder.path().join("whatsapp");
    let entries = std::fs::read_dir(&folder).expect("the script has made it");
    let names = entries.map(|entry| entry.expect("a readable entry").file_name());
    let mut installed: Vec<String> = names.filter_map(|name| name.into_string().ok()).collect();
    let mut wanted = rules::files();
    installed.sort();
    wanted.sort();
    assert_eq!(installed, wanted, "{page}");
    let paths = installed.iter().map(|name| folder.join(name));
    let paths = paths.map(|path| path.display().to_string()).collect();
    tools::promtool(&["check", "rules"], paths);
}
