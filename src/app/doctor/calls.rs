//! Limits the doctor's own API calls per app and per account, so that it cannot use up a quota.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::ingest::graph::{Calls, Usage, UsageScope};

/// Maximum calls about an app: its token, its subscription, and the pages of two edges of a portfolio with ten
/// thousand accounts.
const MAX_CALLS_OF_APP: u32 = 300;

/// Maximum calls about an account: its node, an edge, and pages of phone numbers. Meta allows at least 200 an
/// hour.
pub(super) const MAX_CALLS_OF_ACCOUNT: u32 = 20;

/// Counts calls, and keeps the latest quota usage that Meta reported.
#[derive(Debug)]
pub(super) struct CountedCalls {
    made: AtomicU32,
    most: u32,
    of_account: Mutex<Option<Usage>>,
    of_app: Mutex<Option<Usage>>,
}

impl CountedCalls {
    /// Creates the limit for calls about an app.
    pub fn for_app() -> Self {
        Self::at_most(MAX_CALLS_OF_APP)
    }

    /// Creates the limit for calls about one account.
    pub fn for_account() -> Self {
        Self::at_most(MAX_CALLS_OF_ACCOUNT)
    }

    fn at_most(most: u32) -> Self {
        Self {
            made: AtomicU32::new(0),
            most,
            of_account: Mutex::default(),
            of_app: Mutex::default(),
        }
    }

    /// Latest usage of this quota that Meta reported.
    pub fn usage(&self, scope: UsageScope) -> Option<Usage> {
        *self
            .place(scope)
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, scope: UsageScope) -> &Mutex<Option<Usage>> {
        match scope {
            UsageScope::Account => &self.of_account,
            UsageScope::App => &self.of_app,
        }
    }
}

impl Calls for CountedCalls {
    fn may_call(&self) -> bool {
        self.made.fetch_add(1, Ordering::Relaxed) < self.most
    }

    fn used(&self, usage: &Usage) {
        let place = self.place(usage.scope);
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(*usage);
    }
}
