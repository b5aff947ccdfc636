//! Stores that tests open in their own process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use whatsapp_business_exporter::domain::Timestamp;
use whatsapp_business_exporter::state::{Account, Accounts};
use whatsapp_business_exporter::store::{HistoryQuery, Location, OpenError, Store};
use whatsapp_business_exporter::telemetry::Telemetry;

use super::postgres::shared;

const DEADLINE: Duration = Duration::from_secs(120);

/// The shards of a store on PostgreSQL.
const SHARDS: usize = 64;

/// The accounts that have data. The others are not stored: they count since the store began to watch them.
pub fn with_data(accounts: &Accounts) -> Accounts {
    let is_empty = |account: &Account| {
        *account == Account::default().with_counted_since(account.counted_since())
    };
    let all = accounts.iter().filter(|(_, account)| !is_empty(account));
    all.map(|(waba_id, account)| (waba_id.clone(), Arc::clone(account)))
        .collect()
}

/// Opens a store, which a test may just have closed. A process that another test starts inherits the file and its
/// lock until it has begun, so that the file can be in use for a moment longer.
pub async fn opened(location: &Location, kept_for: Duration) -> Store {
    let began = Instant::now();
    loop {
        match Store::open(location, kept_for, Arc::new(Telemetry::new())).await {
            Err(OpenError::InUse { .. }) if began.elapsed() < DEADLINE => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            result => {
                let store = result.expect("a store that opens");
                own_everything(&store).await;
                return store;
            }
        }
    }
}

/// Waits until a replica owns all shards.
async fn own_everything(store: &Store) {
    let mut shards = store.shards();
    while store.is_shared() && shards.borrow_and_update().len() < SHARDS {
        let changed = tokio::time::timeout(DEADLINE, shards.changed()).await;
        changed.expect("it acquires all shards").expect("it runs");
    }
}

/// A place for a store that does not exist yet.
pub struct NewStore {
    pub location: Location,
    _folder: Option<tempfile::TempDir>,
}

impl NewStore {
    /// A file of SQLite.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self {
            location: Location::File(folder.path().join("state.db")),
            _folder: Some(folder),
        }
    }

    /// A database of the shared PostgreSQL server.
    pub fn postgres() -> Self {
        let options = crate::postgres::options(&shared().new_database());
        Self {
            location: Location::Server(Box::new(options)),
            _folder: None,
        }
    }
}

/// One of each engine.
pub fn of_each_engine() -> [NewStore; 2] {
    [NewStore::sqlite(), NewStore::postgres()]
}

/// The query of the whole history.
pub fn every_line() -> HistoryQuery {
    HistoryQuery {
        waba_id: None,
        entity: None,
        entity_id: None,
        attribute: None,
        since: Timestamp::from_millis(i64::MIN),
        until: Timestamp::from_millis(i64::MAX),
        after: None,
    }
}
