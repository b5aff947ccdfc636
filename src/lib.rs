//! The Prometheus exporter for the WhatsApp Business Platform.
//!
//! The core is pure, `events -> state -> metric families`. Sockets, clocks, files and the environment are used only at
//! the edges:
//!
//! ```text
//! Graph API ──▶ ingest::graph ──▶ ingest::poll ─┐
//! Meta      ──▶ ingest::webhook ────────────────┴─▶ domain::Event ─▶ store ─▶ state ─▶ expose ─▶ serve
//!                                                                            (pure)   (pure)
//! ```
//!
//! | module | responsibility |
//! |---|---|
//! | [`domain`] | ids, enums, timestamps, facts; no serde, no I/O |
//! | [`config`] | flags, environment and YAML to plain structs, every error at once |
//! | [`telemetry`] | logs, and metrics about the exporter itself |
//! | [`ingest`] | polls and webhooks, turned into facts and parse warnings |
//! | [`state`] | the reducer, one file per entity |
//! | [`cluster`] | pure: several replicas on one database: who owns, writes and reads which shard |
//! | [`store`] | owns the state; makes events durable, serves reads, keeps the history |
//! | [`deliver`] | posts to other systems: failures, backoff, signatures |
//! | [`relay`] | forwards verified deliveries, in order per conversation, until each is accepted, parked or expired |
//! | [`notify`] | posts the changes that Meta reports, as CloudEvents or to Slack, at least once |
//! | [`otlp`] | pushes the page of `/metrics` to an OTLP receiver |
//! | [`insight`] | pure: answers computed from the state, such as the use of the messaging limit, and causes of a falling rating |
//! | [`experiment`] | pure: statistics of A/B experiments: rates, differences, users needed, verdicts |
//! | [`expose`] | state to metric families, one file per entity |
//! | [`serve`] | the operator's listener and the public one |
//! | [`suggestion`] | the known name that a mistyped one probably means |
//! | `yaml` | YAML to a tree of text, with every scalar as it was written |
//! | [`alerts`] | the alerting rules as a configurable set: templates and values to files |
//! | [`app`] | wires the modules: configuration to a running daemon |
//! | [`clock`] | the only module that reads the clocks |
//! | [`cli`] | the subcommands |
//! | [`simulator`] | a simulated Meta: Graph API, webhook sender, stories; and a simulated application of the business |

pub mod alerts;
pub mod app;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod deliver;
pub mod domain;
pub mod experiment;
pub mod expose;
pub mod ingest;
pub mod insight;
pub mod notify;
pub mod otlp;
pub mod relay;
pub mod serve;
pub mod simulator;
pub mod state;
pub mod store;
pub mod suggestion;
pub mod telemetry;
mod yaml;
