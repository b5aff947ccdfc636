//! The real program as a child process, as an operator, an init system or Kubernetes meets it: its
//! exit codes, what it says, what signals do, and that no secret is in anything it writes.

mod application;
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
