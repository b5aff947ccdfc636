//! Classifies requests without a response: DNS, TLS, proxy, connection or timeout.
//!
//! reqwest's own error contains the URL with the proof, so only its source errors are read. hyper-util's error
//! types are private and are distinguished by their text, which tests over real sockets verify.

use std::error::Error;

use super::FailureKind;

/// Maximum length of a cause in a message, because a certificate can have many names.
const MAX_CAUSE: usize = 240;

/// The kind of failure, and the message of the operating system or TLS library.
pub(super) fn classify(error: &reqwest::Error) -> (FailureKind, Option<String>) {
    let causes = causes(error);
    let contains = |words: &str| causes.iter().any(|cause| cause.contains(words));
    let kind = if is_about_tls(error) {
        FailureKind::Tls
    } else if contains("tunnel error") || contains("proxy") {
        FailureKind::Proxy
    } else if contains("dns error") {
        FailureKind::NameResolution
    } else if error.is_timeout() && !error.is_connect() {
        // A connect timeout is a network failure, not a slow server.
        FailureKind::Timeout
    } else {
        FailureKind::Connection
    };
    (kind, cause(&causes))
}

/// The messages of the errors below reqwest's, outermost first.
fn causes(error: &reqwest::Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(error) = next {
        causes.push(error.to_string());
        next = error.source();
    }
    causes
}

/// Joins the messages to one line, without repetitions and without hyper's wrapper.
fn cause(causes: &[String]) -> Option<String> {
    let mut messages: Vec<&str> = Vec::new();
    for cause in causes.iter().map(|cause| cause.trim()) {
        let is_wrapper = cause.starts_with("client error") || cause.contains("://");
        if !cause.is_empty() && !is_wrapper && !messages.iter().any(|outer| outer.contains(cause)) {
            messages.push(cause);
        }
    }
    let text = messages.join(": ").replace(char::is_control, " ");
    let is_long = text.chars().count() > MAX_CAUSE;
    let cut: String = text.chars().take(MAX_CAUSE).collect();
    let text = if is_long { format!("{cut}…") } else { cut };
    (!text.is_empty()).then_some(text)
}

/// rustls errors are somewhere below reqwest's, often inside nested `io::Error`s, whose `source` skips the
/// inner error.
fn is_about_tls(error: &(dyn Error + 'static)) -> bool {
    let inside = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>()
        || inside.is_some_and(|inside| is_about_tls(inside))
        || error.source().is_some_and(is_about_tls)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(causes: &[&str]) -> Option<String> {
        let causes: Vec<String> = causes.iter().map(|cause| (*cause).to_owned()).collect();
        cause(&causes)
    }

    #[test]
    fn the_cause_is_one_short_line_without_a_url() {
        assert_eq!(line(&[]), None);
        assert_eq!(line(&["client error (Connect)"]), None);
        let refused = [
            "client error (Connect)",
            "tcp connect error",
            "Connection refused (os error 111)",
        ];
        assert_eq!(
            line(&refused).as_deref(),
            Some("tcp connect error: Connection refused (os error 111)")
        );
        let repeated = ["invalid certificate: UnknownIssuer", "UnknownIssuer"];
        assert_eq!(
            line(&repeated).as_deref(),
            Some("invalid certificate: UnknownIssuer")
        );
        assert_eq!(line(&["https://x/?access_token=EAAG"]), None);
        assert_eq!(line(&["two\nlines"]).as_deref(), Some("two lines"));
        let long = "é".repeat(MAX_CAUSE + 1);
        let cut = line(&[&long]).expect("a cause");
        assert_eq!(cut.chars().count(), MAX_CAUSE + 1);
    }
}
