//! The sources of the configuration: flags, variables and files, which each reload reads again.

use std::sync::Arc;

use super::reading::{FileReader, SharedEnvironment};
use crate::clock;
use crate::config::{Config, ConfigErrors, ConfigWarning, Environment, Flags};
use crate::telemetry::Telemetry;

/// The sources of the configuration, which each reload reads again.
pub struct ConfigSources {
    /// Flags of the command line.
    pub flags: Flags,
    /// Variables and files.
    pub environment: Box<dyn Environment + Send + Sync>,
}

impl ConfigSources {
    /// Reads the configuration, and logs its warnings.
    ///
    /// # Errors
    /// All errors of the configuration.
    pub fn load(&self) -> Result<Config, ConfigErrors> {
        let config = Config::load(&self.flags, self.environment.as_ref())?;
        log_warnings(&config);
        Ok(config)
    }
}

/// The sources of a running exporter, with the readers of its files.
#[derive(Clone)]
pub(super) struct RunningSources {
    pub flags: Flags,
    pub environment: SharedEnvironment,
    pub configuration: FileReader,
    /// A separate reader, so that a blocked secret file does not prevent the reading of a renewed certificate.
    pub web_files: FileReader,
}

impl RunningSources {
    pub fn new(source: ConfigSources) -> Self {
        let environment: Box<dyn Environment + Send + Sync> = source.environment;
        Self {
            flags: source.flags,
            environment: environment.into(),
            configuration: FileReader::new(),
            web_files: FileReader::new(),
        }
    }

    /// Reads the configuration, and logs its warnings.
    ///
    /// # Errors
    /// All errors of the configuration, or the file that does not respond.
    pub async fn load(&self) -> Result<Config, String> {
        let flags = self.flags.clone();
        let load = move |environment: &dyn Environment| Config::load(&flags, environment);
        let loaded = self
            .configuration
            .read(Arc::clone(&self.environment), load)
            .await;
        let config = loaded
            .map_err(|blocked| blocked.to_string())?
            .map_err(|errors| errors.to_string())?;
        log_warnings(&config);
        Ok(config)
    }
}

/// Logs the warnings of the configuration.
pub fn log_warnings(config: &Config) {
    for ConfigWarning { place, message } in &config.warnings {
        tracing::warn!(
            place,
            problem = message,
            "unusual value in the configuration"
        );
    }
}

/// Records that a configuration was loaded, at the start or by a reload.
pub(super) fn note_loaded(telemetry: &Telemetry, config: &Config) {
    telemetry.note_config(&config.shared_hash());
    telemetry.config_last_reload_successful.set(1);
    let now = clock::now().as_seconds_f64();
    telemetry.config_last_reload_success.set(now);
}
