//! Commands that end by themselves: exit codes, every error at once, help.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use crate::process::outcome;

const TOKEN: &str = "EAAGmostsecrettoken0123456789";

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

fn complete() -> Vec<(String, String)> {
    variables(&[
        ("WHATSAPP_ACCESS_TOKEN", TOKEN),
        ("WHATSAPP_APP_SECRET", "0123456789abcdef0123456789abcdef"),
        ("WHATSAPP_WEBHOOK_VERIFY_TOKEN", "hidden phrase"),
        ("WHATSAPP_BUSINESS_ACCOUNT_IDS", "102290129340398"),
    ])
}

#[test]
fn a_bad_configuration_is_exit_code_one_with_every_error_at_once() {
    let bad = variables(&[
        ("WHATSAPP_ACCESS_TOKEN", TOKEN),
        ("WHATSAPP_BUSINESS_ACCOUNT_IDS", "my-account"),
    ]);
    for command in ["serve", "check-config"] {
        let outcome = outcome(&[command, "--log.level=inof"], &bad);
        assert_eq!(outcome.code, Some(1), "{command}: {}", outcome.log);
        assert_eq!(outcome.out, "", "{command}");
        let mut lines = outcome.log.lines();
        assert_eq!(
            lines.next(),
            Some("configuration is not valid, 4 errors:"),
            "{command}: {}",
            outcome.log
        );
        let places: Vec<&str> = lines.filter_map(|line| line.split(": ").next()).collect();
        assert_eq!(
            places,
            [
                "--log.level",
                "WHATSAPP_APP_SECRET",
                "WHATSAPP_BUSINESS_ACCOUNT_IDS",
                "WHATSAPP_WEBHOOK_VERIFY_TOKEN"
            ],
            "{command}"
        );
        assert!(!outcome.log.contains(TOKEN), "{}", outcome.log);
    }
}

#[test]
fn wrong_usage_is_exit_code_two() {
    for arguments in [
        ["--log.levle=info"].as_slice(),
        &["serv"],
        &["demo", "--speed=0"],
        &["simulate", "--story=sad"],
        &["simulate", "--accounts=0"],
        &["simulate", "--accounts=20001"],
        &["simulate", "--numbers=5"],
        &["simulate", "--accounts=1", "--templates=6001"],
        &["simulate", "--accounts=1", "--story=demo"],
    ] {
        let outcome = outcome(arguments, &complete());
        assert_eq!(outcome.code, Some(2), "{arguments:?}: {}", outcome.log);
        assert!(outcome.log.starts_with("error: "), "{}", outcome.log);
        assert_eq!(outcome.out, "", "{arguments:?}");
    }
}

#[test]
fn a_good_configuration_is_summed_up_without_secrets() {
    let outcome = outcome(&["check-config"], &complete());
    assert_eq!(outcome.code, Some(0), "{}", outcome.log);
    assert_eq!(outcome.log, "");
    assert!(
        outcome.out.starts_with("configuration is valid\n"),
        "{}",
        outcome.out
    );
    for (name, value) in complete() {
        let is_secret = name != "WHATSAPP_BUSINESS_ACCOUNT_IDS";
        assert_eq!(outcome.out.contains(&value), !is_secret, "{name}");
    }
}

#[test]
fn a_customer_key_that_prevents_the_start_is_an_error() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = format!("--store.url=sqlite:{}/state.db", folder.path().display());
    let fine = outcome(&["check-config", &store], &complete());
    assert_eq!(fine.code, Some(0), "{}", fine.log);
    let files = fs::read_dir(folder.path()).expect("a folder");
    assert_eq!(files.count(), 0, "no file is created");
    let key = folder.path().join("state.db.key");
    fs::write(&key, "no key").expect("the folder is ours");
    let outcome = outcome(&["check-config", &store], &complete());
    assert_eq!(outcome.code, Some(1), "{}", outcome.out);
    let words = "state.db.key has 6 characters";
    assert!(outcome.log.contains(words), "{}", outcome.log);
}

#[test]
fn a_missing_customer_key_is_an_error_with_postgresql() {
    let arguments = [
        "check-config",
        "--store.url=postgresql://user:password@db.example.com/exporter",
        "--trackers.key-file=/nowhere/customers.key",
    ];
    let outcome = outcome(&arguments, &complete());
    assert_eq!(outcome.code, Some(1), "{}", outcome.out);
    let words = "trackers.key_file: the file it names does not exist";
    assert!(outcome.log.contains(words), "{}", outcome.log);
}

#[test]
fn version_names_program_and_version() {
    let outcome = outcome(&["--version"], &[]);
    let expected = concat!("whatsapp-business-exporter ", env!("CARGO_PKG_VERSION"));
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.out.starts_with(expected), "{}", outcome.out);
    assert_eq!(outcome.out.lines().count(), 1);
}

/// Flags are an interface. A change of one is visible in the diff of this transcript.
#[test]
fn help_is_as_in_the_transcript() {
    let commands = [
        "",
        "serve ",
        "check-config ",
        "demo ",
        "simulate ",
        "alerts ",
    ];
    let transcript = commands.map(|command| {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let outcome = outcome(&arguments, &[]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.log);
        let without_trailing: Vec<&str> = outcome.out.lines().map(str::trim_end).collect();
        format!(
            "$ whatsapp-business-exporter {command}--help\n{}\n",
            without_trailing.join("\n")
        )
    });
    assert_as_in_file("command_line/help.txt", &transcript.join("\n"));
}

/// Compares with a file of `tests/fixtures`. A different output is written next to it, to be compared and copied.
fn assert_as_in_file(name: &str, actual: &str) {
    let expected = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name);
    if fs::read_to_string(&expected).is_ok_and(|text| text == actual) {
        return;
    }
    let found = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name.replace('/', "-"));
    fs::write(&found, actual).expect("cargo has made the folder");
    let (found, expected) = (found.display(), expected.display());
    panic!("the text has changed: diff {expected} {found}\nif it is meant: cp {found} {expected}");
}

#[test]
fn a_port_in_use_is_exit_code_one_and_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let web = format!("--web.listen-address={address}");
    let simulate = format!("--listen-address={address}");
    for arguments in [["serve", &web], ["demo", &web], ["simulate", &simulate]] {
        let outcome = outcome(&arguments, &complete());
        assert_eq!(outcome.code, Some(1), "{arguments:?}: {}", outcome.log);
        let complaint = format!("error: cannot listen on {address}: ");
        assert!(
            outcome.log.lines().any(|line| line.starts_with(&complaint)),
            "{arguments:?}: {}",
            outcome.log
        );
    }
}
