//! A request to remove a lost account, signed with an app secret and sent to the webhook endpoint.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::oneshot;

use super::command::{self, Stale};
use crate::domain::{Timestamp, WabaId};

/// A request to the running exporter, with the channel for its result.
pub type ForgetCall = (WabaId, oneshot::Sender<Result<(), ForgetError>>);

/// The request body.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForgetRequest {
    object: String,
    /// Creation time in Unix milliseconds.
    written_ms: i64,
    waba_id: String,
}

/// Why an account was not removed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ForgetError {
    /// The body is not a valid request.
    #[error("the request cannot be read")]
    Unreadable,
    /// The request is too old.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// The app whose secret signed it does not watch the account.
    #[error(
        "the app whose secret signed the request does not watch this account; choose another with --app"
    )]
    WrongApp,
    /// No app watches the account.
    #[error("the account is not watched")]
    Unknown,
    /// The configuration lists the account.
    #[error("the configuration lists the account; remove it from apps[].accounts and reload")]
    Listed,
    /// Discovery still finds the account.
    #[error(
        "the account is not lost: discovery still finds it; use apps[].exclude to leave it out"
    )]
    NotLost,
    /// The store could not commit the removal.
    #[error("could not store the change: {0}")]
    NotStored(String),
    /// The exporter is stopping.
    #[error("the exporter is stopping")]
    Stopping,
}

impl ForgetRequest {
    /// Creates a request for this account.
    #[must_use]
    pub fn new(waba_id: &WabaId, now: Timestamp) -> Self {
        Self {
            object: command::FORGET.to_owned(),
            written_ms: now.as_millis(),
            waba_id: waba_id.to_string(),
        }
    }

    /// Reads the account from a signed body.
    ///
    /// # Errors
    /// If the request is invalid or too old.
    pub fn parse(body: &[u8], now: Timestamp) -> Result<WabaId, ForgetError> {
        let request: Self = serde_json::from_slice(body).map_err(|_| ForgetError::Unreadable)?;
        command::check_age(request.written_ms, now)?;
        WabaId::parse(&request.waba_id).ok_or(ForgetError::Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_775_000_000);

    #[test]
    fn a_fresh_request_names_its_account_and_an_old_one_is_refused() {
        let waba_id = WabaId::parse("800").expect("digits");
        let body = command::body(&ForgetRequest::new(&waba_id, NOW));
        assert_eq!(ForgetRequest::parse(&body, NOW), Ok(waba_id));
        for later in [
            NOW.plus(Duration::from_secs(61)),
            NOW.minus(Duration::from_secs(61)),
        ] {
            let outcome = ForgetRequest::parse(&body, later);
            assert_eq!(outcome, Err(ForgetError::Stale(Stale)));
        }
        for bad in [
            "{}",
            r#"{"object":"whatsapp_business_exporter_forget","written_ms":1775000000000,"waba_id":"x"}"#,
        ] {
            let outcome = ForgetRequest::parse(bad.as_bytes(), NOW);
            assert_eq!(outcome, Err(ForgetError::Unreadable));
        }
    }
}
