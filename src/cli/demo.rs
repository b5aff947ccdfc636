//! `demo`: a simulated Meta and the exporter in one process, on loopback.

use std::process::ExitCode;

use clap::Args;

use super::arguments::{LogFlags, PaceFlags};
use super::{configuration, output};
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

/// Plays until it is told to stop.
pub(super) async fn run(arguments: &DemoArguments) -> anyhow::Result<ExitCode> {
    let log = match configuration::load_log(&arguments.log.to_flags()) {
        Ok(log) => log,
        Err(errors) => {
            output::print_error(&errors);
            return Ok(ExitCode::FAILURE);
        }
    };
    configuration::begin_to_log(&log)?;
    anyhow::bail!("the demo is wired to the application in the next commit")
}
