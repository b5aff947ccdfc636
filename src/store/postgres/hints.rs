//! Notifications between replicas. They only make work begin sooner, so a lost one does no harm.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgListener, PgPool};
use tokio::time::sleep;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::PostgresError;
use super::limits::{SHORT, within};
use super::pools::Pools;
use crate::store::engine::Hints;

/// Wait before a failed listener connects again.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// Payload after shards have been released.
pub(super) const SHARDS: &str = "shards";

/// Payload after events were added to the inbox.
pub(super) const INBOX: &str = "inbox";

/// The channel of the replicas of this schema. Channels belong to the whole database.
pub(super) fn channel(schema: &str) -> String {
    format!("whatsapp_exporter_{schema}")
}

/// Notifies the other replicas.
pub(super) async fn notify_others(
    connection: &mut PgConnection,
    schema: &str,
    what: &str,
) -> sqlx::Result<()> {
    let notify = sqlx::query("SELECT pg_notify($1, $2)");
    let notify = notify.bind(channel(schema)).bind(what);
    notify.execute(connection).await.map(drop)
}

/// The task that listens to other replicas; it ends when this is dropped.
pub(super) struct Listener {
    _stop: DropGuard,
}

impl Listener {
    pub fn start(pools: Pools, schema: &str, hints: Arc<Hints>) -> Self {
        let stop = CancellationToken::new();
        let task = listen_always(pools, channel(schema), hints);
        tokio::spawn(stop.clone().run_until_cancelled_owned(task));
        Self {
            _stop: stop.drop_guard(),
        }
    }
}

async fn listen_always(pools: Pools, channel: String, hints: Arc<Hints>) {
    loop {
        let ended = listen(&pools, &channel, &hints).await;
        if let Err(error) = ended {
            tracing::debug!(%error, "could not listen to other replicas; trying again");
        }
        sleep(RETRY_EVERY).await;
    }
}

/// Listens until the connection ends, or the readers' pool does: the writer then finds the server that accepts writes,
/// and opens a pool there. The connection is not one of the pool, because it would be missing there.
async fn listen(pools: &Pools, channel: &str, hints: &Hints) -> Result<(), PostgresError> {
    let readers = pools.load_full();
    let mut is_over = readers.close_event();
    let own = readers.options().clone().max_connections(1);
    let own = own.idle_timeout(None).max_lifetime(None);
    let own = own.connect_lazy_with(PgConnectOptions::clone(&readers.connect_options()));
    drop(readers);
    is_over.do_until(receive(&own, channel, hints)).await?
}

async fn receive(own: &PgPool, channel: &str, hints: &Hints) -> Result<(), PostgresError> {
    let mut listener = PgListener::connect_with(own).await?;
    listener.eager_reconnect(false);
    let begun: Result<(), PostgresError> = within(SHORT, listener.listen(channel)).await;
    begun?;
    // Notifications from before the connection was made are lost.
    hints.note_shards();
    while let Some(said) = listener.try_recv().await? {
        match said.payload() {
            SHARDS => hints.note_shards(),
            _ => hints.note_inbox(),
        }
    }
    Ok(())
}
