//! Failures of calls, in a few kinds with their cures.
//!
//! Meta returns HTTP 400 for rate limits and for missing objects, so the error's `code` decides. The status is used
//! only if the body has no Graph error.

mod cure;
mod kind;
mod wording;

use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use super::fields::declared;
use super::{Endpoint, NodeKind, network};
use crate::domain::Word;
use crate::ingest::{ParseWarnings, json};
pub use kind::FailureKind;
use wording::{Wording, is_plain};

/// A failed call. Its text is for the operator. Meta's own message is not kept, because its content is
/// arbitrary.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct Failure {
    kind: FailureKind,
    retry_after: Option<Duration>,
    details: Box<Details>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Details {
    code: Option<i64>,
    subcode: Option<i64>,
    trace: Option<String>,
    field: Option<String>,
    node: Option<NodeKind>,
    wrong_node: Option<WrongNode>,
    /// The network error, in the words of the operating system or the TLS library.
    cause: Option<String>,
    wants_less: bool,
    lacks_proof: bool,
}

/// An id of one kind of object where another kind is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
struct WrongNode {
    found: NodeKind,
    expected: NodeKind,
}

/// Maximum length of a kept `fbtrace_id`; Meta's have some 23 characters.
const MAX_TRACE: usize = 64;

/// A listing's cursor is no longer valid. Group endpoints use the same code, so the endpoint decides.
const INVALID_CURSOR: i64 = 131_059;

impl Failure {
    /// A failure without a Graph error.
    #[must_use]
    pub fn new(kind: FailureKind) -> Self {
        Self {
            kind,
            retry_after: None,
            details: Box::default(),
        }
    }

    /// Converts a reqwest error, without its URL, which contains the proof.
    #[must_use]
    pub fn from_network(error: &reqwest::Error) -> Self {
        let (kind, cause) = network::classify(error);
        let mut failure = Self::new(kind);
        failure.details.cause = cause;
        failure
    }

    /// Parses a response with a status other than 200: its body if that is a Graph error, otherwise its status.
    #[must_use]
    pub(super) fn from_answer(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        // The reader of the response has counted the replaced values.
        let json = json::read(body, "error", &mut ParseWarnings::new());
        let error = json
            .as_ref()
            .and_then(|json| json.get("error"))
            .filter(|error| error.is_object());
        let failure =
            error.map_or_else(|| Self::new(kind_of_status(status)), Self::from_graph_error);
        Self {
            retry_after,
            ..failure
        }
    }

    fn from_graph_error(error: &Value) -> Self {
        let number = |key| {
            error
                .get(key)
                .and_then(|value| value.as_i64().or_else(|| value.as_str()?.parse().ok()))
        };
        let text = |key| error.get(key).and_then(Value::as_str);
        let wording = Wording::parse(text("message").unwrap_or_default());
        let (code, subcode) = (number("code"), number("error_subcode"));
        let transient = error
            .get("is_transient")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        let kind = match code {
            Some(12 | 100) if wording.field.is_some() => FailureKind::UnknownField,
            // Meta reports a wrong proof as code 104, or as code 100 with a message about the proof.
            _ if wording.is_about_proof => FailureKind::AppSecret,
            Some(code) => kind_of_code(code, subcode, transient),
            None if transient => FailureKind::Transient,
            None => FailureKind::Other,
        };
        let trace = text("fbtrace_id").filter(|trace| is_plain(trace, MAX_TRACE));
        Self {
            kind,
            retry_after: None,
            details: Box::new(Details {
                code,
                subcode,
                trace: trace.map(ToOwned::to_owned),
                field: wording.field,
                node: wording.node,
                wants_less: wording.wants_less,
                ..Details::default()
            }),
        }
    }

    /// Refines the failure by its request: the same code means different things for different endpoints and
    /// credentials.
    pub(super) fn for_request(mut self, endpoint: Endpoint, credentials: CredentialKind) -> Self {
        match (self.kind, credentials) {
            // The app's own credentials are only its id and its secret.
            (FailureKind::Token, CredentialKind::App) => self.kind = FailureKind::AppSecret,
            (FailureKind::AppSecret, CredentialKind::Token) => self.details.lacks_proof = true,
            _ => {}
        }
        if self.is_invalid_cursor(endpoint) {
            self.kind = FailureKind::Transient;
        }
        if let Some(wrong_node) = self.wrong_node(endpoint) {
            self.kind = FailureKind::WrongNode;
            self.details.wrong_node = Some(wrong_node);
        }
        self
    }

    /// Detects an id of another kind of object, if the error names the type of the id itself.
    fn wrong_node(&self, endpoint: Endpoint) -> Option<WrongNode> {
        let expected = endpoint.requested_node()?;
        let (field, found) = (self.field()?, self.details.node.clone()?);
        // A field that the account does not have belongs to an object that is read along with it.
        let is_own = endpoint == Endpoint::Account && declared(endpoint).contains(&field);
        let is_about_the_id = is_own || field == endpoint.as_str();
        (self.kind == FailureKind::UnknownField && is_about_the_id && found != expected)
            .then_some(WrongNode { found, expected })
    }

    /// The kind of the failure.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// How long Meta asks to wait. `None` if it does not say.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the same request may succeed soon without operator action.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        self.kind == FailureKind::Transient || self.is_network()
    }

    /// Whether the network failed, so that the state of the requested object is unknown.
    #[must_use]
    pub fn is_network(&self) -> bool {
        matches!(
            self.kind,
            FailureKind::Timeout
                | FailureKind::NameResolution
                | FailureKind::Tls
                | FailureKind::Proxy
                | FailureKind::Connection
        )
    }

    /// Whether every request with the same token and secret would fail.
    #[must_use]
    pub fn is_about_credentials(&self) -> bool {
        matches!(self.kind, FailureKind::Token | FailureKind::AppSecret)
    }

    /// Whether the rate limit applies to all accounts of the app or of the token's user, not to one account.
    #[must_use]
    pub fn is_rate_limit_of_app(&self) -> bool {
        self.kind == FailureKind::RateLimit && matches!(self.details.code, Some(4 | 17))
    }

    /// The type of the object that the configured id belongs to, if it is not the expected type.
    #[must_use]
    pub fn wrong_node_kind(&self) -> Option<&NodeKind> {
        self.details.wrong_node.as_ref().map(|wrong| &wrong.found)
    }

    /// The network error, in the words of the operating system or the TLS library.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.details.cause.as_deref()
    }

    /// Whether Meta requires an app secret proof and no secret is configured.
    #[must_use]
    pub fn lacks_proof(&self) -> bool {
        self.details.lacks_proof
    }

    /// Meta's error code.
    pub(super) fn code(&self) -> Option<i64> {
        self.details.code
    }

    /// The field that does not exist, according to Meta.
    pub(super) fn field(&self) -> Option<&str> {
        self.details.field.as_deref()
    }

    /// The type of the node that lacks the field. Messages about deprecated fields do not have it.
    pub(super) fn node(&self) -> Option<&NodeKind> {
        self.details.node.as_ref()
    }

    /// Whether the listing's cursor is no longer valid.
    pub(super) fn is_invalid_cursor(&self, endpoint: Endpoint) -> bool {
        endpoint == Endpoint::MessageTemplates && self.details.code == Some(INVALID_CURSOR)
    }

    /// Whether the response suggests smaller pages.
    pub(super) fn suggests_smaller_pages(&self) -> bool {
        self.details.wants_less || self.kind == FailureKind::TooLarge
    }

    /// Whether the size of the page may have caused the failure. Not if Meta asks to wait.
    pub(super) fn may_be_the_pages(&self) -> bool {
        let choked = matches!(self.kind, FailureKind::Transient | FailureKind::Timeout);
        choked && self.retry_after.is_none()
    }

    /// Extends the wait to this duration, if Meta's usage headers give a longer one than its error.
    pub(super) fn or_after(mut self, regain: Option<Duration>) -> Self {
        if self.kind == FailureKind::RateLimit {
            self.retry_after = self.retry_after.max(regain);
        }
        self
    }
}

/// Credentials of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CredentialKind {
    /// An access token alone.
    Token,
    /// An access token with the proof of the app secret.
    TokenWithProof,
    /// The app's id and secret.
    App,
}

fn kind_of_code(code: i64, subcode: Option<i64>, transient: bool) -> FailureKind {
    match code {
        104 => FailureKind::AppSecret,
        0 | 102 | 190 => FailureKind::Token,
        3 | 10 | 200..=299 => FailureKind::Permission,
        4 | 17 | 32 | 613 | 80_000..=80_014 => FailureKind::RateLimit,
        130_429 | 131_048 | 131_056 | 131_064 => FailureKind::RateLimit,
        33 | 803 => FailureKind::NotFoundOrHidden,
        100 if subcode == Some(33) => FailureKind::NotFoundOrHidden,
        12 | 100 => FailureKind::InvalidParameter,
        368 | 130_497 | 131_031 => FailureKind::Blocked,
        1 | 2 | 131_000 | 131_016 | 131_045 | 131_057 => FailureKind::Transient,
        _ if transient => FailureKind::Transient,
        _ => FailureKind::Other,
    }
}

fn kind_of_status(status: u16) -> FailureKind {
    match status {
        // A proxy's own 401 or 403 says nothing about the token: Meta's responses contain a Graph error.
        429 => FailureKind::RateLimit,
        500..=599 => FailureKind::Transient,
        _ => FailureKind::Malformed,
    }
}

#[cfg(test)]
mod tests;
