//! `healthcheck`: queries the exporter on this machine, for images without an HTTP client.

use std::process::ExitCode;

use clap::Args;

use super::output;
use super::setting_flags::ConfigFlags;
use crate::app::health::{Probe, ask};
use crate::config::{ProcessEnvironment, WebConfig};

/// Arguments of `healthcheck`: those of `serve`, and which probe to query.
#[derive(Args, Clone, Debug)]
pub struct HealthcheckArguments {
    /// Sources of the configuration, of which only the `web` section is read.
    #[command(flatten)]
    config: ConfigFlags,

    /// Check readiness (/-/ready) instead of health (/-/healthy)
    #[arg(long)]
    ready: bool,
}

/// Queries the probe and prints the result. Only the `web` section is validated: restarting an exporter because its
/// secrets have become invalid would not help.
pub(super) async fn run(arguments: &HealthcheckArguments) -> anyhow::Result<ExitCode> {
    let flags = arguments.config.to_flags();
    let web = match WebConfig::load(&flags, &ProcessEnvironment) {
        Ok(web) => web,
        Err(errors) => {
            output::print_error(&errors);
            return Ok(ExitCode::FAILURE);
        }
    };
    let question = if arguments.ready {
        Probe::Ready
    } else {
        Probe::Healthy
    };
    ask(&web, question).await?;
    output::print(&question.as_str())?;
    Ok(ExitCode::SUCCESS)
}
