//! Reads the configured accounts of an app.

use super::ids::{IdKind, Ids};
use super::places::Places;
use super::reader::AppReader;
use super::settings::ACCOUNTS;
use crate::domain::WabaId;

/// Maximum number of accounts of an app. Ten thousand, as the largest known provider has, take some sixty calls per
/// second at the default intervals.
const MAX_ACCOUNTS: usize = 20_000;

const KIND: IdKind<WabaId> = IdKind {
    count: 1..=MAX_ACCOUNTS,
    parse: WabaId::parse,
};

impl<'a> AppReader<'_, 'a> {
    /// The configured accounts. The list may be missing if accounts are discovered.
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
