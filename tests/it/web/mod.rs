//! The listeners with TLS, passwords and limits, over real sockets and with certificates of the test.

pub mod authority;
mod client_certificates;
mod clients;
mod guesses;
mod headers;
mod meta_client;
mod origin;
mod own;
mod passwords;
mod paths;
mod prometheus;
mod rate;
mod renewal;
mod tls;

use std::sync::LazyLock;
use std::time::Duration;

use crate::exporter::meta::{Exporter, SELDOM, WABA, config_file, small_world};
use authority::{Authority, Identity};

/// Where the files of the listeners stand.
const WEB: &str = "web.yml";
const PUBLIC: &str = "public.yml";

/// `alice` with the password `open sesame`, at the least cost there is.
static USERS: LazyLock<String> = LazyLock::new(|| {
    let hash = bcrypt::hash("open sesame", 4).expect("a hash");
    format!("basic_auth_users:\n  alice: {hash}\n")
});

/// The section for a server that shows this certificate.
fn tls_section(more: &str) -> String {
    format!("tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n{more}")
}

/// A configuration with the file of the operator's listener, and with these settings.
fn config_with(more: &str) -> String {
    let rest = config_file(SELDOM, &[WABA]);
    format!("web:\n  config_file: {WEB}\n{more}{rest}")
}

/// An exporter whose operator's listener has this file.
async fn exporter_with(web_file: &str, more: &str, server: &Identity, ca: &Authority) -> Exporter {
    let file = config_with(more);
    let files = [
        (WEB, web_file),
        ("cert.pem", &server.certificate),
        ("key.pem", &server.key),
        ("ca.pem", &ca.certificate),
    ];
    Exporter::with_files(small_world(), &file, "sqlite::memory:", &files).await
}

/// The same address, encrypted.
fn https(url: &str) -> String {
    url.replacen("http://", "https://", 1)
}

/// A client that trusts this authority alone, and may have a certificate to show.
fn client(ca: &Authority, own: Option<&Identity>) -> reqwest::Client {
    let root = reqwest::Certificate::from_pem(ca.certificate.as_bytes()).expect("a certificate");
    let builder = reqwest::Client::builder()
        .tls_certs_only([root])
        .no_proxy()
        .timeout(Duration::from_secs(120));
    let builder = match own {
        Some(own) => {
            let pem = format!("{}{}", own.certificate, own.key);
            builder.identity(reqwest::Identity::from_pem(pem.as_bytes()).expect("a pair"))
        }
        None => builder,
    };
    builder.build().expect("a client")
}

/// The response to a GET of it. `None` if the connection fails.
async fn status(client: &reqwest::Client, url: String) -> Option<u16> {
    let answer = client.get(url).send().await;
    answer.ok().map(|answer| answer.status().as_u16())
}
