//! What can go wrong with a call, in few kinds, each with its cure.
//!
//! Meta answers rate limits and missing objects with HTTP 400 alike, so the error's `code` decides;
//! the status is only asked where there is no Graph error in the body.

use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use crate::domain::meta_words;
use crate::ingest::{Oddities, json};

meta_words! {
    /// The kind of a failure: the label of the counter, and what decides the next try.
    FailureKind {
        Token = "token",
        Permission = "permission",
        RateLimit = "rate_limit",
        NotFoundOrHidden = "not_found_or_hidden",
        Blocked = "blocked",
        Transient = "transient",
        UnknownField = "unknown_field",
        InvalidParameter = "invalid_parameter",
        Malformed = "malformed",
        TooLarge = "too_large",
        Timeout = "timeout",
        Connection = "connection",
        BudgetSpent = "budget_spent",
    }
}

/// A call that did not bring what was asked. Its text is made for the operator; Meta's own message,
/// which may hold anything, is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}{}", cure(*.kind), details(*.code, *.subcode, .trace.as_deref()))]
pub struct Failure {
    kind: FailureKind,
    code: Option<i64>,
    subcode: Option<i64>,
    trace: Option<String>,
    field: Option<String>,
    wants_less: bool,
    retry_after: Option<Duration>,
}

/// `fbtrace_id`s have some 23 characters.
const MAX_TRACE: usize = 64;

/// A field's name as Meta quotes it back to us.
const MAX_FIELD: usize = 64;

impl Failure {
    /// A failure without a Graph error in it.
    #[must_use]
    pub fn of(kind: FailureKind) -> Self {
        Self {
            kind,
            code: None,
            subcode: None,
            trace: None,
            field: None,
            wants_less: false,
            retry_after: None,
        }
    }

    /// Reads an answer that is not 200: its body if that is a Graph error, else its status.
    #[must_use]
    pub(super) fn from_answer(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        // Whoever read the answer has counted what was replaced in it.
        let json = json::read(body, "error", &mut Oddities::new());
        let error = json
            .as_ref()
            .and_then(|json| json.get("error"))
            .filter(|error| error.is_object());
        let failure =
            error.map_or_else(|| Self::of(kind_of_status(status)), Self::from_graph_error);
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
        let message = error
            .get("message")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let (code, subcode) = (number("code"), number("error_subcode"));
        let transient = error
            .get("is_transient")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        let field = nonexisting_field(message);
        let kind = match code {
            Some(100) if field.is_some() => FailureKind::UnknownField,
            // A wrong proof comes as 104, and as "Invalid appsecret_proof provided in the API argument".
            Some(100) if message.contains("appsecret_proof") => FailureKind::Token,
            Some(code) => kind_of_code(code, subcode, transient),
            None if transient => FailureKind::Transient,
            None => FailureKind::Other,
        };
        let trace = error
            .get("fbtrace_id")
            .and_then(Value::as_str)
            .filter(|trace| is_plain(trace, MAX_TRACE));
        Self {
            code,
            subcode,
            trace: trace.map(ToOwned::to_owned),
            field,
            wants_less: message.contains("reduce the amount of data"),
            ..Self::of(kind)
        }
    }

    /// What reqwest says of a request, without the URL it would say it with: that holds the proof.
    pub(super) fn before_the_answer(error: &reqwest::Error) -> Self {
        // Where connecting takes too long both are true, and the network is to blame, not the answer.
        let silent = error.is_timeout() && !error.is_connect();
        Self::of(if silent {
            FailureKind::Timeout
        } else {
            FailureKind::Connection
        })
    }

    /// What reqwest says of an answer that began and did not end: it may well end next time.
    pub(super) fn within_the_answer(error: &reqwest::Error) -> Self {
        Self::of(if error.is_timeout() {
            FailureKind::Timeout
        } else {
            FailureKind::Connection
        })
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// How long Meta asks us to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The field that Meta says does not exist.
    pub(super) fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// Does the answer say that smaller pages would help?
    pub(super) fn wants_smaller_pages(&self) -> bool {
        self.wants_less || self.kind == FailureKind::TooLarge
    }

    /// May it be the size of the page that Meta choked on? Not where it asks for patience instead.
    pub(super) fn may_be_the_pages(&self) -> bool {
        let choked = matches!(self.kind, FailureKind::Transient | FailureKind::Timeout);
        choked && self.retry_after.is_none()
    }

    /// Waits at least this long, where Meta's usage figures give a longer time than its error.
    pub(super) fn or_after(mut self, regain: Option<Duration>) -> Self {
        if self.kind == FailureKind::RateLimit {
            self.retry_after = self.retry_after.max(regain);
        }
        self
    }
}

fn kind_of_code(code: i64, subcode: Option<i64>, transient: bool) -> FailureKind {
    match code {
        0 | 102 | 104 | 190 => FailureKind::Token,
        3 | 10 | 200..=299 => FailureKind::Permission,
        4 | 17 | 32 | 613 | 80_000..=80_014 => FailureKind::RateLimit,
        130_429 | 131_048 | 131_056 | 131_064 => FailureKind::RateLimit,
        33 | 803 => FailureKind::NotFoundOrHidden,
        100 if subcode == Some(33) => FailureKind::NotFoundOrHidden,
        100 => FailureKind::InvalidParameter,
        368 | 130_497 | 131_031 => FailureKind::Blocked,
        1 | 2 | 131_000 | 131_016 | 131_045 | 131_057 => FailureKind::Transient,
        _ if transient => FailureKind::Transient,
        _ => FailureKind::Other,
    }
}

fn kind_of_status(status: u16) -> FailureKind {
    match status {
        // A proxy's own 401 or 403 says nothing about the token: Meta's come with a Graph error.
        429 => FailureKind::RateLimit,
        500..=599 => FailureKind::Transient,
        _ => FailureKind::Malformed,
    }
}

/// NAME of "(#100) Tried accessing nonexisting field (NAME) on node type (TYPE)".
fn nonexisting_field(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("nonexisting field (")?;
    let (name, _) = rest.split_once(')')?;
    is_plain(name, MAX_FIELD).then(|| name.to_owned())
}

fn is_plain(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

fn cure(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Token => {
            "Meta refuses the access token: it is wrong, expired or revoked, or appsecret_proof is required and no app secret is configured"
        }
        FailureKind::Permission => {
            "the token lacks a permission: it needs whatsapp_business_management for this account"
        }
        FailureKind::RateLimit => "Meta limits calls for this account; waiting as long as it asks",
        FailureKind::NotFoundOrHidden => {
            "Meta shows no such object: the id is wrong, or the token's user has no access to it"
        }
        FailureKind::Blocked => "Meta has blocked or locked this account; see WhatsApp Manager",
        FailureKind::Transient => "Meta has a problem of its own; trying again",
        FailureKind::UnknownField => "Meta no longer knows a field that was asked for",
        FailureKind::InvalidParameter => {
            "Meta does not understand the request; is the API version still served?"
        }
        FailureKind::Malformed => {
            "the answer is not what the Graph API sends; is a proxy in between?"
        }
        FailureKind::TooLarge => "the answer is larger than graph.max_answer_bytes",
        FailureKind::Timeout => "no answer within graph.request_timeout",
        FailureKind::Connection => "no connection to the Graph API; check DNS, proxy and firewall",
        FailureKind::BudgetSpent => {
            "the calls of poll.calls_per_hour are spent, or Meta's quota nearly is; waiting"
        }
        FailureKind::Other => "Meta answered with an error that this version does not know",
    }
}

fn details(code: Option<i64>, subcode: Option<i64>, trace: Option<&str>) -> String {
    let code = code.map(|code| format!("code {code}"));
    let subcode = subcode.map(|subcode| format!("subcode {subcode}"));
    let trace = trace.map(|trace| format!("fbtrace_id {trace}"));
    let parts: Vec<String> = [code, subcode, trace].into_iter().flatten().collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join(", "))
    }
}

#[cfg(test)]
mod tests;
