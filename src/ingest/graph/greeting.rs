//! One call without a token: does anybody answer, what is the time there, and which version is it?

use std::error::Error;

use jiff::fmt::rfc2822;
use reqwest::Url;
use reqwest::header::{DATE, HeaderMap};

use super::Client;
use super::version::answered;
use crate::domain::Timestamp;

/// What any answer tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Greeting {
    /// The time there, to the second.
    pub date: Option<Timestamp>,
    /// The version that answered.
    pub answered: Option<String>,
}

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// The name cannot be resolved.
    Name,
    /// The certificate is not trusted, or TLS failed otherwise.
    Tls,
    /// There is no connection.
    Connection,
    /// There was none in time.
    Timeout,
}

impl Client {
    /// Asks for nothing, as nobody.
    ///
    /// # Errors
    /// Why there was no answer.
    pub async fn greet(&self) -> Result<Greeting, Unreachable> {
        match self.transport.greet().await {
            Ok(headers) => Ok(read(&headers)),
            Err(error) => Err(why(&error, self.transport.base()).await),
        }
    }
}

fn read(headers: &HeaderMap) -> Greeting {
    let date = headers.get(DATE).and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| rfc2822::parse(date).ok());
    Greeting {
        date: date.map(|date| Timestamp::from_millis(date.timestamp().as_millisecond())),
        answered: answered(headers).map(str::to_owned),
    }
}

async fn why(error: &reqwest::Error, base: &Url) -> Unreachable {
    if error.is_timeout() {
        return Unreachable::Timeout;
    }
    if is_about_tls(error) {
        return Unreachable::Tls;
    }
    let host = base.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = base.port_or_known_default().unwrap_or_default();
    let resolved = tokio::net::lookup_host((host, port)).await;
    let is_known = resolved.is_ok_and(|mut addresses| addresses.next().is_some());
    if is_known {
        Unreachable::Connection
    } else {
        Unreachable::Name
    }
}

/// rustls' own errors stand somewhere below reqwest's, some of them inside an `io::Error`.
fn is_about_tls(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error.downcast_ref::<std::io::Error>();
        let inner = inner.and_then(std::io::Error::get_ref);
        let inside = inner.is_some_and(|inner| inner.is::<rustls::Error>());
        if error.is::<rustls::Error>() || inside {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_there_is_read_from_the_header() {
        let mut headers = HeaderMap::new();
        let date = "Fri, 20 Mar 2026 09:46:40 GMT";
        headers.insert(DATE, date.parse().expect("a header"));
        headers.insert("facebook-api-version", "v25.0".parse().expect("a header"));
        let expected = Greeting {
            date: Some(Timestamp::from_seconds(1_774_000_000)),
            answered: Some("v25.0".to_owned()),
        };
        assert_eq!(read(&headers), expected);
        assert_eq!(read(&HeaderMap::new()), Greeting::default());
    }
}
