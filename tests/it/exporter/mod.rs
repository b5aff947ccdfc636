//! The whole exporter in process, over real sockets, against the simulated Meta.

mod access;
mod apps;
mod created;
mod discovery;
mod explain;
mod insights;
mod losses;
pub mod meta;
mod otlp;
mod penalties;
mod polling;
mod public_side;
mod refusals;
mod reload;
mod send_gate;
mod send_gate_speed;
mod shared_number;
mod status;
mod subscribe;
mod two_sources;
mod unreadable;
pub mod unusual;
