//! The program itself with a PostgreSQL store.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::http::until_metric;
use crate::process::{outcome, program};
use crate::support::ports::unused_address;
use crate::support::postgres::{PASSWORD, shared};

pub(super) fn environment(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let always = [
        ("WHATSAPP_ACCESS_TOKEN", "EAAGtoken"),
        ("WHATSAPP_APP_SECRET", "0123456789abcdef0123456789abcdef"),
        ("WHATSAPP_WEBHOOK_VERIFY_TOKEN", "phrase"),
        ("WHATSAPP_BUSINESS_ACCOUNT_IDS", "102290129340398"),
    ];
    let all = always.iter().chain(more);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// The output and the log of `doctor` with a store whose URL has no password.
fn examined(store: &str, more: &[(&str, &str)]) -> String {
    let no_graph = format!("--graph.base-url=http://{}/", unused_address());
    let store = format!("--store.url={store}");
    let arguments = [
        "doctor",
        &no_graph,
        &store,
        "--trackers.key-file=customers.key",
    ];
    let done = outcome(&arguments, &environment(more));
    format!("{}\n{}", done.out, done.log)
}

#[test]
fn the_password_can_be_in_the_environment_or_the_file_that_it_names() {
    let store = shared().new_database().replace(&format!(":{PASSWORD}"), "");
    let refused = examined(&store, &[("PGPASSWORD", "wrong-hunter2")]);
    assert!(
        refused.contains("password authentication failed"),
        "{refused}"
    );
    assert!(!refused.contains("hunter2"), "{refused}");
    let accepted = format!("at 127.0.0.1:{} accepts writes", shared().port());
    let text = examined(&store, &[("PGPASSWORD", PASSWORD)]);
    assert!(
        text.contains(&accepted) && !text.contains(PASSWORD),
        "{text}"
    );
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("pgpass");
    // The first line has too few fields.
    let lines = format!("a-line-with-hunter2\n127.0.0.1:*:*:postgres:{PASSWORD}\n");
    fs::write(&file, lines).expect("room");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("ours");
    let text = examined(&store, &[("PGPASSFILE", &file.display().to_string())]);
    assert!(text.contains(&accepted), "{text}");
    assert!(
        !text.contains("hunter2") && !text.contains(PASSWORD),
        "{text}"
    );
}

#[test]
fn a_replica_shows_its_shards_and_its_connections() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let key = folder.path().join("customers.key");
    fs::write(
        &key,
        (1..=32)
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>(),
    )
    .expect("room");
    let arguments = [
        "serve",
        &format!("--graph.base-url=http://{}/", unused_address()),
        &format!("--store.url={}", shared().new_database()),
        &format!("--trackers.key-file={}", key.display()),
        "--web.listen-address=127.0.0.1:0",
        "--webhook.listen-address=127.0.0.1:0",
    ];
    let replica = program(&arguments, &environment(&[]));
    let address = replica.address_after("the status page address=");
    for series in [
        "whatsapp_exporter_replicas 1",
        "whatsapp_exporter_shards{state=\"owned\"} 64",
        "whatsapp_exporter_shards{state=\"unowned\"} 0",
        "whatsapp_exporter_store_connections{state=\"busy\"} 0",
        "whatsapp_exporter_config_hash_info{hash=",
    ] {
        until_metric(address, series);
    }
}

#[test]
fn a_backup_is_left_to_the_tools_of_postgresql() {
    let store = format!("--store.url={}", shared().new_database());
    let done = outcome(&["backup", &store, "--output=copy.db"], &[]);
    assert!(
        done.log.contains("pg_dump") && !done.log.contains(PASSWORD),
        "{}",
        done.log
    );
    assert_eq!(done.code, Some(1));
}
