//! The doctor's own calls: a hundred at the most for each app, so that it can do no harm to a quota.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::ingest::graph::{Calls, Usage};

/// Some three for each account, and Meta allows 200 an hour at the least.
const MOST: u32 = 100;

/// Counts calls, and keeps what Meta said of its quota last.
#[derive(Debug, Default)]
pub(super) struct CountedCalls {
    made: AtomicU32,
    usage: Mutex<Option<Usage>>,
}

impl CountedCalls {
    /// What Meta said of its quota since this was asked before.
    pub fn take_usage(&self) -> Option<Usage> {
        self.usage
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl Calls for CountedCalls {
    fn may_call(&self) -> bool {
        self.made.fetch_add(1, Ordering::Relaxed) < MOST
    }

    fn used(&self, usage: &Usage) {
        *self.usage.lock().unwrap_or_else(PoisonError::into_inner) = Some(*usage);
    }
}
