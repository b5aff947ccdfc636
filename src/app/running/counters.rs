//! The counters of each app, which exist before their first increment.

use super::RunningParts;
use crate::config::AppConfig;
use crate::telemetry::Telemetry;

impl RunningParts {
    /// Initializes the apps' counters to 0, so that `increase()` sees the first increment.
    pub(super) fn start_counters(&self) {
        for app in &self.config.apps {
            let ignored = &self.core.telemetry.webhook_wrong_app;
            ignored.with_label_values(&[app.name.as_str()]);
            note_previous_secret(&self.core.telemetry, app);
        }
    }
}

/// The counter exists while the app has a previous secret, which shows that it is still configured.
fn note_previous_secret(telemetry: &Telemetry, app: &AppConfig) {
    let accepted = &telemetry.webhook_previous_secret;
    if app.app_secret_previous.is_some() {
        accepted.with_label_values(&[app.name.as_str()]);
    } else {
        forget_previous_secret(telemetry, app);
    }
}

/// Removes the counters of an app that is no longer configured.
pub(super) fn forget(telemetry: &Telemetry, app: &AppConfig) {
    forget_previous_secret(telemetry, app);
    let ignored = &telemetry.webhook_wrong_app;
    // An error means that the series did not exist.
    drop(ignored.remove_label_values(&[app.name.as_str()]));
}

fn forget_previous_secret(telemetry: &Telemetry, app: &AppConfig) {
    let accepted = &telemetry.webhook_previous_secret;
    // An error means that the series did not exist.
    drop(accepted.remove_label_values(&[app.name.as_str()]));
}
