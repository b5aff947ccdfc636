//! Proxy and certificate variables: the exporter's own listener is reached directly, the Graph API through the
//! proxy, and a proxy that the client would ignore is an error.

mod proxy;

use std::net::SocketAddr;
use std::sync::Arc;

use proxy::Proxy;
use rustix::process::Signal;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::durability::service::{NO_META, Service, variables};
use crate::http::until_metric;
use crate::process::{
    Outcome, Process, SOON, exported_by, outcome, program, program_in, quiet_meta, until,
};
use crate::support::pair::Pair;
use crate::web::authority::Authority;

/// The proxy variables.
const NAMES: [&str; 6] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
];

fn with(more: Vec<(String, String)>) -> Vec<(String, String)> {
    [variables(), more].concat()
}

/// Addresses that reach the same listener, but are not recognized as loopback.
fn unusual(address: SocketAddr) -> [String; 2] {
    let port = address.port();
    [
        format!("[::ffff:127.0.0.1]:{port}"),
        format!("0.0.0.0:{port}"),
    ]
}

#[test]
fn our_own_listener_is_never_reached_through_a_proxy() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let service = Service::start(folder.path());
    let proxy = Proxy::start(None);
    for address in unusual(service.address) {
        let listen = format!("--web.listen-address={address}");
        for more in [[].as_slice(), &["--ready"]] {
            let outcome = outcome(
                &[&["healthcheck", &listen], more].concat(),
                &proxy.variables(),
            );
            assert_eq!(outcome.code, Some(0), "{address}: {}", outcome.log);
        }
        let url = format!("--url=http://{address}/webhook");
        let public = format!("--webhook.listen-address={address}");
        for place in [public, url] {
            let arguments = ["drill", NO_META, "--end", &place];
            let outcome = outcome(&arguments, &with(proxy.variables()));
            assert_eq!(outcome.code, Some(0), "{place}: {}", outcome.log);
        }
    }
    assert_eq!(proxy.asked(), [""; 0]);
}

#[test]
fn doctor_reaches_the_running_exporter_without_a_proxy() {
    let mut pair = Pair::start();
    let proxy = Proxy::start(None);
    pair.variables.extend(proxy.variables());
    let [address, _] = unusual(pair.exporter);
    let listen = format!("--web.listen-address={address}");
    let base_url = format!("--graph.base-url=http://{}", pair.graph);
    let callback = format!(
        "--webhook.callback-url=http://127.0.0.1:{}/webhook",
        pair.exporter.port()
    );
    let outcome = outcome(&["doctor", &base_url, &listen, &callback], &pair.variables);
    for found in [
        "fine     exporter: running",
        "fine     self_test (",
        "fine     self_test: the exporter on this machine counted",
    ] {
        assert!(outcome.out.contains(found), "{}", outcome.out);
    }
    assert_eq!(proxy.asked(), [""; 0]);
}

/// In a network with an egress proxy, the public address is reached through it, unless a direct connection
/// works.
#[test]
fn doctor_uses_the_proxy_for_a_public_address_without_direct_access() {
    let mut pair = Pair::start();
    let proxy = Proxy::start(None);
    pair.variables.extend(proxy.variables());
    // No process listens on this port.
    let callback = "--webhook.callback-url=https://[::ffff:127.0.0.1]:9/webhook";
    let listen = format!("--web.listen-address={}", pair.exporter);
    let base_url = format!("--graph.base-url=http://{}", pair.graph);
    let outcome = outcome(&["doctor", &base_url, &listen, callback], &pair.variables);
    assert!(
        outcome.out.contains("problem  handshake"),
        "{}",
        outcome.out
    );
    let asked = proxy.asked();
    let is_tunnel = |line: &String| line == "CONNECT [::ffff:7f00:1]:9 HTTP/1.1";
    assert!(
        !asked.is_empty() && asked.iter().all(is_tunnel),
        "{asked:?}"
    );
}

/// Starts a TLS server with this name that forwards to `target`.
async fn tls_front(name: &str, ca: &Authority, target: SocketAddr) -> SocketAddr {
    let server = ca.server_of(&[name]);
    let certificate = CertificateDer::from_pem_slice(server.certificate.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(server.key.as_bytes());
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.expect("PEM")], key.expect("PEM"))
        .expect("a pair");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A failed handshake of a client that does not trust the CA is expected.
                let mut client = acceptor.accept(stream).await?;
                let mut server = tokio::net::TcpStream::connect(target).await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn the_graph_api_is_reached_through_the_proxy_with_ssl_cert_file_or_dir() {
    let (meta, graph) = quiet_meta(&[]);
    let ca = Authority::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| -> String {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a writable folder");
        std::fs::write(&path, text).expect("a writable file");
        path.to_str().expect("text").to_owned()
    };
    let ours = write("ca.pem", &ca.certificate);
    let others = write("other.pem", &Authority::new().certificate);
    write("certs/ca.crt", &ca.certificate);
    let certs = folder.path().join("certs");
    let certs = certs.to_str().expect("text");
    let proxy = Proxy::start(Some(tls_front("graph.example", &ca, graph).await));
    let start = |name: &str, trust: &str, path: &str| -> Process {
        let mut variables = exported_by(&meta);
        let url = format!("http://me:hidden@{}", proxy.address);
        variables.push((name.to_owned(), url));
        variables.push((trust.to_owned(), path.to_owned()));
        let base_url = "--graph.base-url=https://graph.example";
        program(&[base_url, "--web.listen-address=127.0.0.1:0"], &variables)
    };
    for (name, trust, path) in [
        ("HTTPS_PROXY", "SSL_CERT_FILE", ours.as_str()),
        ("https_proxy", "SSL_CERT_DIR", certs),
        ("ALL_PROXY", "SSL_CERT_FILE", &ours),
        ("all_proxy", "SSL_CERT_FILE", &ours),
    ] {
        let exporter = start(name, trust, path);
        let address = exporter.address_after("the status page address=");
        until_metric(address, "whatsapp_phone_number_info{");
        assert!(!exporter.log().contains("hidden"), "{}", exporter.log());
    }
    start("HTTPS_PROXY", "SSL_CERT_FILE", &others).until_logged("poll failed");
    let asked = proxy.asked();
    // An exporter that was stopped while it connected has sent no request.
    let is_tunnel = |line: &String| line.is_empty() || line == "CONNECT graph.example:443 HTTP/1.1";
    assert!(
        !asked.is_empty() && asked.iter().all(is_tunnel),
        "{asked:?}"
    );
}

fn check(more: &[(&str, &str)]) -> Outcome {
    let more = more
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut all = with(more.collect());
    all.retain(|(name, _)| name != "WHATSAPP_APP_SECRET");
    all.push((
        "WHATSAPP_APP_SECRET".to_owned(),
        "0123456789abcdef0123456789abcdef".to_owned(),
    ));
    outcome(&["check-config"], &all)
}

#[test]
fn an_unsupported_proxy_is_an_error_in_serve_check_config_and_doctor() {
    for name in NAMES {
        for scheme in ["socks4", "socks5", "socks5h", "ftp", "htp"] {
            let url = format!("{scheme}://me:hidden@127.0.0.1:9");
            let more = vec![(name.to_owned(), url)];
            let commands: &[&str] = if scheme == "socks5" {
                &["check-config", "serve", "doctor"]
            } else {
                &["check-config"]
            };
            for command in commands {
                let outcome = outcome(&[command, NO_META], &with(more.clone()));
                assert_eq!(outcome.code, Some(1), "{command} {name}");
                let output = format!("{}{}", outcome.out, outcome.log);
                let expected =
                    format!("{name}: uses the proxy scheme {scheme}, which is not supported");
                assert!(output.contains(&expected), "{output}");
                assert!(!output.contains("hidden"), "{output}");
            }
        }
    }
}

#[test]
fn blank_and_unused_proxy_variables_are_accepted() {
    for name in NAMES {
        let blank = check(&[(name, " ")]);
        assert_eq!((blank.code, blank.log.as_str()), (Some(0), ""), "{name}");
    }
    let (socks, http) = ("socks5://127.0.0.1:9", "http://127.0.0.1:9");
    let unused = check(&[
        ("ALL_PROXY", socks),
        ("HTTPS_PROXY", http),
        ("http_proxy", http),
    ]);
    assert_eq!(unused.code, Some(0), "{}", unused.log);
    let shadowed = check(&[("HTTPS_PROXY", http), ("https_proxy", socks)]);
    assert_eq!(shadowed.code, Some(0), "{}", shadowed.log);
    let hidden = check(&[("HTTPS_PROXY", ""), ("https_proxy", http)]);
    assert_eq!(hidden.code, Some(0));
    assert_eq!(
        hidden.log,
        "warning: HTTPS_PROXY: is set but blank, so https_proxy is ignored; unset HTTPS_PROXY"
    );
}

#[test]
fn no_proxy_is_honoured() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let proxy = Proxy::start(None);
    // No process listens on this port, so only calls through the proxy are recorded.
    let start = |more: &[(&str, &str)]| {
        let more = more
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let all: Vec<_> = proxy.variables().into_iter().chain(more).collect();
        let arguments = [
            "serve",
            "--graph.base-url=https://[::ffff:127.0.0.1]:9",
            "--web.listen-address=127.0.0.1:0",
        ];
        program_in(folder.path(), &arguments, &with(all))
    };
    for name in ["NO_PROXY", "no_proxy"] {
        let exporter = start(&[(name, "example.com, ::ffff:127.0.0.0/104")]);
        exporter.until_logged("poll failed");
        assert_eq!(proxy.asked(), [""; 0], "{name}");
    }
    let _exporter = start(&[]);
    until("the proxy to be asked", SOON, || {
        let asked = proxy.asked();
        if asked.is_empty() {
            Err("nothing asked".to_owned())
        } else {
            Ok(())
        }
    });
}

#[test]
fn an_unusual_app_secret_is_a_warning_of_check_config_and_in_the_log() {
    let mut given = variables();
    given.retain(|(name, _)| name != "WHATSAPP_APP_SECRET");
    given.push((
        "WHATSAPP_APP_SECRET".to_owned(),
        "hidden-and-short".to_owned(),
    ));
    let checked = outcome(&["check-config"], &given);
    assert_eq!(checked.code, Some(0), "{}", checked.log);
    assert!(
        checked.out.starts_with("configuration is valid\n"),
        "{}",
        checked.out
    );
    let message = "is not 32 hexadecimal digits, as Meta's app secrets are";
    assert!(
        checked
            .log
            .starts_with(&format!("warning: WHATSAPP_APP_SECRET: {message}")),
        "{}",
        checked.log
    );
    let exporter = program(
        &["serve", NO_META, "--web.listen-address=127.0.0.1:0"],
        &given,
    );
    exporter.until_logged(message);
    let warned = || exporter.log().matches(message).count();
    assert_eq!(warned(), 1);
    exporter.until_logged("the status page address=");
    exporter.signal(Signal::HUP);
    until("the warning after a reload", SOON, || {
        (warned() == 2).then_some(()).ok_or_else(|| exporter.log())
    });
    for text in [checked.out, checked.log, exporter.log()] {
        assert!(!text.contains("hidden-and-short"), "{text}");
    }
}
