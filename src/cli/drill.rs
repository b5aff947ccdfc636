//! `drill`: shows a signal of an account that does not exist, and takes it back.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use tokio_util::sync::CancellationToken;

use super::setting_flags::ConfigFlags;
use super::{configuration, output};
use crate::app::command::CommandClient;
use crate::app::drill::{self, LONGEST, Signal, WABA_ID};
use crate::app::signals;

/// Arguments of `drill`.
#[derive(Args, Clone, Debug)]
pub struct DrillArguments {
    /// Where the configuration, and with it the app secret, comes from.
    #[command(flatten)]
    config: ConfigFlags,

    /// What to show; left out, what there is to choose from
    #[arg(long, value_name = "SIGNAL", value_parser = signal)]
    signal: Option<Signal>,

    /// For how long, up to 50m; ends earlier with Ctrl-C
    #[arg(long = "for", value_name = "DURATION", default_value = "15m", value_parser = length)]
    length: Duration,

    /// Only take back what is shown
    #[arg(long)]
    end: bool,

    /// Whose app secret signs; left out, the first app's
    #[arg(long, value_name = "NAME")]
    app: Option<String>,

    /// URL of the exporter's /webhook [default: this machine, at the configured listen address]
    #[arg(long, value_name = "URL")]
    url: Option<reqwest::Url>,
}

/// Gives the order, waits, and takes it back.
pub(super) async fn run(arguments: &DrillArguments) -> anyhow::Result<ExitCode> {
    let signal = match (arguments.signal, arguments.end) {
        (None, false) => bail!("--signal: choose one of {}", names().join(", ")),
        (signal, _) => signal,
    };
    let Some(config) = configuration::load_or_tell(&arguments.config.to_flags()) else {
        return Ok(ExitCode::FAILURE);
    };
    let client = CommandClient::new(&config, arguments.app.as_deref(), arguments.url.clone())?;
    if let Some(signal) = signal.filter(|_| !arguments.end) {
        show(&client, signal, arguments.length).await?;
    }
    drill::end(&client).await?;
    output::print(&"the drill is taken back; its alerts resolve five minutes later")?;
    Ok(ExitCode::SUCCESS)
}

async fn show(client: &CommandClient, signal: Signal, length: Duration) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    signals::stop_on_signals(stop.clone())?;
    drill::begin(client, signal, length).await?;
    let (name, length_text) = (signal.as_str(), humantime::format_duration(length));
    output::print(&format!(
        "{name} of account {WABA_ID} (DRILL) is on /metrics for {length_text}; Ctrl-C takes it back now"
    ))?;
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(length) => {}
    }
    Ok(())
}

fn names() -> Vec<&'static str> {
    Signal::ALL.into_iter().map(Signal::as_str).collect()
}

fn signal(text: &str) -> Result<Signal, String> {
    Signal::parse(text).ok_or_else(|| format!("choose one of {}", names().join(", ")))
}

fn length(text: &str) -> Result<Duration, String> {
    let length = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if (Duration::from_secs(1)..=LONGEST).contains(&length) {
        Ok(length)
    } else {
        Err("give 1s to 50m".to_owned())
    }
}
