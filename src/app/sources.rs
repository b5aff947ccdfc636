//! The sources of the configuration: flags, variables and files, which each reload reads again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    /// Whether the last load of the whole configuration succeeded.
    is_loaded: Arc<AtomicBool>,
}

impl RunningSources {
    pub fn new(source: ConfigSources) -> Self {
        let environment: Box<dyn Environment + Send + Sync> = source.environment;
        Self {
            flags: source.flags,
            environment: environment.into(),
            configuration: FileReader::new(),
            web_files: FileReader::new(),
            is_loaded: Arc::default(),
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

    /// Records that the whole configuration was loaded, at the start or by a reload.
    pub fn note_loaded(&self, telemetry: &Telemetry, config: &Config) {
        self.is_loaded.store(true, Ordering::Relaxed);
        telemetry.note_config(&config.shared_hash());
        telemetry.config_last_reload_successful.set(1);
        let now = clock::now().as_seconds_f64();
        telemetry.config_last_reload_success.set(now);
    }

    /// Records that a reload failed.
    pub fn note_failed(&self, telemetry: &Telemetry) {
        self.is_loaded.store(false, Ordering::Relaxed);
        telemetry.config_last_reload_successful.set(0);
    }

    /// Records whether the changed files of the listeners could be loaded. That alone does not end a failure of the last
    /// reload, because the other settings are still the previous ones.
    pub fn note_web_files(&self, telemetry: &Telemetry, are_loaded: bool) {
        let is_current = are_loaded && self.is_loaded.load(Ordering::Relaxed);
        let successful = &telemetry.config_last_reload_successful;
        successful.set(i64::from(is_current));
    }
}

/// Logs the changed settings of the log, which the process keeps.
pub(super) fn warn_of_log_changes(config: &Config, running: &Config) {
    let changed = config.log_changes(running);
    if !changed.is_empty() {
        let keys = changed.join(", ");
        tracing::warn!(keys, "log settings changed; restart to apply them");
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
