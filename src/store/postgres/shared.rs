//! Heartbeats, the locks of shards, and the inbox.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::{Connection, FromRow, PgConnection};

use super::database::number;
use super::hints::{SHARDS, notify_others};
use super::limits::{LONG, SHORT};
use super::{Database, keys, notify_queue, relay_commands};
use crate::cluster::{Backend, Epoch, Release, ReplicaId, ReplicaRow, ShardRow, View};
use crate::domain::{Shard, Timestamp, WabaId};
use crate::state::DedupScope;
use crate::store::engine::{
    Acquired, Heartbeat, Hints, InboxRow, InboxSize, ReadConnections, SharedEngine, StoreError,
    Versions,
};
use crate::store::relay_queue::{OthersCommand, OthersDeliveries, RelayDelivery, lanes_from_text};

/// Most bytes of rows of the inbox that are read at once, apart from the last row.
const INBOX_BYTES: i64 = 16 << 20;

/// Rows of the inbox beyond these are not counted.
const MOST_COUNTED: i64 = 10_000;

/// The namespace of the advisory locks. They belong to the whole database, in which several exporters can have
/// schemas of their own.
pub(super) fn namespace(schema: &str) -> i32 {
    use sha2::{Digest as _, Sha256};
    let hash = Sha256::digest(format!("whatsapp-business-exporter {schema}"));
    i32::from_be_bytes(*hash.first_chunk().expect("a hash has 32 bytes"))
}

#[async_trait]
impl SharedEngine for Database {
    fn backend(&self) -> Backend {
        self.backend
    }

    fn read_connections(&self) -> ReadConnections {
        let pool = self.pools.load();
        let (size, idle) = (pool.size() as usize, pool.num_idle());
        ReadConnections {
            busy: size.saturating_sub(idle),
            idle,
        }
    }

    fn hints(&self) -> Arc<Hints> {
        Arc::clone(&self.hints)
    }

    async fn heartbeat(&mut self, heartbeat: &Heartbeat) -> Result<View, StoreError> {
        let namespace = namespace(&self.options.schema);
        let beat = async |connection: &mut _| beat(connection, namespace, heartbeat).await;
        self.run(SHORT, beat).await
    }

    async fn acquire(&mut self, shard: Shard) -> Result<Option<Acquired>, StoreError> {
        let namespace = namespace(&self.options.schema);
        let owner = format!("{}", self.backend.pid);
        let acquire =
            async |connection: &mut _| acquire(connection, namespace, shard, &owner).await;
        let acquired = self.run(SHORT, acquire).await?;
        if acquired.is_some() {
            self.note_owned(shard, true);
        }
        Ok(acquired)
    }

    async fn adopt_signals(&mut self, shard: Shard, newest: i64) -> Result<(), StoreError> {
        let owned = self.owned.load_full();
        let shard = number(shard);
        let adopt = async |connection: &mut _| {
            notify_queue::adopt_signals(connection, &owned, shard, newest).await
        };
        self.run(LONG, adopt).await
    }

    async fn release(&mut self, shard: Shard, release: Release) -> Result<(), StoreError> {
        self.note_owned(shard, false);
        let schema = self.options.schema.clone();
        let release =
            async |connection: &mut _| release_shard(connection, &schema, shard, release).await;
        self.run(SHORT, release).await
    }

    fn drop_shard(&mut self, shard: Shard) {
        self.note_owned(shard, false);
    }

    async fn terminate(&mut self, backend: Backend) -> Result<(), StoreError> {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE pid = $1 AND (extract(epoch FROM backend_start) * 1000000)::bigint = $2";
        let end = sqlx::query(end).bind(backend.pid).bind(backend.started);
        let end = async |connection: &mut _| end.execute(connection).await.map(drop);
        self.run(SHORT, end).await
    }

    async fn inbox(&mut self, limit: u32, except: &[i64]) -> Result<Vec<InboxRow>, StoreError> {
        let owned = self.owned.load_full();
        if owned.is_empty() {
            return Ok(Vec::new());
        }
        // The oldest row in any case, whatever its size.
        let query = "SELECT id, shard, received_ms, events, waba_ids, lanes, signature, body FROM ( \
               SELECT *, sum(octet_length(events) + coalesce(octet_length(body), 0)) \
                 OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before \
               FROM (SELECT * FROM inbox WHERE shard = ANY($1) AND id <> ALL($2) ORDER BY id LIMIT $3) AS oldest \
             ) AS measured WHERE coalesce(before, 0) < $4 ORDER BY id";
        let rows = sqlx::query_as(query).bind(&owned[..]).bind(except);
        let rows = rows.bind(i64::from(limit)).bind(INBOX_BYTES);
        let read = async |connection: &mut _| rows.fetch_all(connection).await;
        let rows: Vec<StoredRow> = self.run(SHORT, read).await?;
        Ok(rows.into_iter().map(InboxRow::from).collect())
    }

    async fn inbox_size(&mut self) -> Result<InboxSize, StoreError> {
        let owned = self.owned.load_full();
        // A long inbox is not counted to its end, because that would delay each heartbeat.
        let query = "SELECT (SELECT count(*) FROM (SELECT FROM inbox WHERE shard = ANY($1) LIMIT $2) AS counted), \
             (SELECT received_ms FROM inbox WHERE shard = ANY($1) ORDER BY id LIMIT 1)";
        let size = sqlx::query_as(query).bind(&owned[..]).bind(MOST_COUNTED);
        let read = async |connection: &mut _| size.fetch_one(connection).await;
        let (rows, oldest_ms) = self.run(SHORT, read).await?;
        Ok(InboxSize { rows, oldest_ms })
    }

    async fn versions(&mut self) -> Result<Versions, StoreError> {
        let query = sqlx::query_as("SELECT discovered_version, relay_version FROM cluster");
        let read = async |connection: &mut _| query.fetch_one(connection).await;
        let (discovered, relay) = self.run(SHORT, read).await?;
        Ok(Versions { discovered, relay })
    }

    async fn command_others(
        &mut self,
        command: &OthersCommand,
    ) -> Result<OthersDeliveries, StoreError> {
        let (owned, schema) = (self.owned.load_full(), self.options.schema.clone());
        let execute = async |connection: &mut _| {
            let deliveries = relay_commands::command_others(connection, &owned, command).await?;
            if command.change.is_some() {
                // Its heartbeat reads the versions.
                notify_others(connection, &schema, SHARDS).await?;
            }
            Ok::<_, StoreError>(deliveries)
        };
        self.run(LONG, execute).await
    }

    async fn copied_keys(&mut self, scope: DedupScope) -> Result<Vec<Vec<u8>>, StoreError> {
        self.run(LONG, async |connection| {
            keys::copied_keys(connection, scope).await
        })
        .await
    }
}

async fn beat(
    connection: &mut PgConnection,
    namespace: i32,
    heartbeat: &Heartbeat,
) -> sqlx::Result<View> {
    let mut transaction = connection.begin().await?;
    if !heartbeat.is_durable {
        // It need not survive a crash of the server, and must not wait for a standby.
        sqlx::query("SET LOCAL synchronous_commit = off")
            .execute(&mut *transaction)
            .await?;
    }
    write_replica(&mut transaction, heartbeat).await?;
    let replicas = read_replicas(&mut transaction).await?;
    let shards = read_shards(&mut transaction, namespace).await?;
    let reader = sqlx::query_as(OWN_BACKEND);
    let (pid, started) = reader.fetch_one(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(View {
        reader: Backend { pid, started },
        replicas,
        shards,
    })
}

async fn acquire(
    connection: &mut PgConnection,
    namespace: i32,
    shard: Shard,
    owner: &str,
) -> sqlx::Result<Option<Acquired>> {
    let is_locked = sqlx::query_scalar("SELECT pg_try_advisory_lock($1, $2)")
        .bind(namespace)
        .bind(i32::from(number(shard)))
        .fetch_one(&mut *connection);
    if !is_locked.await? {
        return Ok(None);
    }
    let raise = "UPDATE shards SET epoch = shards.epoch + 1, released = false, owner = $2 \
         FROM (SELECT shard, released FROM shards WHERE shard = $1 FOR UPDATE) AS before \
         WHERE shards.shard = before.shard RETURNING shards.epoch, before.released";
    let raised = sqlx::query_as(raise).bind(number(shard)).bind(owner);
    let (epoch, was_released) = raised.fetch_one(connection).await?;
    Ok(Some(Acquired {
        epoch: Epoch(epoch),
        was_released,
    }))
}

async fn release_shard(
    connection: &mut PgConnection,
    schema: &str,
    shard: Shard,
    release: Release,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE shards SET released = $1, owner = NULL WHERE shard = $2 AND epoch = $3")
        .bind(release.released)
        .bind(number(shard))
        .bind(release.epoch.0)
        .execute(&mut *connection)
        .await?;
    sqlx::query("SELECT pg_advisory_unlock($1, $2)")
        .bind(namespace(schema))
        .bind(i32::from(number(shard)))
        .execute(&mut *connection)
        .await?;
    notify_others(connection, schema, SHARDS).await
}

const OWN_BACKEND: &str = "SELECT pid, (extract(epoch FROM backend_start) * 1000000)::bigint \
     FROM pg_stat_activity WHERE pid = pg_backend_pid()";

async fn write_replica(connection: &mut PgConnection, heartbeat: &Heartbeat) -> sqlx::Result<()> {
    let write = "INSERT INTO replicas (replica, backend_pid, backend_start, address, version, config_hash, \
         beat, is_leaving) \
         SELECT $1, pid, backend_start, $2, $3, $4, $5, $6 FROM pg_stat_activity WHERE pid = pg_backend_pid() \
         ON CONFLICT (replica) DO UPDATE SET backend_pid = excluded.backend_pid, \
         backend_start = excluded.backend_start, address = excluded.address, version = excluded.version, \
         config_hash = excluded.config_hash, beat = excluded.beat, is_leaving = excluded.is_leaving, \
         seen_at = clock_timestamp()";
    sqlx::query(write)
        .bind(heartbeat.replica.to_string())
        .bind(&heartbeat.address)
        .bind(env!("CARGO_PKG_VERSION"))
        .bind(&heartbeat.config_hash)
        .bind(heartbeat.beat)
        .bind(heartbeat.is_leaving)
        .execute(&mut *connection)
        .await?;
    // Replicas that have ended. Their rows are kept for a while, for people.
    let forget = "DELETE FROM replicas WHERE seen_at < clock_timestamp() - interval '10 minutes'";
    sqlx::query(forget).execute(connection).await.map(drop)
}

async fn read_replicas(connection: &mut PgConnection) -> sqlx::Result<Vec<ReplicaRow>> {
    let query = "SELECT replica, backend_pid, \
         (extract(epoch FROM replicas.backend_start) * 1000000)::bigint AS started, beat, is_leaving, \
         activity.pid IS NOT NULL AS connected FROM replicas LEFT JOIN pg_stat_activity AS activity \
         ON activity.pid = backend_pid AND activity.backend_start = replicas.backend_start \
         WHERE backend_pid IS NOT NULL";
    let rows: Vec<(String, i32, i64, i64, bool, bool)> =
        sqlx::query_as(query).fetch_all(connection).await?;
    let rows = rows
        .into_iter()
        .filter_map(|(id, pid, started, beat, leaving, connected)| {
            Some(ReplicaRow {
                id: ReplicaId::parse(&id)?,
                backend: Backend { pid, started },
                beat,
                connected,
                leaving,
            })
        });
    Ok(rows.collect())
}

async fn read_shards(connection: &mut PgConnection, namespace: i32) -> sqlx::Result<Vec<ShardRow>> {
    // `objsubid` is 2 for a lock with two numbers.
    let query = "SELECT shard, epoch, locks.pid, \
         (extract(epoch FROM activity.backend_start) * 1000000)::bigint FROM shards \
         LEFT JOIN pg_locks AS locks ON locks.locktype = 'advisory' AND locks.granted \
           AND locks.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
           AND locks.classid = $1::bigint::oid AND locks.objid = shard::int::oid AND locks.objsubid = 2 \
         LEFT JOIN pg_stat_activity AS activity ON activity.pid = locks.pid ORDER BY shard";
    let namespace = i64::from(u32::from_ne_bytes(namespace.to_ne_bytes()));
    let rows: Vec<(i16, i64, Option<i32>, Option<i64>)> = sqlx::query_as(query)
        .bind(namespace)
        .fetch_all(connection)
        .await?;
    let rows = rows
        .into_iter()
        .map(|(shard, epoch, pid, started)| ShardRow {
            shard: Shard(u16::try_from(shard).unwrap_or_default()),
            epoch: Epoch(epoch),
            holder: pid.map(|pid| Backend {
                pid,
                // A session that ends between the two reads has no start any more; the next heartbeat sees its lock
                // free.
                started: started.unwrap_or_default(),
            }),
        });
    Ok(rows.collect())
}

#[derive(FromRow)]
struct StoredRow {
    id: i64,
    shard: i16,
    received_ms: i64,
    events: String,
    waba_ids: Option<String>,
    lanes: Option<String>,
    signature: Option<String>,
    body: Option<Vec<u8>>,
}

impl From<StoredRow> for InboxRow {
    fn from(row: StoredRow) -> Self {
        let delivery = row.signature.zip(row.body).map(|(signature, body)| {
            let waba_ids = row.waba_ids.unwrap_or_default();
            RelayDelivery {
                received_at: Timestamp::from_millis(row.received_ms),
                waba_ids: waba_ids.split(' ').filter_map(WabaId::parse).collect(),
                lanes: lanes_from_text(row.lanes.as_deref()),
                signature,
                body: body.into(),
            }
        });
        Self {
            id: row.id,
            shard: Shard(u16::try_from(row.shard).unwrap_or_default()),
            received_ms: row.received_ms,
            events: row.events,
            delivery,
        }
    }
}
