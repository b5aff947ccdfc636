//! Authorizes signers: an app's secret is valid only for the accounts of that app.
//!
//! The owner of one client's secret must not be able to change another client's data.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::{Assignments, Timestamp, WabaId};
use crate::ingest::webhook::{Delivery, Signer};
use crate::telemetry::Telemetry;

/// Minimum interval between log lines about one app and account. The cause is a configuration or a secret, and
/// lasts until an operator acts.
const LOG_EVERY: Duration = Duration::from_secs(3_600);

/// Maximum number of app and account pairs that are logged. The counter includes all of them.
const MAX_LOGGED: usize = 1_000;

/// Time of the last log line about each app and account.
#[derive(Debug, Default)]
pub struct WrongAppLog(Mutex<BTreeMap<(Arc<str>, WabaId), Timestamp>>);

impl WrongAppLog {
    /// Whether a log line about them is due. If so, records it as written.
    fn is_due(&self, app: &Arc<str>, waba_id: &WabaId, now: Timestamp) -> bool {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (Arc::clone(app), waba_id.clone());
        let is_due = match logged.get(&key) {
            Some(at) => now.since(*at) >= LOG_EVERY,
            None => logged.len() < MAX_LOGGED,
        };
        if is_due {
            logged.insert(key, now);
        }
        is_due
    }
}

/// Time of the last log line about each app whose previous secret was used. The configuration bounds the apps.
#[derive(Debug, Default)]
pub struct PreviousSecretLog(Mutex<BTreeMap<Arc<str>, Instant>>);

impl PreviousSecretLog {
    /// Whether a log line about the app is due. If so, records it as written.
    fn is_due(&self, app: &Arc<str>, now: Instant) -> bool {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = logged.get(app);
        let is_due = last.is_none_or(|at| now.saturating_duration_since(*at) >= LOG_EVERY);
        if is_due {
            logged.insert(Arc::clone(app), now);
        }
        is_due
    }
}

/// Counts and logs a delivery that was signed with a secret that its app has replaced.
pub(super) fn note_previous(signer: &Signer, telemetry: &Telemetry, log: &PreviousSecretLog) {
    if !signer.is_previous() {
        return;
    }
    let app = signer.name();
    let counter = &telemetry.webhook_previous_secret;
    counter.with_label_values(&[app.as_ref()]).inc();
    if log.is_due(app, Instant::now()) {
        tracing::warn!(
            %app,
            cure = "remove app_secret_previous once no more deliveries are signed with it",
            "webhook accepted; it is signed with the previous app secret"
        );
    }
}

/// Drops, counts and logs changes about accounts that only other apps watch. The store counts changes about
/// accounts that no app watches.
pub(super) fn drop_wrong_accounts(
    delivery: &mut Delivery,
    signer: &Signer,
    assignments: &Assignments,
    (telemetry, log): (&Telemetry, &WrongAppLog),
    now: Timestamp,
) {
    let is_wrong = |waba_id: &WabaId| {
        assignments.contains(waba_id) && !assignments.is_watched_by(signer.apps(), waba_id)
    };
    let app = signer.name();
    for (waba_id, changes) in delivery.drop_accounts(is_wrong) {
        let ignored = &telemetry.webhook_wrong_app;
        ignored.with_label_values(&[app.as_ref()]).inc_by(changes);
        if log.is_due(app, &waba_id, now) {
            tracing::warn!(
                %app,
                %waba_id,
                changes,
                cure = "if the app is subscribed to this account, list the account under that app too",
                "webhook ignored; the signing app does not watch the account"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_logged_once_an_hour_and_pairs_are_bounded() {
        let log = WrongAppLog::default();
        let now = Timestamp::from_seconds(1_775_000_000);
        let app: Arc<str> = "main".into();
        let waba = |index: usize| WabaId::parse(&index.to_string()).expect("digits");
        assert!(log.is_due(&app, &waba(1), now));
        assert!(!log.is_due(&app, &waba(1), now.plus(LOG_EVERY / 2)));
        assert!(log.is_due(&"other".into(), &waba(1), now));
        assert!(log.is_due(&app, &waba(1), now.plus(LOG_EVERY)));
        let lines = (2..5_000).filter(|index| log.is_due(&app, &waba(*index), now));
        assert_eq!(lines.count(), MAX_LOGGED - 2);
    }

    #[test]
    fn a_previous_secret_is_logged_once_an_hour_and_app() {
        let log = PreviousSecretLog::default();
        let (now, app): (Instant, Arc<str>) = (Instant::now(), "main".into());
        assert!(log.is_due(&app, now));
        assert!(!log.is_due(&app, now + LOG_EVERY / 2));
        assert!(log.is_due(&"other".into(), now));
        assert!(log.is_due(&app, now + LOG_EVERY));
    }
}
