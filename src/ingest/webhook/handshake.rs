//! The GET request with which Meta verifies a callback URL: `hub.mode`, `hub.verify_token`, `hub.challenge`.
//!
//! Does not build the response: the caller echoes the challenge as plain text, or refuses.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Maximum length of an echoed challenge. Meta's have ten digits; the limit keeps this public page from echoing
/// arbitrary content.
const MAX_CHALLENGE: usize = 128;

/// The query of a handshake, as received. `Debug` does not show its values.
#[derive(Clone, Default, Deserialize)]
pub struct Handshake {
    /// `hub.mode`: always `subscribe`.
    #[serde(rename = "hub.mode")]
    pub mode: Option<String>,
    /// `hub.verify_token`: the token that the operator entered in Meta's dashboard.
    #[serde(rename = "hub.verify_token")]
    pub verify_token: Option<String>,
    /// `hub.challenge`: the text to echo.
    #[serde(rename = "hub.challenge")]
    pub challenge: Option<String>,
}

impl fmt::Debug for Handshake {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Handshake(…)")
    }
}

/// Why a handshake was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HandshakeRefusal {
    /// `hub.mode` is not `subscribe`, probably because of an unrelated visitor.
    #[error("the request is not a webhook handshake")]
    NotAHandshake,
    /// The token is not one of the configured verify tokens.
    #[error("the verify token is not one of those configured")]
    BadVerifyToken,
    /// The challenge is missing, too long, or has other characters than Meta's.
    #[error("the challenge cannot be echoed")]
    BadChallenge,
}

impl HandshakeRefusal {
    /// Every kind, for counters that start at 0.
    pub const ALL: &'static [Self] = &[
        Self::NotAHandshake,
        Self::BadVerifyToken,
        Self::BadChallenge,
    ];

    /// The label value of `whatsapp_exporter_webhook_rejected_total{reason}`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAHandshake => "not_a_handshake",
            Self::BadVerifyToken => "bad_verify_token",
            Self::BadChallenge => "bad_challenge",
        }
    }
}

/// The configured verify tokens, stored as hashes: the duration of comparing hashes reveals nothing about the
/// tokens.
#[derive(Clone)]
pub struct VerifyTokens {
    hashes: Vec<[u8; 32]>,
}

impl VerifyTokens {
    /// A verifier of these tokens. Empty tokens are skipped, because anybody could send them.
    #[must_use]
    pub fn new(tokens: &[SecretString]) -> Self {
        let hashes = tokens
            .iter()
            .map(ExposeSecret::expose_secret)
            .filter(|token| !token.is_empty())
            .map(hash);
        Self {
            hashes: hashes.collect(),
        }
    }

    /// The challenge to echo, as plain text with status 200.
    ///
    /// # Errors
    /// If the request is not a handshake, has none of the configured tokens, or has a challenge that cannot be
    /// echoed.
    pub fn challenge_to_echo<'a>(
        &self,
        handshake: &'a Handshake,
    ) -> Result<&'a str, HandshakeRefusal> {
        if handshake.mode.as_deref() != Some("subscribe") {
            return Err(HandshakeRefusal::NotAHandshake);
        }
        if !self.knows(handshake.verify_token.as_deref().unwrap_or_default()) {
            return Err(HandshakeRefusal::BadVerifyToken);
        }
        let challenge = handshake.challenge.as_deref().unwrap_or_default();
        if can_be_echoed(challenge) {
            Ok(challenge)
        } else {
            Err(HandshakeRefusal::BadChallenge)
        }
    }

    /// Whether this is one of the tokens. All tokens are compared, so that the duration does not depend on the
    /// matching one.
    #[must_use]
    pub fn knows(&self, token: &str) -> bool {
        let sent = hash(token);
        let matches = self.hashes.iter().map(|ours| *ours == sent);
        matches.fold(false, |known, matched| known | matched)
    }
}

impl fmt::Debug for VerifyTokens {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "VerifyTokens({})", self.hashes.len())
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn can_be_echoed(challenge: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=MAX_CHALLENGE).contains(&challenge.len()) && challenge.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify(mode: &str, token: &str, challenge: &str) -> Result<String, HandshakeRefusal> {
        let ours = VerifyTokens::new(&["maple".into(), "birch".into(), "".into()]);
        let handshake = Handshake {
            mode: Some(mode.to_owned()),
            verify_token: Some(token.to_owned()),
            challenge: Some(challenge.to_owned()),
        };
        ours.challenge_to_echo(&handshake).map(str::to_owned)
    }

    #[test]
    fn the_challenge_is_echoed_for_a_configured_token() {
        for token in ["maple", "birch"] {
            assert_eq!(
                verify("subscribe", token, "1158201444"),
                Ok("1158201444".to_owned())
            );
        }
    }

    #[test]
    fn other_requests_are_refused_with_a_bounded_reason() {
        use HandshakeRefusal::{BadChallenge, BadVerifyToken, NotAHandshake};
        let long = "1".repeat(MAX_CHALLENGE + 1);
        for (mode, token, challenge, refusal) in [
            ("unsubscribe", "maple", "1", NotAHandshake),
            ("subscribe", "Maple", "1", BadVerifyToken),
            ("subscribe", "maple ", "1", BadVerifyToken),
            ("subscribe", "", "1", BadVerifyToken),
            ("subscribe", "maple", "", BadChallenge),
            ("subscribe", "maple", "<script>", BadChallenge),
            ("subscribe", "maple", "é", BadChallenge),
            ("subscribe", "maple", &long, BadChallenge),
        ] {
            assert_eq!(
                verify(mode, token, challenge),
                Err(refusal),
                "{mode} {token} {challenge}"
            );
        }
        assert_eq!(
            VerifyTokens::new(&[]).challenge_to_echo(&Handshake::default()),
            Err(NotAHandshake)
        );
    }

    #[test]
    fn the_query_has_dotted_names_and_debug_does_not_show_it() {
        let handshake: Handshake = serde_json::from_str(
            r#"{"hub.mode":"subscribe","hub.challenge":"7","hub.verify_token":"maple"}"#,
        )
        .expect("a handshake");
        assert_eq!(
            VerifyTokens::new(&["maple".into()]).challenge_to_echo(&handshake),
            Ok("7")
        );
        assert_eq!(format!("{handshake:?}"), "Handshake(…)");
    }
}
