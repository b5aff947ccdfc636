//! The contents of a release: licences and sources of its dependencies, its completions and its manual.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::Value;

use crate::process::outcome;

/// The part of cargo-deny's file that can be checked without it.
#[derive(Deserialize)]
struct Deny {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
}

/// Where it is built for, as `.ci/deny.toml` has it.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn deny() -> Deny {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/deny.toml");
    let text = std::fs::read_to_string(file).expect("it is there");
    toml::from_str(&text).expect("cargo-deny's format")
}

/// Everything that is built for these targets.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--offline"])
        .args(TARGETS.map(|target| format!("--filter-platform={target}")))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo is there");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    metadata["packages"].as_array().expect("a list").clone()
}

/// Does this SPDX expression hold with these licences? `a/b` is how crates once wrote `a OR b`.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let text = expression
        .replace('/', " OR ")
        .replace("LGPL-2.1-or-later", "LGPL");
    let text = text.replace(['(', ')'], " ");
    // No dependency has an AND within an OR, so an alternative in brackets is an operand of AND.
    text.split(" AND ").all(|all| {
        all.split(" OR ").any(|one| {
            let name = one.split_whitespace().next().unwrap_or_default();
            allowed.contains(name.trim_end_matches('+'))
        })
    })
}

#[test]
fn dependencies_are_licensed_and_come_from_where_they_may() {
    let deny = deny();
    let packages = packages();
    assert!(packages.len() > 100, "cargo names them all");
    for package in &packages {
        let name = package["name"].as_str().expect("a name");
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(
            is_allowed(licence, &deny.licenses.allow),
            "{name}: {licence:?}"
        );
        let source = &package["source"];
        assert!(source.is_null() || source == REGISTRY, "{name}: {source}");
        let is_banned = deny.bans.deny.iter().any(|banned| banned.name == name);
        assert!(!is_banned, "{name} is banned in .ci/deny.toml");
    }
}

#[test]
fn expressions_are_understood() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "ISC".to_owned(), "MPL-2.0".to_owned()]);
    for good in [
        "MIT",
        "Apache-2.0/MIT",
        "(GPL-3.0 OR MIT) AND ISC",
        "MPL-2.0+",
    ] {
        assert!(is_allowed(good, &allowed), "{good}");
    }
    for bad in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(GPL-3.0 OR Apache-2.0) AND ISC",
    ] {
        assert!(!is_allowed(bad, &allowed), "{bad}");
    }
}

#[test]
fn bash_takes_the_completions_and_completes_with_them() {
    let printed = outcome(&["completions", "bash"], &[]);
    assert_eq!(printed.code, Some(0), "{}", printed.log);
    // The completion function of bash for this program.
    let script = format!(
        "{}\ncall=$(complete -p whatsapp-business-exporter | grep -o -- '-F [^ ]*')\n\
         COMP_WORDS=(whatsapp-business-exporter serve --web.l) COMP_CWORD=2\n\
         \"${{call#-F }}\" whatsapp-business-exporter --web.l serve\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        printed.out
    );
    let mut bash = Command::new("bash")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("bash is there");
    let mut input = bash.stdin.take().expect("it is piped");
    input.write_all(script.as_bytes()).expect("bash reads");
    drop(input);
    let output = bash.wait_with_output().expect("bash ends");
    let completed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(completed.trim(), "--web.listen-address");
}

#[test]
fn every_shell_and_the_manual_name_every_subcommand() {
    let help = outcome(&["--help"], &[]).out;
    let (_, rest) = help.split_once("Commands:\n").expect("they are listed");
    let lines = rest.lines().take_while(|line| !line.is_empty());
    let names: Vec<&str> = lines
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty())
        .collect();
    assert!(names.len() > 10, "{names:?}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = outcome(&["completions", shell], &[]).out;
        for name in &names {
            assert!(script.contains(name), "{shell}: {name}");
        }
    }
    let page = outcome(&["manual"], &[]).out;
    assert!(page.contains(".TH whatsapp"), "{page}");
    for name in names {
        let heading = format!(".SH \"THE SUBCOMMAND {}\"", name.to_uppercase());
        assert!(page.contains(&heading), "{heading}");
    }
}
