//! Reads an app's accounts, where they are listed.

use super::ids::{Ids, Kind};
use super::places::Places;
use super::reader::AppReader;
use super::settings::ACCOUNTS;
use crate::domain::WabaId;

/// Most accounts of an app. Ten thousand, the largest provider we know of, take some sixty calls a
/// second at the default cadence.
const MAX_ACCOUNTS: usize = 20_000;

const KIND: Kind<WabaId> = Kind {
    count: 1..=MAX_ACCOUNTS,
    parse: WabaId::parse,
};

impl<'a> AppReader<'_, 'a> {
    /// Accounts that are listed; none need be where they are discovered.
    pub(super) fn accounts(&mut self, places: Places<'a>, are_discovered: bool) -> Ids<WabaId> {
        let found = self.ids(&ACCOUNTS, places, &KIND);
        let accounts = found.or_missing(|| {
            if are_discovered {
                return;
            }
            let (place, message) = places.missing(&ACCOUNTS, None);
            self.walker.error(place, message);
        });
        accounts.unwrap_or_default()
    }
}
