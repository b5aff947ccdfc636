//! A drill: one signal of an account that does not exist, on `/metrics` next to the real ones, for rehearsing the
//! whole alerting chain.
//!
//! It cannot be mistaken for a real signal: its ids begin with zeros, its names say DRILL, it is not part of the
//! store or the history, and it ends by itself. It is started by a command that is sent like a webhook and signed
//! with an app secret.

mod signal;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use signal::{DrillSignal, WABA_ID};

use super::command::{self, Stale};
use crate::domain::{Timestamp, WabaId};
use crate::state::{Account, Accounts, State};

/// The longest drill: after an hour its data would look stale.
pub const LONGEST: Duration = Duration::from_secs(50 * 60);

/// A request to start or end a drill.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrillRequest {
    object: String,
    /// Creation time in Unix milliseconds.
    written_ms: i64,
    /// The signal to show. `None` ends the drill.
    signal: Option<String>,
    /// Duration of the drill in seconds.
    seconds: u64,
}

/// Why a request was not executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DrillError {
    /// The request cannot be parsed.
    #[error("the request cannot be read")]
    Unreadable,
    /// The request is too old, or the clocks differ.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// The running drill was started with another app's secret.
    #[error(
        "another app's drill is running; use that app's secret (--app), or wait until the drill ends"
    )]
    AnotherApp,
    /// There is no such signal.
    #[error("this version has no such signal")]
    UnknownSignal,
}

impl DrillRequest {
    /// A request to show this signal for this long, up to [`LONGEST`].
    #[must_use]
    pub fn begin(signal: DrillSignal, length: Duration, now: Timestamp) -> Self {
        Self::new(Some(signal), length.min(LONGEST), now)
    }

    /// A request to end the drill.
    #[must_use]
    pub fn end(now: Timestamp) -> Self {
        Self::new(None, Duration::ZERO, now)
    }

    fn new(signal: Option<DrillSignal>, length: Duration, now: Timestamp) -> Self {
        Self {
            object: command::DRILL.to_owned(),
            written_ms: now.as_millis(),
            signal: signal.map(|signal| signal.as_str().to_owned()),
            seconds: length.as_secs(),
        }
    }

    /// The body to sign and send.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        command::body(self)
    }
}

/// The running drill, if there is one.
#[derive(Debug, Default)]
pub struct Drill {
    running: Mutex<Option<RunningDrill>>,
}

#[derive(Clone, Debug)]
struct RunningDrill {
    /// The app whose secret started the drill.
    app: Arc<str>,
    until: Timestamp,
    account: Arc<Account>,
}

impl Drill {
    /// Starts or ends a drill as the body requests. `app` is the app whose secret signed it.
    ///
    /// # Errors
    /// Why the request was not executed; nothing has changed then.
    pub fn start(&self, body: &[u8], app: &Arc<str>, now: Timestamp) -> Result<(), DrillError> {
        let order: DrillRequest =
            serde_json::from_slice(body).map_err(|_| DrillError::Unreadable)?;
        command::check_age(order.written_ms, now)?;
        let is_anothers = |running: &RunningDrill| running.app != *app && running.until > now;
        if self.lock().as_ref().is_some_and(is_anothers) {
            return Err(DrillError::AnotherApp);
        }
        let Some(name) = order.signal else {
            *self.lock() = None;
            tracing::warn!("drill stopped");
            return Ok(());
        };
        let signal = DrillSignal::parse(&name).ok_or(DrillError::UnknownSignal)?;
        let length = Duration::from_secs(order.seconds).min(LONGEST);
        *self.lock() = Some(RunningDrill {
            app: Arc::clone(app),
            until: now.plus(length),
            account: account_in(signal, now),
        });
        let signal = signal.as_str();
        tracing::warn!(
            signal,
            seconds = length.as_secs(),
            waba_id = WABA_ID,
            "drill started"
        );
        Ok(())
    }

    /// Adds the account of a running drill to the real ones.
    pub fn join(&self, accounts: &mut Accounts, now: Timestamp) {
        accounts.extend(self.account(now));
    }

    fn account(&self, now: Timestamp) -> Option<(WabaId, Arc<Account>)> {
        let mut running = self.lock();
        if running.as_ref().is_some_and(|running| running.until <= now) {
            *running = None;
            tracing::warn!("drill ended");
        }
        let account = running.as_ref().map(|running| Arc::clone(&running.account));
        account.map(|account| (signal::waba_id(), account))
    }

    fn lock(&self) -> MutexGuard<'_, Option<RunningDrill>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An account with the state that Meta's data for this signal would produce.
fn account_in(signal: DrillSignal, now: Timestamp) -> Arc<Account> {
    let waba_id = signal::waba_id();
    let mut state = State::default();
    state.watch([waba_id.clone()]);
    for event in signal.events(now) {
        state.apply(&event);
    }
    Arc::clone(&state.accounts()[&waba_id])
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_775_000_000);

    fn app() -> Arc<str> {
        "main".into()
    }

    fn shown(drill: &Drill, now: Timestamp) -> bool {
        let mut accounts = Accounts::new();
        drill.join(&mut accounts, now);
        !accounts.is_empty()
    }

    #[test]
    fn a_drill_ends_on_request_and_by_itself() {
        let drill = Drill::default();
        assert!(!shown(&drill, NOW));
        let minute = Duration::from_secs(60);
        let begin = DrillRequest::begin(DrillSignal::NumberRed, minute, NOW).body();
        drill.start(&begin, &app(), NOW).expect("a good order");
        assert!(shown(&drill, NOW));
        drill
            .start(&DrillRequest::end(NOW).body(), &app(), NOW)
            .expect("a good order");
        assert!(!shown(&drill, NOW));
        drill.start(&begin, &app(), NOW).expect("a good order");
        assert!(shown(&drill, NOW.plus(minute - Duration::from_secs(1))));
        assert!(!shown(&drill, NOW.plus(minute)));
    }

    #[test]
    fn old_requests_and_unknown_signals_are_refused() {
        let drill = Drill::default();
        let order = DrillRequest::begin(DrillSignal::NumberRed, LONGEST, NOW);
        let later = NOW.plus(Duration::from_secs(61));
        let outcome = drill.start(&order.body(), &app(), later);
        assert_eq!(outcome, Err(DrillError::Stale(Stale)));
        let text = String::from_utf8(order.body()).expect("JSON is UTF-8");
        let unknown = text.replace("number-red", "number-mauve");
        let outcome = drill.start(unknown.as_bytes(), &app(), NOW);
        assert_eq!(outcome, Err(DrillError::UnknownSignal));
        assert_eq!(drill.start(b"{}", &app(), NOW), Err(DrillError::Unreadable));
        assert!(!shown(&drill, NOW));
    }

    #[test]
    fn an_app_cannot_change_the_drill_of_another_app() {
        let (drill, other) = (Drill::default(), "other".into());
        let begin = DrillRequest::begin(DrillSignal::NumberRed, LONGEST, NOW).body();
        drill.start(&begin, &app(), NOW).expect("a good order");
        for body in [DrillRequest::end(NOW).body(), begin.clone()] {
            let outcome = drill.start(&body, &other, NOW);
            assert_eq!(outcome, Err(DrillError::AnotherApp));
        }
        assert!(shown(&drill, NOW));
        let later = NOW.plus(LONGEST);
        let begin = DrillRequest::begin(DrillSignal::NumberRed, LONGEST, later).body();
        drill
            .start(&begin, &other, later)
            .expect("the first is over");
    }

    #[test]
    fn every_signal_has_its_name() {
        for signal in DrillSignal::ALL {
            assert_eq!(DrillSignal::parse(signal.as_str()), Some(signal));
        }
    }
}
