//! `demo`: a simulated Meta and the exporter in one process, on loopback.

use clap::Args;

use super::arguments::{LogFlags, PaceFlags};
use crate::config::ListenAddress;

/// Arguments of `demo`.
#[derive(Args, Clone, Debug)]
pub struct DemoArguments {
    /// Where /metrics and the status page are served
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:10131",
        value_parser = ListenAddress::parse
    )]
    pub listen_address: ListenAddress,

    /// The story's seed and speed.
    #[command(flatten)]
    pub pace: PaceFlags,

    /// What is logged, and how.
    #[command(flatten)]
    pub log: LogFlags,
}
