//! The memory that all responses share, and the readers that are closed to free it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::SLOW_READER;
use crate::serve::limiter::Connection;

/// Rate below which a reader is closed while others need the memory, in bytes per second. A scraper reads megabytes
/// per second.
pub(super) const MIN_RATE: u64 = 64 * 1024;

#[derive(Debug)]
pub(super) struct ResponseBudgetState {
    limit: usize,
    held: Mutex<Held>,
    pub released: Notify,
}

#[derive(Debug, Default)]
pub(super) struct Held {
    pub bytes: usize,
    next: u64,
    /// By age, oldest first.
    pub responses: BTreeMap<u64, Reserved>,
}

#[derive(Debug)]
pub(super) struct Reserved {
    pub bytes: usize,
    /// Connections of the clients that have not read the whole response, one entry for each body.
    pub readers: BTreeMap<u64, Arc<Connection>>,
}

impl ResponseBudgetState {
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            held: Mutex::default(),
            released: Notify::new(),
        }
    }

    pub fn reserve(&self, bytes: usize) -> Option<u64> {
        let mut held = self.held();
        if held.bytes + bytes > self.limit && !held.responses.is_empty() {
            return None;
        }
        let number = held.next_number();
        held.bytes += bytes;
        let readers = BTreeMap::new();
        held.responses.insert(number, Reserved { bytes, readers });
        Some(number)
    }

    /// Closes readers that are behind until `bytes` would fit. With `even_fast`, closes all readers of the oldest
    /// responses.
    pub fn close_readers(&self, bytes: usize, even_fast: bool) {
        let now = Instant::now();
        let held = self.held();
        let mut to_free = (held.bytes + bytes).saturating_sub(self.limit);
        for response in held.responses.values() {
            if to_free == 0 {
                return;
            }
            let mut are_all_closed = true;
            for reader in response.readers.values() {
                let is_behind = reader.bytes_behind(MIN_RATE, now) >= MIN_RATE;
                if is_behind || even_fast {
                    reader.close(SLOW_READER);
                }
                are_all_closed &= reader.closed().is_cancelled();
            }
            if are_all_closed && !response.readers.is_empty() {
                to_free = to_free.saturating_sub(response.bytes);
            }
        }
    }

    pub fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    pub fn next_number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }
}
