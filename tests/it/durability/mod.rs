//! Acknowledged facts survive kills, full disks, locks, damage and wrong clocks, and their history can be queried.

mod backfill;
mod clock;
mod customers;
mod damage;
pub mod deliveries;
pub mod faults;
mod hanging;
mod history;
mod kills;
mod older;
mod older_journal;
pub mod peers;
mod pruning;
mod restore;
pub mod service;
mod size;
mod stopping;
mod stopping_connections;
mod timelines;
mod writers;
mod wrong_clock;
