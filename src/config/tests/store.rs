//! A PostgreSQL store: what must be set with it, and that nothing shows its password.

use super::*;

const PASSWORD: &str = "hunter2hunter2";

/// A store on PostgreSQL with these keys beside the URL.
fn yaml(url: &str, keys: &str) -> String {
    format!("store: {{url: '{url}'{keys}}}\ntrackers: {{key_file: /customers.key}}")
}

fn url(password: &str) -> String {
    format!("postgres://me:{password}@db1,db2:6432/wa?sslmode=verify-full")
}

/// The warnings about the URL.
fn warnings(config: &Config) -> Vec<String> {
    let of_store = |text: &String| text.contains("store.url: ");
    let texts = config.warnings.iter().map(ToString::to_string);
    texts.filter(of_store).collect()
}

#[test]
fn the_password_of_a_url_is_not_shown() {
    let config = good(&yaml(&url(PASSWORD), ""), environment());
    let summary = config.summary().to_string();
    let shown = "store.url: postgres://me@db1:5432,db2:6432/wa?sslmode=verify-full";
    assert!(summary.lines().any(|line| line == shown), "{summary}");
    let all = format!("{summary}\n{config:?}\n{config:#?}");
    assert!(!all.contains(PASSWORD), "{all}");
    assert_eq!(warnings(&config), [""; 0]);
}

#[test]
fn a_changed_password_is_a_changed_store() {
    let [one, same, other] = [PASSWORD, PASSWORD, "other"]
        .map(|password| good(&yaml(&url(password), ""), environment()));
    assert!(one.stores_as(&same) && !one.stores_as(&other));
}

#[test]
fn a_password_in_an_argument_is_a_warning() {
    let flags = flags(&[
        ("--store.url", &url(PASSWORD)),
        ("--trackers.key-file", "/customers.key"),
    ]);
    let config = Config::load(&flags, &environment()).expect("valid");
    let warnings = warnings(&config).join("\n");
    assert!(warnings.starts_with("--store.url: "), "{warnings}");
    assert!(warnings.contains("store.password_file"), "{warnings}");
    assert!(!warnings.contains(PASSWORD), "{warnings}");
}

#[test]
fn a_password_is_given_once() {
    let environment = || environment().with_file("/password", PASSWORD);
    let keys = ", password_file: /password";
    let errors = load(&yaml(&url(PASSWORD), keys), environment()).expect_err("two passwords");
    assert_eq!(
        errors,
        "store.password_file: conflicts with the password in store.url; remove one of them"
    );
    let alone = url(PASSWORD).replace(&format!(":{PASSWORD}"), "");
    let config = good(&yaml(&alone, keys), environment());
    let all = format!("{config:?}{}", config.summary());
    assert!(!all.contains(PASSWORD) && config.store.password_file.is_some());
}

#[test]
fn the_customers_key_of_a_server_is_a_file_of_the_operator() {
    let yaml = format!("store: {{url: '{}'}}", url(PASSWORD));
    let errors = load(&yaml, environment()).expect_err("no key");
    assert!(
        errors.starts_with("trackers.key_file: is required"),
        "{errors}"
    );
    assert!(errors.contains("the same file to each replica"), "{errors}");
}

#[test]
fn a_mode_that_ignores_the_name_is_a_warning() {
    let url = "postgres://db/wa?sslmode=verify-ca&sslrootcert=/ca.pem";
    let warnings = warnings(&good(&yaml(url, ""), environment())).join("\n");
    assert!(
        warnings.starts_with("store.url: has sslmode=verify-ca"),
        "{warnings}"
    );
}

#[test]
fn an_error_of_a_url_repeats_no_password() {
    for url in [
        "postgres://me:hunter2@db/wa?sslmod=x",
        "postgres://me:hun/ter2@db/wa",
        "postgres://me:hunter2@db:x/wa",
    ] {
        let errors = load(&yaml(url, ""), environment()).expect_err(url);
        assert!(errors.starts_with("store.url: "), "{errors}");
        assert!(
            !errors.contains("hun") && !errors.contains("ter2"),
            "{errors}"
        );
    }
}
