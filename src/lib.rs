//! The Prometheus exporter for the WhatsApp Business Platform.
//!
//! Everything that knows something is pure, `events -> state -> metric families`; sockets, clocks,
//! files and environment live only in the edge rooms:
//!
//! ```text
//! Graph API ──▶ ingest::graph ──▶ ingest::poll ─┐
//! Meta      ──▶ ingest::webhook ────────────────┴─▶ domain::Event ─▶ store ─▶ state ─▶ expose ─▶ serve
//!                                                                            (pure)   (pure)
//! ```
//!
//! | room | what it is |
//! |---|---|
//! | [`domain`] | ids, enums, timestamps, facts; no serde, no I/O |
//! | [`config`] | flags, environment and YAML to plain structs, every error at once |
//! | [`telemetry`] | logs, and metrics about the exporter itself |
//! | [`ingest`] | Meta's two voices, turned into facts and counted oddities |
//! | [`state`] | the reducer, one file per noun |
//! | [`store`] | owns the state; makes events durable, answers reads, keeps the history |
//! | [`relay`] | passes verified deliveries on, in order per conversation, until each is taken, parked or expired |
//! | [`expose`] | state to metric families, one file per noun |
//! | [`serve`] | the operator's listener and the public one |
//! | [`app`] | wires it: configuration to a running daemon |
//! | [`clock`] | the one place that reads the clocks |
//! | [`cli`] | the subcommands |
//! | [`simulator`] | a Meta to practise on: Graph API, webhook sender, stories |

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod expose;
pub mod ingest;
pub mod relay;
pub mod serve;
pub mod simulator;
pub mod state;
pub mod store;
pub mod telemetry;
