//! Pushes the metrics by OTLP with the settings of the current configuration.

use std::future::pending;

use reqwest::header::HeaderMap;
use tokio::sync::watch;

use super::gates::machine_name;
use crate::config::Config;
use crate::ingest::graph::http_client;
use crate::otlp::{Target, push_until};
use crate::serve::{Operator, pushed_page};
use crate::telemetry::Telemetry;

/// The receiver of a configuration. `None` if nothing is pushed.
///
/// # Errors
/// If a client cannot be built.
pub(super) fn target(config: &Config) -> anyhow::Result<Option<Target>> {
    let otlp = &config.otlp;
    let Some(url) = otlp.metrics_url() else {
        return Ok(None);
    };
    let machine = machine_name().unwrap_or_else(|| "localhost".to_owned());
    let instance = format!("{machine}:{}", config.web.listen_address.port());
    let headers = otlp.headers_file.as_ref();
    Ok(Some(Target {
        http: http_client(&url, otlp.request_timeout)?,
        url,
        headers: headers.map_or_else(HeaderMap::new, |headers| headers.0.clone()),
        interval: otlp.interval,
        attributes: vec![
            ("service.name", env!("CARGO_PKG_NAME").to_owned()),
            ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
            ("service.instance.id", instance),
        ],
    }))
}

/// Pushes to the current target until the process stops. A new target takes effect at once.
pub(super) async fn run(operator: Operator, mut targets: watch::Receiver<Option<Target>>) {
    let telemetry = operator.telemetry.clone();
    loop {
        let target = targets.borrow_and_update().clone();
        let pushing = async {
            match target {
                Some(target) => push_until(target, &telemetry, || pushed_page(&operator)).await,
                None => {
                    forget(&telemetry);
                    pending::<()>().await;
                }
            }
        };
        tokio::select! {
            () = pushing => {}
            () = operator.stop.cancelled() => return,
            changed = targets.changed() => if changed.is_err() {
                return;
            },
        }
    }
}

/// Without a receiver there are no series about it.
fn forget(telemetry: &Telemetry) {
    telemetry.otlp_failures.reset();
    telemetry.otlp_rejected.reset();
    telemetry.otlp_last_success.reset();
}
