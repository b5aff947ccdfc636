//! The two routers, the operator's and the public one that Meta calls, and the listeners that serve them. Each
//! listener has its [`gate`], and limits on connections, time and memory.
//!
//! Invariant: only [`public`] is meant for untrusted clients. Both may share a port; they share no state but the
//! store and the exporter's own metrics.

mod bearer;
mod body;
mod client;
pub mod command;
mod context;
pub mod drill;
mod error_response;
mod events;
mod experiment_record;
mod experiments;
mod explain;
pub mod forget;
pub mod gate;
mod history;
mod insights;
mod lifecycle;
mod limiter;
mod listener;
mod metered;
mod metrics;
mod negotiation;
pub mod operator;
pub mod outage;
pub mod portfolios;
mod proxy_protocol;
pub mod public;
mod reason;
mod refusal;
pub mod relay;
mod responses;
mod scrapes;
pub mod send_gate;
mod server;
pub mod signer;
mod status;
mod tracked;
pub mod wrong_port;

pub use body::BodyBudget;
pub use client::ClientRules;
pub use context::{Operator, Public, Secrets};
pub use lifecycle::ReloadRequest;
pub use listener::Listener;
pub use metrics::pushed_page;
pub use responses::ResponseBudget;
pub use send_gate::SendGate;
pub use server::{Limits, Site, serve};
pub use status::background::keep_fresh;
