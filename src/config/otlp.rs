//! `otlp`: the receiver to which the metrics are pushed.

use std::ops::RangeInclusive;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::environment::read_text;
use super::kind::{Durations, Optional, Parsed, SettingKind, presence};
use super::section::settings;
use super::setting::Setting;
use super::walker::Walker;

/// More often than every second, a push does little else than render.
const INTERVALS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);

/// A receiver that takes longer than a minute is considered failed.
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);

/// A few tokens have some KiB.
const MAX_HEADERS_BYTES: usize = 16 * 1024;

/// Path of metrics below the URL of a receiver, as the protocol defines it.
const METRICS: &str = "/v1/metrics";

const ENDPOINT: Parsed<Url> = Parsed {
    value_name: "URL",
    parse: endpoint,
};

settings! {
    /// Push of the metrics by OTLP.
    #[derive(Clone, Debug, PartialEq, Eq)]
    OtlpConfig "otlp" {
        /// URL of an OTLP receiver, such as `http://collector:4318`, to which the metrics of /metrics are pushed as protobuf
        /// over HTTP; `/v1/metrics` is appended; without it, nothing is pushed.
        endpoint: Option<Url>, Optional(ENDPOINT);

        /// File with additional headers for each push, such as `Authorization: Bearer …`, one per line.
        headers_file: Option<OtlpHeaders>, HeadersFiles;

        /// Interval of pushes.
        interval: Duration = "1m", Durations(INTERVALS);

        /// Timeout of a request to the receiver.
        request_timeout: Duration = "10s", Durations(TIMEOUTS);
    }
}

impl OtlpConfig {
    pub(super) fn read(walker: &mut Walker<'_>) -> Self {
        Self::read_rows(walker)
    }

    /// URL of the receiver's metrics. `None` if nothing is pushed.
    #[must_use]
    pub fn metrics_url(&self) -> Option<Url> {
        let mut url = self.endpoint.clone()?;
        let base = url.path().trim_end_matches('/').to_owned();
        if !base.ends_with(METRICS) {
            url.set_path(&format!("{base}{METRICS}"));
        }
        Some(url)
    }
}

/// Content of `otlp.headers_file`. The values are marked as sensitive, so that no format shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtlpHeaders(pub HeaderMap);

struct HeadersFiles;

impl SettingKind for HeadersFiles {
    type Value = Option<OtlpHeaders>;

    fn value_name(&self) -> &'static str {
        "PATH"
    }

    fn read(&self, setting: &Setting, walker: &mut Walker<'_>) -> Option<OtlpHeaders> {
        let given = walker.given(setting)?;
        let text = read_text(
            walker.environment(),
            &walker.path(&given),
            MAX_HEADERS_BYTES,
        );
        text.and_then(|text| headers(&text))
            .map_err(|problem| {
                let message =
                    format!("the file it names {problem}; check its path, permissions and lines");
                walker.error(given.place, message);
            })
            .ok()
    }

    fn show(&self, value: &Option<OtlpHeaders>) -> String {
        presence(value.as_ref())
    }
}

/// One header per line. Errors do not repeat the line, which may be a secret.
fn headers(text: &str) -> Result<OtlpHeaders, String> {
    let mut headers = HeaderMap::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let header = line.split_once(':').and_then(|(name, value)| {
            let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
            let mut value = HeaderValue::from_str(value.trim()).ok()?;
            value.set_sensitive(true);
            Some((name, value))
        });
        let Some((name, value)) = header else {
            let line = index + 1;
            return Err(format!("has no header like `Name: value` in line {line}"));
        };
        headers.append(name, value);
    }
    Ok(OtlpHeaders(headers))
}

/// Parses the URL. Errors do not repeat it, because it may contain credentials.
fn endpoint(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(Url::has_host);
    let url = url.ok_or("is not a URL; write it like http://collector:4318")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("is neither http nor https; write it like http://collector:4318".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("contains credentials; move them to otlp.headers_file".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has a query or a fragment; give only scheme, host and path".into());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_metrics_is_appended_once() {
        for (text, read) in [
            ("http://c:4318", "http://c:4318/v1/metrics"),
            ("http://c:4318/", "http://c:4318/v1/metrics"),
            ("https://c/otlp/", "https://c/otlp/v1/metrics"),
            ("https://c/otlp/v1/metrics", "https://c/otlp/v1/metrics"),
        ] {
            let config = OtlpConfig {
                endpoint: Some(endpoint(text).expect(text)),
                headers_file: None,
                interval: Duration::from_secs(60),
                request_timeout: Duration::from_secs(10),
            };
            assert_eq!(config.metrics_url().expect("a URL").as_str(), read);
        }
        for bad in [
            "collector:4318",
            "grpc://c:4317",
            "https://me:secret@c",
            "https://c/?token=secret",
        ] {
            let error = endpoint(bad).expect_err(bad);
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn headers_are_not_shown() {
        let read = headers("Authorization: Bearer secret\n\nX-Scope-OrgID: 7\n").expect("headers");
        assert_eq!(read.0.get("x-scope-orgid").expect("a header"), "7");
        assert_eq!(read.0.len(), 2);
        assert!(!format!("{read:?}").contains("secret"));
        for bad in ["Bearer secret", "Na me: secret", "A: secret\u{1}"] {
            let error = headers(&format!("Ok: yes\n{bad}\n")).expect_err(bad);
            assert!(
                error.contains("line 2") && !error.contains("secret"),
                "{error}"
            );
        }
    }
}
