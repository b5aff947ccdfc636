//! Several processes of the exporter that share a real PostgreSQL server, under kills, pauses, restarts and failovers.
//!
//! Each test prints its seed and its figures. The long versions are ignored; `WHATSAPP_CLUSTER_ROUNDS` sets their number
//! of rounds.

mod alerting;
mod chaos;
mod deliveries;
mod failover;
mod faults;
mod fleet;
mod ledger;
mod parked;
mod real_prometheus;
mod replicas;
mod rolling;
mod scrapes;
mod senders;
mod silence;
mod stall;
mod takeover;
mod upgrade;
mod webhooks;

/// Number of rounds of the long versions.
fn rounds(default: u32) -> u32 {
    let rounds = std::env::var("WHATSAPP_CLUSTER_ROUNDS");
    rounds.map_or(default, |rounds| {
        rounds.parse().expect("WHATSAPP_CLUSTER_ROUNDS is a number")
    })
}
