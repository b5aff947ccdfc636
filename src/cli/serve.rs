//! `serve`: runs the exporter.

use std::process::ExitCode;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::configuration;
use super::setting_flags::ConfigFlags;
use crate::app::{BoundExporter, ConfigSources, log_warnings, signals};
use crate::config::ProcessEnvironment;

/// Arguments of `serve`.
#[derive(Args, Clone, Debug)]
pub struct ServeArguments {
    /// Sources of the configuration.
    #[command(flatten)]
    pub config: ConfigFlags,
}

/// Runs until it receives a signal to stop.
pub(super) async fn run(arguments: &ServeArguments) -> anyhow::Result<ExitCode> {
    let flags = arguments.config.to_flags();
    let Some(config) = configuration::load_or_print(&flags) else {
        return Ok(ExitCode::FAILURE);
    };
    configuration::init_logging(&config.log)?;
    log_warnings(&config);
    let stop = CancellationToken::new();
    signals::stop_on_signals(stop.clone())?;
    let source = ConfigSources {
        flags,
        environment: Box::new(ProcessEnvironment),
    };
    let app = BoundExporter::bind(config, source)?;
    signals::reload_on_signals(app.reload_requests())?;
    app.run(stop).await?;
    Ok(ExitCode::SUCCESS)
}
