//! Shared by subcommands: loads the configuration or prints its errors, and initializes logging.

use super::output;
use crate::config::{
    Config, ConfigErrors, Environment, Flags, LogConfig, LogFormat, ProcessEnvironment,
};
use crate::telemetry::logs::{self, LogLineFormat, LogsError};

/// The configuration, or all errors as text.
pub(super) fn load(flags: &Flags, environment: &dyn Environment) -> Result<Config, String> {
    Config::load(flags, environment).map_err(|errors| error_text(&errors))
}

/// The configuration, or `None` after printing all errors.
pub(super) fn load_or_print(flags: &Flags) -> Option<Config> {
    load(flags, &ProcessEnvironment)
        .map_err(|errors| output::print_error(&errors))
        .ok()
}

/// Initializes logging for a subcommand that is configured only by these flags and the environment.
pub(super) fn init_logging_from(flags: &Flags) -> anyhow::Result<()> {
    let log = LogConfig::load(flags, &ProcessEnvironment)
        .map_err(|errors| anyhow::anyhow!(error_text(&errors)))?;
    Ok(init_logging(&log)?)
}

/// Initializes logging with the configured level and format.
pub(super) fn init_logging(log: &LogConfig) -> Result<(), LogsError> {
    let format = match log.format {
        LogFormat::Text => LogLineFormat::Text,
        LogFormat::Json => LogLineFormat::Json,
    };
    logs::init(&log.level, format)
}

fn error_text(errors: &ConfigErrors) -> String {
    let count = errors.count();
    let noun = if count == 1 { "error" } else { "errors" };
    format!("configuration is not valid, {count} {noun}:\n{errors}")
}
