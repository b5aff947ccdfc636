//! Rate-limits log lines about objects that a ceiling keeps out: thousands of them are one condition.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::{ObjectKind, WabaId};

/// Minimum interval between two lines about one account and kind. The counter has the number of objects.
const LINE_EVERY: Duration = Duration::from_secs(3_600);

/// Time of the last line about each account and kind: as many as there are watched accounts.
#[derive(Debug, Default)]
pub struct KeptOutLog(Mutex<BTreeMap<(WabaId, ObjectKind), Instant>>);

impl KeptOutLog {
    /// Logs that an object of this kind was kept out, unless that was logged within the hour.
    pub fn record(&self, waba_id: &WabaId, kind: ObjectKind, now: Instant) {
        if self.is_due(waba_id, kind, now) {
            let (cure, kind) = (cure(kind), kind.as_str());
            tracing::warn!(%waba_id, kind, cure, "account has too many objects; ignoring new ones");
        }
    }

    fn is_due(&self, waba_id: &WabaId, kind: ObjectKind, now: Instant) -> bool {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        logged.retain(|_, at| now.duration_since(*at) < LINE_EVERY);
        let key = (waba_id.clone(), kind);
        let is_due = !logged.contains_key(&key);
        if is_due {
            logged.insert(key, now);
        }
        is_due
    }
}

fn cure(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Recipient => {
            "none is needed; whatsapp_portfolio_recipients is absent until the number of customers falls"
        }
        ObjectKind::Insights => {
            "none is needed; the figures of the templates that sent most recently are kept"
        }
        ObjectKind::HealthDetail
        | ObjectKind::PhoneNumber
        | ObjectKind::Spelling
        | ObjectKind::Template => {
            "compare the objects in WhatsApp Manager with those on /metrics; if signed webhooks contain made-up ids, the app secret has leaked: reset it"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_line_per_hour_account_and_kind() {
        let log = KeptOutLog::default();
        let now = Instant::now();
        let waba = |id: &str| WabaId::parse(id).expect("digits");
        assert!(log.is_due(&waba("1"), ObjectKind::Template, now));
        assert!(!log.is_due(&waba("1"), ObjectKind::Template, now + LINE_EVERY / 2));
        assert!(log.is_due(&waba("1"), ObjectKind::PhoneNumber, now + LINE_EVERY / 2));
        assert!(log.is_due(&waba("2"), ObjectKind::Template, now + LINE_EVERY / 2));
        assert!(log.is_due(&waba("1"), ObjectKind::Template, now + LINE_EVERY));
    }
}
