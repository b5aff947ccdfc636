//! Parses the URL of a PostgreSQL database in libpq's form, which may name several hosts.
//!
//! Errors repeat no text before the parameters: a password with an unencoded `/`, `?` or `@` can end up in any part of
//! the URL.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::error::{quoted, shown_key};
use super::value;
use crate::domain::{POSTGRES_PORT, PostgresHost, PostgresPassword, PostgresUrl, SslMode};
use crate::suggestion;

/// Both schemes that libpq accepts.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// The parameters that have a meaning here. Others of libpq are refused instead of ignored.
const PARAMETERS: [&str; 12] = [
    "application_name",
    "connect_timeout",
    "dbname",
    "host",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
    "user",
];

/// The state is written, so no other value can work.
const READ_WRITE: &str = "read-write";

/// Seconds. A webhook that waits for a minute has been given up by its sender.
const CONNECT_TIMEOUTS: RangeInclusive<u64> = 1..=60;

const ENCODE: &str = "is not a PostgreSQL URL; in user and password, write @ as %40, : as %3A, / as %2F, ? as %3F, \
                      # as %23 and % as %25, or use store.password_file";

/// Whether the text has a scheme of PostgreSQL.
pub(super) fn is_postgres(text: &str) -> bool {
    SCHEMES.iter().any(|scheme| text.starts_with(scheme))
}

/// Parses `postgres://user:password@host1:5432,host2/database?sslmode=verify-full`.
pub(super) fn parse(text: &str) -> Result<PostgresUrl, String> {
    let mut schemes = SCHEMES.iter();
    let rest = schemes.find_map(|scheme| text.strip_prefix(scheme));
    let rest =
        rest.ok_or("is not a PostgreSQL URL; write it like postgres://user@host/database")?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = place.split_once('/').unwrap_or((place, ""));
    // Part of a password that is not percent-encoded.
    let is_cut = [path, query].iter().any(|part| part.contains('@'));
    if is_cut || place.contains('#') || authority.matches('@').count() > 1 {
        return Err(ENCODE.to_owned());
    }
    let (user_info, hosts) = authority.split_once('@').unwrap_or(("", authority));
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let mut url = PostgresUrl {
        user: decoded(user)?,
        password: decoded(password)?.map(new_password),
        hosts: parse_hosts(hosts)?,
        database: decoded(path)?,
        ..PostgresUrl::default()
    };
    let mut ports = None;
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = decoded(value)?.ok_or_else(|| {
            let name = shown_key(name);
            format!("has the parameter {name} without a value; give it one or remove it")
        })?;
        match name {
            "port" => ports = Some(value),
            name => set(&mut url, name, &value)?,
        }
    }
    if let Some(ports) = ports {
        set_ports(&mut url.hosts, &ports)?;
    }
    check(&url)?;
    Ok(url)
}

fn new_password(text: String) -> PostgresPassword {
    PostgresPassword(SecretString::from(text))
}

/// Sets the part that a parameter names.
fn set(url: &mut PostgresUrl, name: &str, value: &str) -> Result<(), String> {
    let path = || Some(PathBuf::from(value));
    let error = |message: String| format!("has a bad {name}: {message}");
    match name {
        "application_name" => url.application_name = Some(value.to_owned()),
        "connect_timeout" => {
            let seconds = value::number(value, &CONNECT_TIMEOUTS).map_err(error)?;
            url.connect_timeout = Some(Duration::from_secs(seconds));
        }
        "dbname" => url.database = Some(value.to_owned()),
        "host" => url.hosts = parse_hosts(value)?,
        "password" => url.password = Some(new_password(value.to_owned())),
        "sslcert" => url.ssl_cert = path(),
        "sslkey" => url.ssl_key = path(),
        "sslmode" => url.ssl_mode = Some(value::word(value, &SslMode::ALL).map_err(error)?),
        "sslrootcert" => url.ssl_root_cert = path(),
        "target_session_attrs" if value == READ_WRITE => {}
        "target_session_attrs" => {
            let value = quoted(value);
            return Err(error(format!(
                "{value} cannot work, because the exporter writes; give {READ_WRITE}, which is always used, or remove it"
            )));
        }
        "user" => url.user = Some(value.to_owned()),
        // Not a parameter of libpq either.
        "schema" => return Err("has no parameter schema; set store.schema instead".to_owned()),
        name => return Err(unknown(name)),
    }
    Ok(())
}

fn unknown(name: &str) -> String {
    let accepted = PARAMETERS.join(", ");
    let meant = suggestion::nearest(name, PARAMETERS.into_iter());
    let meant = meant.map_or(String::new(), |name| format!("; did you mean {name}?"));
    let name = shown_key(name);
    format!("has an unknown parameter {name}{meant}; these are accepted: {accepted}")
}

/// Conditions between the parts.
fn check(url: &PostgresUrl) -> Result<(), String> {
    if url.ssl_cert.is_some() != url.ssl_key.is_some() {
        return Err("has only one of sslcert and sslkey; give both or neither".to_owned());
    }
    if url.ssl_mode == Some(SslMode::VerifyCa) && url.ssl_root_cert.is_none() {
        // Any name with a certificate of any public CA would be accepted.
        return Err("has sslmode=verify-ca without sslrootcert, which would accept every server with a public \
                    certificate; give sslrootcert, or use sslmode=verify-full"
            .to_owned());
    }
    Ok(())
}

/// `host1:5432,host2,[::1]:5433`, or folders of Unix sockets.
fn parse_hosts(text: &str) -> Result<Vec<PostgresHost>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split(',').map(parse_host).collect()
}

fn parse_host(text: &str) -> Result<PostgresHost, String> {
    let is_ipv6 = |name: &str| name.parse::<std::net::Ipv6Addr>().is_ok();
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (name, port) = rest.split_once(']').unwrap_or_default();
            let name = Some(name).filter(|name| is_ipv6(name));
            let port = Some(port).filter(|port| port.is_empty() || port.starts_with(':'));
            let parts = name.zip(port);
            let (name, port) =
                parts.ok_or("has a bad IPv6 address; write it like [2001:db8::1]:5432")?;
            (name, port.trim_start_matches(':'))
        }
        None if is_ipv6(text) => (text, ""),
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let name = decoded(name)?.ok_or("has an empty host; write hosts like host1:5432,host2:5432")?;
    let port = match port {
        "" => POSTGRES_PORT,
        port => parse_port(port)?,
    };
    Ok(PostgresHost { name, port })
}

/// Does not repeat the text, which is part of a password if that contains a `/` or `?`.
fn parse_port(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|port| *port > 0);
    port.ok_or_else(|| {
        "has a port that is not a number from 1 to 65535 (or a user or password that is not percent-encoded)".to_owned()
    })
}

/// The parameter `port`: one for all hosts, or one for each.
fn set_ports(hosts: &mut Vec<PostgresHost>, text: &str) -> Result<(), String> {
    let ports = text.split(',').map(parse_port);
    let ports = ports.collect::<Result<Vec<u16>, String>>()?;
    if hosts.is_empty() {
        let name = "localhost".to_owned();
        hosts.push(PostgresHost {
            name,
            port: POSTGRES_PORT,
        });
    }
    match ports.as_slice() {
        [port] => hosts.iter_mut().for_each(|host| host.port = *port),
        ports if ports.len() == hosts.len() => {
            let pairs = hosts.iter_mut().zip(ports);
            pairs.for_each(|(host, port)| host.port = *port);
        }
        _ => {
            return Err(
                "has neither one port nor one port for each host; give one port for each host"
                    .to_owned(),
            );
        }
    }
    Ok(())
}

/// The text without percent-encoding. `None` if it is empty.
fn decoded(text: &str) -> Result<Option<String>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut pieces = text.split('%');
    bytes.extend(pieces.next().unwrap_or_default().bytes());
    for piece in pieces {
        let digits = piece.get(..2).and_then(|digits| hex::decode(digits).ok());
        bytes.extend(digits.ok_or(ENCODE)?);
        bytes.extend(&piece.as_bytes()[2..]);
    }
    let text = String::from_utf8(bytes).map_err(|_| ENCODE)?;
    if text.chars().any(char::is_control) {
        return Err("contains a control character; remove it".to_owned());
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn good(text: &str) -> PostgresUrl {
        parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn hosts(text: &str) -> Vec<String> {
        let hosts = good(text).hosts;
        hosts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_part_is_read() {
        let url = good(
            "postgresql://me:p%40ss%2Fw@db1:6432,db2,[::1]:1/wa%20x?sslmode=verify-full&sslrootcert=/ca.pem&sslcert=c&sslkey=k\
             &application_name=a%26b&connect_timeout=7&target_session_attrs=read-write",
        );
        assert_eq!(url.user.as_deref(), Some("me"));
        let password = url.password.as_ref().map(|it| it.0.expose_secret());
        assert_eq!(password, Some("p@ss/w"));
        assert_eq!(url.database.as_deref(), Some("wa x"));
        assert_eq!(url.ssl_mode, Some(SslMode::VerifyFull));
        assert_eq!(url.connect_timeout, Some(Duration::from_secs(7)));
        assert_eq!(
            url.to_string(),
            "postgres://me@db1:6432,db2:5432,[::1]:1/wa x?sslmode=verify-full&sslrootcert=/ca.pem&sslcert=c&sslkey=k\
             &application_name=a&b&connect_timeout=7"
        );
        assert!(!format!("{url:?}{url}").contains("p@ss"));
    }

    #[test]
    fn hosts_are_names_addresses_and_folders_of_sockets() {
        assert_eq!(hosts("postgres://"), [""; 0]);
        assert_eq!(
            hosts("postgres:///db?host=/run/pg&port=5433"),
            ["/run/pg:5433"]
        );
        assert_eq!(hosts("postgres://%2Frun%2Fpg:5433/db"), ["/run/pg:5433"]);
        assert_eq!(hosts("postgres://u@/db?host=a,b&port=1,2"), ["a:1", "b:2"]);
        assert_eq!(hosts("postgres:///db?host=::1&port=7"), ["[::1]:7"]);
        for bad in [
            "postgres://a,,b/db",
            "postgres://a:0/db",
            "postgres://a:70000/db",
            "postgres://[::1/db",
            "postgres://[a]:1/db",
            "postgres://[::1]1/db",
            "postgres:///db?host=a,b&port=1,2,3",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_error_says_what_to_do_and_repeats_no_password() {
        for (parameters, words) in [
            ("sslmod=require", "did you mean sslmode?"),
            (
                "gssencmode=disable",
                "these are accepted: application_name, connect_timeout",
            ),
            ("schema=x", "store.schema"),
            (
                "sslmode=on",
                "give disable, allow, prefer, require, verify-ca or verify-full",
            ),
            ("target_session_attrs=any", "give read-write"),
            ("connect_timeout=0", "1 to 60"),
            ("sslcert=c", "both or neither"),
            ("sslmode=verify-ca", "sslrootcert"),
            ("sslmode=", "without a value"),
        ] {
            let text = format!("postgres://me:hunter2@db/wa?{parameters}");
            let error = parse(&text).expect_err(parameters);
            assert!(error.contains(words), "{parameters}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        for password in [
            "hunt/er2",
            "hunt?er2",
            "hunt@er2",
            "hunt#er2",
            "hunt%er2",
            "hunt?er2=a",
            "hu:n/ter2",
        ] {
            let error = parse(&format!("postgres://me:{password}@db/wa")).expect_err(password);
            assert!(
                error.contains("percent-encoded") || error.contains("%40"),
                "{error}"
            );
            assert!(!error.contains("hun") && !error.contains("er2"), "{error}");
        }
    }
}
