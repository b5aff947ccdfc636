//! The doctor's own API calls: few for each app and for each account, so that it cannot use up a quota.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::ingest::graph::{Calls, Usage, UsageScope};

/// Calls about an app: its token, its subscription, and the pages of two edges of a portfolio with ten
/// thousand accounts.
const MOST_OF_APP: u32 = 300;

/// Calls about an account: its node, an edge, and pages of numbers. Meta allows 200 an hour at least.
pub(super) const MOST_OF_ACCOUNT: u32 = 20;

/// Counts calls, and keeps what Meta last said of the quotas.
#[derive(Debug)]
pub(super) struct CountedCalls {
    made: AtomicU32,
    most: u32,
    of_account: Mutex<Option<Usage>>,
    of_app: Mutex<Option<Usage>>,
}

impl CountedCalls {
    /// For the calls about an app.
    pub fn of_app() -> Self {
        Self::at_most(MOST_OF_APP)
    }

    /// For the calls about one account.
    pub fn of_account() -> Self {
        Self::at_most(MOST_OF_ACCOUNT)
    }

    fn at_most(most: u32) -> Self {
        Self {
            made: AtomicU32::new(0),
            most,
            of_account: Mutex::default(),
            of_app: Mutex::default(),
        }
    }

    /// What Meta last said of this quota.
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
