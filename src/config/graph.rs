//! `graph`: the Graph API client.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use reqwest::Url;

use super::error::quoted;
use super::kind::{Durations, Parsed, SizeKind};
use super::section::settings;
use super::walker::Walker;

/// Below a second, slow but healthy responses would fail. Above five minutes, one hanging call would delay the next
/// polls of its account.
const REQUEST_TIMEOUTS: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(300);

/// A page of 100 templates without their components takes some 60 KiB, so less than 64 KiB cannot work. More than 256
/// MiB would be no limit.
const ANSWER_BYTES: RangeInclusive<usize> = (64 << 10)..=(256 << 20);

const BASE_URL: Parsed<Url> = Parsed {
    value_name: "URL",
    parse: base_url,
};

const VERSION: Parsed<String> = Parsed {
    value_name: "VERSION",
    parse: api_version,
};

settings! {
    /// Graph API client.
    #[derive(Clone, Debug, PartialEq, Eq)]
    GraphConfig "graph" {
        /// URL of the Graph API, without version, credentials, query and fragment; http only for a loopback host.
        base_url: Url = "https://graph.facebook.com", BASE_URL;

        /// Version of the Graph API in requests.
        api_version: String = "v25.0", VERSION;

        /// Timeout of a call, from connecting to the end of the response.
        request_timeout: Duration = "30s", Durations(REQUEST_TIMEOUTS);

        /// Maximum size of a response, after decompression.
        max_answer_bytes: usize = "16MiB", SizeKind(ANSWER_BYTES);
    }
}

impl GraphConfig {
    pub(super) fn read(walker: &mut Walker<'_>) -> Self {
        Self::read_rows(walker)
    }
}

/// Parses the base URL. Errors do not repeat it, because a URL copied from a guide has a token in its query.
fn base_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(Url::has_host);
    let url = url.ok_or("is not a URL; write it like https://graph.facebook.com")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "contains credentials; remove them, because tokens belong in apps[].access_token"
                .into(),
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has a query or fragment; remove everything from the `?` or `#` on".into());
    }
    if let Some(version) = version_in_path(&url) {
        return Err(format!(
            "has the API version {version} in its path; remove it from the URL and set \
             graph.api_version to it"
        ));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(
            "would send access tokens unencrypted; use https (http is only for a \
                       loopback host, such as a simulator's)"
                .into(),
        ),
        _ => Err("is neither https nor http; write it like https://graph.facebook.com".into()),
    }
}

/// An API version in the path, which the client adds itself. Below `https://graph.facebook.com` any
/// version-like segment counts. A proxy may use versions of its own, so there only a final segment in Meta's
/// form (`v25.0`) counts.
fn version_in_path(url: &Url) -> Option<String> {
    let segments: Vec<&str> = url
        .path_segments()?
        .filter(|segment| !segment.is_empty())
        .collect();
    let is_metas = url
        .host_str()
        .is_some_and(|host| host == META_DOMAIN || host.ends_with(&format!(".{META_DOMAIN}")));
    let found = match segments.split_last()? {
        (last, _) if is_version_like(last, true) => last,
        _ if is_metas => segments
            .iter()
            .find(|segment| is_version_like(segment, false))?,
        _ => return None,
    };
    Some((*found).to_owned())
}

const META_DOMAIN: &str = "facebook.com";

/// Whether this is `v25.0`, `V25.0` or `25.0`. The minor number is optional unless `needs_minor`.
fn is_version_like(segment: &str, needs_minor: bool) -> bool {
    let is_number = |part: &str| {
        (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let number = segment.strip_prefix(['v', 'V']);
    match number.unwrap_or(segment).split_once('.') {
        Some((major, minor)) => is_number(major) && is_number(minor),
        None => !needs_minor && number.is_some_and(is_number),
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn api_version(text: &str) -> Result<String, String> {
    let is_number = |part: &str| {
        (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let parts = text.strip_prefix('v').and_then(|rest| rest.split_once('.'));
    match parts {
        Some((major, minor)) if is_number(major) && is_number(minor) => Ok(text.to_owned()),
        _ => Err(format!(
            "{} is not a version; write it like v25.0",
            quoted(text)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_only() {
        for good in [
            "https://graph.facebook.com",
            "http://127.0.0.1:1",
            "http://[::1]:1/x",
            "http://localhost",
        ] {
            assert!(base_url(good).is_ok(), "{good}");
        }
        let refused = base_url("http://graph.facebook.com").expect_err("plain http");
        assert!(
            refused.starts_with("would send access tokens unencrypted; use https"),
            "{refused}"
        );
        assert!(base_url("http://localhost.example.org").is_err());
    }

    #[test]
    fn an_api_version_in_the_path_is_an_error() {
        for (url, version) in [
            ("https://graph.facebook.com/v25.0", "v25.0"),
            ("https://graph.facebook.com/v25.0/", "v25.0"),
            ("https://graph.facebook.com/v25.0//", "v25.0"),
            ("https://graph.facebook.com/V25.0", "V25.0"),
            ("https://graph.facebook.com/25.0", "25.0"),
            ("https://graph.facebook.com/v25", "v25"),
            ("https://graph.facebook.com/v25.0/800100200300400", "v25.0"),
            ("https://facebook.com/v25.0/me", "v25.0"),
            ("https://proxy.example.com/meta/v19.0", "v19.0"),
            ("http://127.0.0.1:8080/v25.0", "v25.0"),
        ] {
            let error = base_url(url).expect_err(url);
            let expected = format!(
                "has the API version {version} in its path; remove it from the URL and set \
                 graph.api_version to it"
            );
            assert_eq!(error, expected, "{url}");
        }
        for good in [
            "https://graph.facebook.com/",
            "https://proxy.example.com/v1/meta",
            "https://proxy.example.com/v1",
            "https://proxy.example.com/v1.0/meta",
            "https://proxy.example.com/meta/vendor.0",
            "https://v25.0.example.com/meta",
        ] {
            assert!(base_url(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn a_url_is_never_repeated() {
        for bad in [
            "https://graph.facebook.com?access_token=EAAG",
            "https://graph.facebook.com#EAAG",
            "https://EAAG@graph.facebook.com",
            "ftp://EAAG.example.org",
            "EAAG",
            "mailto:EAAG",
        ] {
            let error = base_url(bad).expect_err(bad);
            assert!(!error.contains("EAAG"), "{error}");
        }
    }

    #[test]
    fn versions_have_two_numbers() {
        assert_eq!(api_version("v25.0").as_deref(), Ok("v25.0"));
        for bad in [
            "25.0", "v25", "v25.", "v.0", "v25.0.1", "v2500.0", "v25.0/", "V25.0",
        ] {
            assert!(api_version(bad).is_err(), "{bad}");
        }
    }
}
