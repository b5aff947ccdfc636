//! The text of errors in the configuration file, the web files and the listeners.

use super::*;

#[test]
fn a_flag_does_not_hide_an_error_in_the_file() {
    let environment = environment().with_file(FILE, "log: {levle: debug}");
    let flags = flags(&[("--log.level", "warn")]).with_config_file(Some(FILE.into()));
    assert_eq!(
        Config::load(&flags, &environment)
            .expect_err("a slip")
            .to_string(),
        "log.levle: unknown key; did you mean `level`?"
    );
}

#[test]
fn an_unusable_file_is_reported_together_with_errors_of_flags() {
    let flags = flags(&[("--log.format", "xml")]).with_config_file(Some(FILE.into()));
    let errors = |environment: &FixedEnvironment| {
        Config::load(&flags, environment)
            .expect_err("no file")
            .to_string()
    };
    assert_eq!(
        errors(&FixedEnvironment::default()),
        "--config.file: /etc/exporter/config.yml cannot be read (no such file)\n\
         --log.format: \"xml\" is not known; give text or json"
    );
    let large = FixedEnvironment::default().with_file(FILE, vec![b'#'; 1024 * 1024 + 1]);
    assert!(
        errors(&large)
            .starts_with("--config.file: /etc/exporter/config.yml is larger than 1048576 bytes\n")
    );
}

#[test]
fn syntax_errors_name_line_and_column() {
    assert_eq!(
        errors("web:\n  listen_address: [\n"),
        "--config.file: /etc/exporter/config.yml, line 2, column 19: unclosed bracket '['"
    );
    assert_eq!(
        errors("- web\n"),
        "--config.file: /etc/exporter/config.yml: the top level must hold keys, such as `web:` and \
         `apps:`"
    );
}

#[test]
fn two_listeners_cannot_share_a_port() {
    assert_eq!(
        errors("webhook: {listen_address: '127.0.0.1:10131'}"),
        "webhook.listen_address: uses the port of web.listen_address (:10131) on other interfaces, \
         so both cannot be bound; write the same address in both to share one port, or set another port"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn errors_of_web_files_name_their_setting() {
    let with_files = |yaml: &str| {
        let users =
            "basic_auth_users: {a: $2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi}";
        let asking = "tls_server_config: {cert: c, key: k, client_auth_type: RequestClientCert}";
        let environment = environment()
            .with_file("/plain.yml", "rate_limit: {interval: 1s}")
            .with_file("/users.yml", users)
            .with_file("/tls.yml", "tls_server_config: {cert: c, key: k}")
            .with_file("/asking.yml", asking)
            .with_file("/bad.yml", "tls_server_config: {min_version: TLS11}")
            .with_file("/ca.pem", "an authority");
        load(yaml, environment).expect_err(yaml).to_string()
    };
    for (yaml, expected) in [
        (
            "web: {config_file: /none.yml}",
            "web.config_file: the file it names: cannot be read (no such file)",
        ),
        (
            "web: {config_file: /bad.yml}",
            "web.config_file: tls_server_config.min_version: TLS11 is not supported",
        ),
        (
            "webhook: {listen_address: ':10131', config_file: /plain.yml}",
            "webhook.config_file: requires a separate listener",
        ),
        (
            "webhook: {listen_address: ':9', config_file: /users.yml}",
            "webhook.config_file: has basic_auth_users, but Meta cannot log in",
        ),
        (
            "webhook: {listen_address: ':9', client_ca_file: /ca.pem}",
            "webhook.client_ca_file: requires TLS in the exporter",
        ),
        (
            "webhook: {listen_address: ':9', config_file: /asking.yml, client_ca_file: /ca.pem}",
            "webhook.client_ca_file: conflicts with client_auth_type",
        ),
        (
            "webhook: {listen_address: ':9', config_file: /tls.yml, client_ca_file: /none.pem}",
            "webhook.client_ca_file: the file it names cannot be read",
        ),
        (
            "web: {proxy_protocol: true}",
            "web.proxy_protocol: requires web.trusted_proxies; list the proxy's address there",
        ),
        (
            "webhook: {proxy_protocol: true}",
            "webhook.proxy_protocol: requires web.trusted_proxies",
        ),
        (
            "web: {trusted_proxies: 10.0.0.0/8}",
            "web.trusted_proxies: takes a list, such as [10.0.0.0/8, 192.0.2.7]",
        ),
        (
            "web: {trusted_proxies: [10.0.0.0/8, proxy, {}]}",
            "web.trusted_proxies[1]: \"proxy\" is neither an address nor a network; write it like",
        ),
        (
            "web: {trusted_proxies: [0.0.0.0/0]}",
            "web.trusted_proxies[0]: would let every client choose its address",
        ),
        (
            "web: {max_connections_per_client: -1}",
            "web.max_connections_per_client: \"-1\" is not a number from 0 to 65536",
        ),
        (
            "web: {max_connections: 5}",
            "web.max_connections: \"5\" is not a number from 16 to 65536",
        ),
    ] {
        let message = with_files(yaml);
        assert!(message.contains(expected), "{yaml}\n{message}");
    }
}
