//! `drill`: exposes a signal of an account that does not exist, for a limited time.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use tokio_util::sync::CancellationToken;

use super::setting_flags::ConfigFlags;
use super::{configuration, output};
use crate::app::command::CommandClient;
use crate::app::drill::{self, DrillSignal, LONGEST, WABA_ID};
use crate::app::signals;

/// Arguments of `drill`.
#[derive(Args, Clone, Debug)]
pub struct DrillArguments {
    /// Sources of the configuration, which has the app secret.
    #[command(flatten)]
    config: ConfigFlags,

    /// Signal to show; omit it for the list of signals
    #[arg(long, value_name = "SIGNAL", value_parser = signal)]
    signal: Option<DrillSignal>,

    /// Duration of the drill, up to 50m; Ctrl-C ends it earlier
    #[arg(long = "for", value_name = "DURATION", default_value = "15m", value_parser = length)]
    length: Duration,

    /// Only end the running drill
    #[arg(long)]
    end: bool,

    /// App whose secret signs the request [default: the first app]
    #[arg(long, value_name = "NAME")]
    app: Option<String>,

    /// URL of the exporter's /webhook [default: this machine, at the configured listen address]
    #[arg(long, value_name = "URL")]
    url: Option<reqwest::Url>,
}

/// Starts the drill, waits, and ends it.
pub(super) async fn run(arguments: &DrillArguments) -> anyhow::Result<ExitCode> {
    let signal = match (arguments.signal, arguments.end) {
        (None, false) => bail!("--signal is missing; choose one of {}", names().join(", ")),
        (signal, _) => signal,
    };
    let Some(config) = configuration::load_or_print(&arguments.config.to_flags()) else {
        return Ok(ExitCode::FAILURE);
    };
    let client = CommandClient::new(&config, arguments.app.as_deref(), arguments.url.clone())?;
    if let Some(signal) = signal.filter(|_| !arguments.end) {
        show(&client, signal, arguments.length).await?;
    }
    drill::end(&client).await?;
    output::print(&"ended the drill; its alerts resolve five minutes later")?;
    Ok(ExitCode::SUCCESS)
}

async fn show(client: &CommandClient, signal: DrillSignal, length: Duration) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    signals::stop_on_signals(stop.clone())?;
    drill::begin(client, signal, length).await?;
    let (name, length_text) = (signal.as_str(), humantime::format_duration(length));
    output::print(&format!(
        "/metrics shows {name} of account {WABA_ID} (DRILL) for {length_text}; press Ctrl-C to end the drill now"
    ))?;
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(length) => {}
    }
    Ok(())
}

fn names() -> Vec<&'static str> {
    DrillSignal::ALL
        .into_iter()
        .map(DrillSignal::as_str)
        .collect()
}

fn signal(text: &str) -> Result<DrillSignal, String> {
    DrillSignal::parse(text)
        .ok_or_else(|| format!("unknown signal; choose one of {}", names().join(", ")))
}

fn length(text: &str) -> Result<Duration, String> {
    let length = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if (Duration::from_secs(1)..=LONGEST).contains(&length) {
        Ok(length)
    } else {
        Err("expected a duration from 1s to 50m".to_owned())
    }
}
