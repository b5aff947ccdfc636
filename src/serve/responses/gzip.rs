//! Compression of responses for clients that accept it.

use std::io::Write as _;

use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Whether the client accepts gzip.
pub(in crate::serve) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).into_iter();
    let codings = lines.flat_map(|line| line.to_str().unwrap_or("").split(','));
    let mut codings = codings.map(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or("");
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        (
            name,
            weight.is_none_or(|it| it.parse().is_ok_and(|it: f32| it > 0.0)),
        )
    });
    codings.any(|(name, is_wanted)| {
        is_wanted
            && ["gzip", "x-gzip"]
                .iter()
                .any(|it| name.eq_ignore_ascii_case(it))
    })
}

/// Compresses at the fastest level: the text is repetitive, and a scraper waits for it.
pub(in crate::serve) fn gzip(bytes: &[u8]) -> Bytes {
    let room = Vec::with_capacity(bytes.len() / 8);
    let mut encoder = GzEncoder::new(room, Compression::fast());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    tight(written.expect("a vector takes every byte"))
}

/// The bytes without the spare capacity of the vector.
pub(in crate::serve) fn tight(bytes: Vec<u8>) -> Bytes {
    Bytes::from(bytes.into_boxed_slice())
}

/// The value of `Content-Encoding`.
pub(in crate::serve) const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// The value of `Vary` for responses that may be compressed.
pub(in crate::serve) const fn vary() -> HeaderValue {
    HeaderValue::from_static("accept-encoding")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_on_request() {
        let of = |value: &str| {
            let value = value.parse().expect("a header's value");
            accepts_gzip(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, value)]))
        };
        for good in [
            "gzip",
            "deflate, GZIP;q=0.5",
            "br;q=1.0, gzip; q=0.8, *;q=0.1",
            "x-gzip",
        ] {
            assert!(of(good), "{good}");
        }
        for bad in ["", "identity", "br", "gzip;q=0", "gzip;q=0.0", "gzip;q=x"] {
            assert!(!of(bad), "{bad}");
        }
    }
}
