//! Relay commands, signed with an app secret and sent to the webhook endpoint.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::command::{self, Stale};
use crate::domain::{Assignments, Timestamp, WabaId};
use crate::relay::{Action, ParkedCommand, UpstreamReport};

/// The request body.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayRequest {
    object: String,
    /// Creation time in Unix milliseconds.
    written_ms: i64,
    action: RelayAction,
    /// Name of the upstream; `None` selects all.
    upstream: Option<String>,
    /// Id of the account; `None` selects all.
    waba_id: Option<String>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RelayAction {
    List,
    Retry,
    Drop,
}

/// State of one upstream in the response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayReport {
    /// Name of the upstream.
    pub upstream: String,
    /// Parked deliveries that the command was about.
    pub selected: usize,
    /// Number of waiting deliveries.
    pub waiting: usize,
    /// Number of parked deliveries.
    pub parked: usize,
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RelayRequestError {
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
}

impl RelayRequest {
    /// Creates a request.
    #[must_use]
    pub fn new(
        action: Action,
        upstream: Option<String>,
        waba_id: Option<&WabaId>,
        now: Timestamp,
    ) -> Self {
        Self {
            object: command::RELAY.to_owned(),
            written_ms: now.as_millis(),
            action: match action {
                Action::List => RelayAction::List,
                Action::Retry => RelayAction::Retry,
                Action::Drop => RelayAction::Drop,
            },
            upstream,
            waba_id: waba_id.map(WabaId::to_string),
        }
    }

    /// Reads a signed body.
    ///
    /// # Errors
    /// If the request is invalid or too old.
    pub fn parse(body: &[u8], now: Timestamp) -> Result<Self, RelayRequestError> {
        let request: Self =
            serde_json::from_slice(body).map_err(|_| RelayRequestError::Unreadable)?;
        command::check_age(request.written_ms, now)?;
        Ok(request)
    }

    /// The command, limited to the accounts of the apps whose secret signed it. Only a secret of all apps gives
    /// access to deliveries of accounts that no app watches.
    ///
    /// # Errors
    /// If the account belongs to none of these apps.
    pub fn authorize(
        self,
        signers: &[Arc<str>],
        assignments: &Assignments,
    ) -> Result<ParkedCommand, RelayRequestError> {
        let waba_id = self.waba_id.as_deref().map(WabaId::parse);
        let waba_id = waba_id.map(|id| id.ok_or(RelayRequestError::Unreadable));
        let waba_id = waba_id.transpose()?;
        let mut apps = assignments.apps().iter();
        let signs_for_all = apps.all(|app| signers.contains(&app.app));
        let is_watched = |id: &WabaId| assignments.is_watched_by(signers, id);
        let waba_ids = match waba_id {
            Some(id) if signs_for_all || is_watched(&id) => Some(BTreeSet::from([id])),
            Some(_) => return Err(RelayRequestError::WrongApp),
            None if signs_for_all => None,
            None => {
                let accounts = assignments.accounts();
                Some(accounts.filter(|id| is_watched(id)).cloned().collect())
            }
        };
        Ok(ParkedCommand {
            action: match self.action {
                RelayAction::List => Action::List,
                RelayAction::Retry => Action::Retry,
                RelayAction::Drop => Action::Drop,
            },
            upstream: self.upstream,
            waba_ids,
        })
    }
}

/// The body of the response.
pub(super) fn relay_reports(reports: &[UpstreamReport]) -> Vec<RelayReport> {
    let reports = reports.iter().map(|report| RelayReport {
        upstream: report.upstream.clone(),
        selected: report.selected,
        waiting: report.waiting,
        parked: report.parked,
    });
    reports.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::domain::{AccountSource, AppAccounts, Assigned};

    const NOW: Timestamp = Timestamp::from_seconds(1_775_000_000);

    fn id(text: &str) -> WabaId {
        WabaId::parse(text).expect("digits")
    }

    fn assignments(apps: &[(&str, &str)]) -> Assignments {
        let apps = apps.iter().map(|(app, account)| {
            let assigned = Assigned::from_source(AccountSource::Configured);
            AppAccounts {
                app: Arc::from(*app),
                accounts: BTreeMap::from([(id(account), assigned)]),
            }
        });
        Assignments::new(apps.collect())
    }

    fn accounts_of(
        signer: &str,
        waba_id: Option<&str>,
        apps: &[(&str, &str)],
    ) -> Result<Option<BTreeSet<WabaId>>, RelayRequestError> {
        let waba_id = waba_id.map(id);
        let request = RelayRequest::new(Action::Retry, None, waba_id.as_ref(), NOW);
        let command = request.authorize(&[Arc::from(signer)], &assignments(apps))?;
        Ok(command.waba_ids)
    }

    #[test]
    fn a_secret_authorizes_only_the_accounts_of_its_app() {
        let one = [("a", "1")];
        assert_eq!(accounts_of("a", None, &one), Ok(None));
        assert_eq!(
            accounts_of("a", Some("9"), &one),
            Ok(Some([id("9")].into()))
        );
        let two = [("a", "1"), ("b", "2")];
        assert_eq!(accounts_of("a", None, &two), Ok(Some([id("1")].into())));
        assert_eq!(
            accounts_of("a", Some("1"), &two),
            Ok(Some([id("1")].into()))
        );
        for stranger in ["2", "9"] {
            let refused = accounts_of("a", Some(stranger), &two);
            assert_eq!(refused, Err(RelayRequestError::WrongApp));
        }
    }

    #[test]
    fn old_and_invalid_requests_are_refused() {
        let request = RelayRequest::new(Action::Drop, Some("app".into()), None, NOW);
        let body = command::body(&request);
        assert!(RelayRequest::parse(&body, NOW).is_ok());
        let later = NOW.plus(Duration::from_secs(61));
        let stale = RelayRequest::parse(&body, later).expect_err("it is too old");
        assert_eq!(stale, RelayRequestError::Stale(Stale));
        for bad in [
            "{}",
            r#"{"object":"whatsapp_business_exporter_relay","written_ms":1775000000000,"action":"burn"}"#,
        ] {
            let refused = RelayRequest::parse(bad.as_bytes(), NOW).expect_err(bad);
            assert_eq!(refused, RelayRequestError::Unreadable);
        }
    }
}
