//! What subcommands do with the configuration before their own work: load it, or tell what is wrong;
//! begin to log as it says.

use super::output;
use crate::config::{
    Config, ConfigErrors, Environment, Flags, LogConfig, LogFormat, ProcessEnvironment,
};
use crate::telemetry::logs::{self, Format, LogsError};

/// The configuration, or the text that tells everything that is wrong with it.
pub(super) fn load(flags: &Flags, environment: &dyn Environment) -> Result<Config, String> {
    Config::load(flags, environment).map_err(|errors| told(&errors))
}

/// The configuration; `None` once everything that is wrong with it has been told.
pub(super) fn load_or_tell(flags: &Flags) -> Option<Config> {
    load(flags, &ProcessEnvironment)
        .map_err(|errors| output::print_error(&errors))
        .ok()
}

/// Begins to log for a subcommand that has no configuration but these flags and the environment.
pub(super) fn begin_to_log_by(flags: &Flags) -> anyhow::Result<()> {
    let log = LogConfig::load(flags, &ProcessEnvironment)
        .map_err(|errors| anyhow::anyhow!(told(&errors)))?;
    Ok(begin_to_log(&log)?)
}

/// Sends the process's log where the configuration says.
pub(super) fn begin_to_log(log: &LogConfig) -> Result<(), LogsError> {
    let format = match log.format {
        LogFormat::Text => Format::Text,
        LogFormat::Json => Format::Json,
    };
    logs::init(&log.level, format)
}

fn told(errors: &ConfigErrors) -> String {
    let count = errors.count();
    let noun = if count == 1 { "error" } else { "errors" };
    format!("configuration is not valid, {count} {noun}:\n{errors}")
}
