//! Reads the accounts of other replicas that belong to the portfolios, campaigns and experiments that this replica exports.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::context::{Operator, note_unread};

/// Interval of reading. The use of a limit changes slowly, and rules look at minutes.
const READ_EVERY: Duration = Duration::from_secs(15);

/// Reads them until the exporter stops.
pub async fn keep_read(operator: Operator) {
    if !operator.store.is_shared() {
        return;
    }
    let mut reads = interval(READ_EVERY);
    reads.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shards = operator.store.shards();
    loop {
        tokio::select! {
            () = operator.stop.cancelled() => return,
            _ = reads.tick() => {}
            // A portfolio or a campaign may belong to a newly owned shard.
            Ok(()) = shards.changed() => {}
        }
        note_unread(operator.store.read_portfolios().await);
        let options = operator.options.load_full();
        let campaigns = options.campaigns.iter().map(String::as_str);
        let names: Vec<&str> = campaigns.chain(options.experiments.names()).collect();
        note_unread(operator.store.read_campaigns(&names).await);
    }
}
