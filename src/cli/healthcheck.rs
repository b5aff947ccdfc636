//! `healthcheck`: asks the exporter on this machine how it is, for images that have no other client.

use std::process::ExitCode;

use clap::Args;

use super::output;
use super::setting_flags::ConfigFlags;
use crate::app::health::{Question, ask};
use crate::config::{ProcessEnvironment, WebConfig};

/// Arguments of `healthcheck`: those of `serve`, and what to ask.
#[derive(Args, Clone, Debug)]
pub struct HealthcheckArguments {
    /// Where the configuration comes from; of it, only where the exporter listens is read.
    #[command(flatten)]
    config: ConfigFlags,

    /// Ask whether it takes webhooks, and not only whether it lives
    #[arg(long)]
    ready: bool,
}

/// Asks, and says what it heard. That a running exporter would not start again with its present
/// secrets is for `check-config` to tell: restarting it would cure nothing.
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
        Question::Ready
    } else {
        Question::Healthy
    };
    ask(&web, question).await?;
    output::print(&question.as_str())?;
    Ok(ExitCode::SUCCESS)
}
