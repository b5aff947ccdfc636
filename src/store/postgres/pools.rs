//! What the readers share with the writer.

use std::sync::Arc;

use arc_swap::ArcSwap;
use sqlx::PgPool;
use tokio::time::timeout;

use super::limits::CLOSE_LIMIT;

/// The pool of readers, which is replaced after the writer has connected to another server.
pub(super) type Pools = Arc<ArcSwap<PgPool>>;

/// The shards whose queues this replica reads.
pub(super) type Owned = Arc<ArcSwap<Vec<i16>>>;

/// Closes the present pool. What is still read ends with its connection.
pub(super) async fn close(pools: &Pools) {
    drop(timeout(CLOSE_LIMIT, pools.load_full().close()).await);
}
