//! The workflows of GitHub: few permissions, no expression in a script, and commands that exist here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};

use serde::Deserialize;
use serde_json::Value;

use super::{path, text};

const FOLDER: &str = ".github/workflows";

#[derive(Deserialize)]
struct Workflow {
    permissions: BTreeMap<String, String>,
    jobs: BTreeMap<String, Job>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Job {
    permissions: BTreeMap<String, String>,
    #[serde(default)]
    needs: Value,
    container: Option<String>,
    uses: Option<String>,
    timeout_minutes: Option<u32>,
    #[serde(default)]
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    uses: Option<String>,
    run: Option<String>,
    #[serde(default)]
    with: BTreeMap<String, Value>,
}

/// Each workflow with the name of its file.
fn workflows() -> BTreeMap<String, Workflow> {
    let files = std::fs::read_dir(path(FOLDER)).expect("the workflows");
    let names = files.map(|entry| entry.expect("an entry").file_name());
    names
        .map(|name| {
            let name = name.into_string().expect("UTF-8");
            let yaml = text(&format!("{FOLDER}/{name}"));
            let workflow = serde_saphyr::from_str(&yaml);
            let workflow = workflow.unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, workflow)
        })
        .collect()
}

fn steps() -> Vec<Step> {
    let jobs = workflows().into_values().flat_map(|one| one.jobs);
    jobs.flat_map(|(_, job)| job.steps).collect()
}

fn scripts() -> Vec<String> {
    steps().into_iter().filter_map(|step| step.run).collect()
}

/// The step that uses this action.
fn using(action: &str) -> Step {
    let is_it = |step: &Step| {
        step.uses
            .as_deref()
            .is_some_and(|uses| uses.starts_with(action))
    };
    let found = steps().into_iter().find(is_it);
    found.unwrap_or_else(|| panic!("no step uses {action}"))
}

#[test]
fn jobs_write_only_what_they_publish() {
    let mut writes = BTreeSet::new();
    for (file, workflow) in workflows() {
        assert!(
            workflow.permissions.is_empty(),
            "{file} gives all jobs rights"
        );
        for (name, job) in workflow.jobs {
            for (scope, access) in job.permissions {
                match access.as_str() {
                    "read" => {}
                    "write" => _ = writes.insert(format!("{file} {name} {scope}")),
                    other => panic!("{file} {name} {scope}: {other}"),
                }
            }
        }
    }
    let expected = [
        "release.yml chart packages",
        "release.yml image id-token",
        "release.yml image packages",
        "release.yml release contents",
        "release.yml release id-token",
    ];
    assert_eq!(writes, expected.map(str::to_owned).into());
}

#[test]
fn scripts_contain_no_expression_and_checkouts_keep_no_token() {
    let scripts = scripts();
    assert!(scripts.len() > 8, "{scripts:?}");
    // An expression is text that becomes part of the script before a shell reads it.
    for script in scripts {
        assert!(!script.contains("${{"), "{script}");
    }
    for step in steps() {
        if step
            .uses
            .is_some_and(|uses| uses.starts_with("actions/checkout@"))
        {
            assert_eq!(step.with["persist-credentials"], false);
        }
    }
}

#[test]
fn commands_exist() {
    let makefile = text("Makefile");
    let (mut targets, mut programs) = (BTreeSet::new(), 0);
    for script in scripts() {
        for line in script.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let ["make", target] = words[..] {
                let rule = format!("{target}:");
                assert!(
                    makefile.lines().any(|line| line.starts_with(&rule)),
                    "{line}"
                );
                targets.insert(target.to_owned());
            }
            for program in words.iter().filter(|word| word.starts_with(".ci/")) {
                assert!(path(program).is_file(), "{line}");
                programs += 1;
            }
        }
    }
    assert_eq!(
        targets,
        ["deny", "packages", "test"].map(str::to_owned).into()
    );
    assert_eq!(programs, 2);
}

#[test]
fn everything_is_built_with_the_compiler_of_the_image() {
    let dockerfile = text("Dockerfile");
    let first = dockerfile.lines().find(|line| line.starts_with("FROM "));
    let mut built = 0;
    for (file, workflow) in workflows() {
        for (name, job) in workflow.jobs {
            let own = job.steps.iter().filter_map(|step| step.run.as_deref());
            let builds = own.into_iter().any(|script| script.starts_with("make "));
            assert_eq!(builds, job.container.is_some(), "{file} {name}");
            if let Some(container) = job.container {
                built += 1;
                let end = format!(" {container} AS build");
                assert!(
                    first.is_some_and(|line| line.ends_with(&end)),
                    "{container}"
                );
            }
            // A job without a limit can run for six hours.
            assert!(
                job.timeout_minutes.is_some() || job.uses.is_some(),
                "{file} {name}"
            );
        }
    }
    assert_eq!(built, 3);
}

#[test]
fn actions_have_a_version_and_called_workflows_exist() {
    for step in steps() {
        let Some(uses) = step.uses else { continue };
        let (_, version) = uses.rsplit_once(['@', ':']).expect("a version");
        let number = version.trim_start_matches('v').replace('.', "");
        let is_hash = version.len() == 40 && version.chars().all(|one| one.is_ascii_hexdigit());
        assert!(is_hash || number.parse::<u32>().is_ok(), "{uses}");
    }
    let jobs = workflows().into_values().flat_map(|one| one.jobs);
    let called: Vec<String> = jobs.filter_map(|(_, job)| job.uses).collect();
    assert_eq!(called, ["./.github/workflows/ci.yml"]);
    assert!(path(&called[0]).is_file());
}

#[test]
fn a_release_waits_for_all_checks_and_its_image_lists_its_contents() {
    let release = workflows().remove("release.yml").expect("it is there");
    let needs = |job: &str| {
        let needs = release.jobs[job].needs.as_array().expect("a list").clone();
        needs
            .iter()
            .map(|one| one.as_str().expect("a job").to_owned())
            .collect::<BTreeSet<_>>()
    };
    let all: BTreeSet<String> = ["chart", "debian", "image", "packages", "test"]
        .map(str::to_owned)
        .into();
    assert_eq!(needs("release"), all);
    assert_eq!(needs("image"), ["debian", "test"].map(str::to_owned).into());
    let build = using("docker/build-push-action@").with;
    assert_eq!(build["platforms"], "linux/amd64,linux/arm64");
    assert_eq!(build["sbom"], true);
    assert_eq!(build["provenance"], "mode=max");
    for signed in ["cosign sign --yes", "cosign sign-blob --yes"] {
        assert!(
            scripts().iter().any(|script| script.contains(signed)),
            "{signed}"
        );
    }
}

/// The output of the script for this tag, with this changelog.
fn notes(tag: &str, changelog: &str) -> Output {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let inside = |file: &str| folder.path().join(file);
    std::fs::create_dir(inside(".ci")).expect("the folder is ours");
    let script = inside(".ci/release-notes");
    std::fs::copy(path(".ci/release-notes"), &script).expect("the script");
    let cargo = "[package]\nname = \"x\"\nversion = \"1.2.3\"\n\n[dependencies]\nversion = \"9\"\n";
    for (file, text) in [("Cargo.toml", cargo), ("CHANGELOG.md", changelog)] {
        std::fs::write(inside(file), text).expect("the folder is ours");
    }
    run(&script, tag)
}

fn run(script: &Path, argument: &str) -> Output {
    let mut bash = Command::new("bash");
    bash.arg(script)
        .arg(argument)
        .output()
        .expect("bash is there")
}

#[test]
fn notes_of_a_release_are_its_section_of_the_changelog() {
    let changelog = "# Changelog\n\n## 1.2.30 / 2026-03-01\n\n* c\n\n## 1.2.3 / 2026-02-01\n\n* a\n\
                     ### b\n\n## 1.2.2 / 2026-01-01\n\n* d\n";
    let output = notes("v1.2.3", changelog);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "\n* a\n### b\n\n");
    let unreleased = changelog.replace("1.2.3 / 2026-02-01", "1.2.3 / unreleased");
    let missing = changelog.replace("1.2.3 / 2026-02-01", "1.2.4 / 2026-02-01");
    for (tag, changelog, reason) in [
        ("v1.2.2", changelog, "the version in Cargo.toml is 1.2.3"),
        ("1.2.3", changelog, "the tag is 1.2.3"),
        ("v1.2.3", &unreleased, "needs a date"),
        ("v1.2.3", &missing, "has no section for 1.2.3"),
    ] {
        let output = notes(tag, changelog);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(reason), "{said}");
    }
}
