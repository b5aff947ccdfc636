//! Loads the state of accounts from the database.
//!
//! Rows are read in groups, so that they never take as much memory as the state. Groups are decoded by other threads
//! while the next ones are read, because decoding takes most of the time of a start.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::task::{JoinError, spawn_blocking};

use super::engine::{ACCOUNTS_PER_LOAD, Engine, SavedAccounts, SavedSegment, StoreError};
use super::rows;
use crate::domain::WabaId;
use crate::state::{Account, Accounts};

/// Maximum number of groups that are decoded at the same time. Reading keeps up with two threads.
const DECODED_AT_ONCE: usize = 2;

/// Decoded accounts, each with the segments of its customers.
type Decoded = Vec<(WabaId, Account, Vec<SavedSegment>)>;

/// Those of these accounts that are stored; `restore` adds the customers in these segments.
pub async fn load(
    database: &mut dyn Engine,
    waba_ids: &[WabaId],
    mut restore: impl FnMut(&WabaId, &[SavedSegment], &mut Account) -> Result<(), StoreError>,
) -> Result<Accounts, StoreError> {
    let mut accounts = Accounts::new();
    let mut decoding = VecDeque::new();
    let mut groups = waba_ids.chunks(ACCOUNTS_PER_LOAD);
    loop {
        let group = groups.next();
        if let Some(group) = group {
            let ids: Vec<String> = group.iter().map(WabaId::to_string).collect();
            let saved = database.load(&ids).await?;
            decoding.push_back(spawn_blocking(move || decode(saved)));
        }
        if group.is_some() && decoding.len() <= DECODED_AT_ONCE {
            continue;
        }
        let Some(oldest) = decoding.pop_front() else {
            return Ok(accounts);
        };
        for (waba_id, mut account, segments) in decoded(oldest.await)? {
            restore(&waba_id, &segments, &mut account)?;
            accounts.insert(waba_id, Arc::new(account));
        }
    }
}

/// A panic in a row's decoder is an error of this row.
fn decoded(outcome: Result<Result<Decoded, StoreError>, JoinError>) -> Result<Decoded, StoreError> {
    outcome.unwrap_or_else(|_| Err(StoreError::unreadable("decoding an account failed")))
}

fn decode(saved: SavedAccounts) -> Result<Decoded, StoreError> {
    let accounts = saved.into_iter().filter_map(|(waba_id, mut saved)| {
        let waba_id = WabaId::parse(&waba_id)?;
        let segments = std::mem::take(&mut saved.segments);
        Some(match rows::to_account(&saved) {
            Ok(account) => Ok((waba_id, account, segments)),
            Err(error) => Err(StoreError::new(
                error.reason,
                format!("account {waba_id}: {error}"),
            )),
        })
    });
    accounts.collect()
}
