//! The real program as a child process: its exit codes, its output, its reactions to signals, and that no secret is in
//! anything that it writes.

mod application;
mod closed_log;
mod demo;
mod drill;
mod healthcheck;
mod logs;
mod proxies;
mod serving;
mod signals;
mod subscribe;
mod unreadable;
mod usage;
mod wrong_id;
