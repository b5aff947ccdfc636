//! `backfill`: writes the history as OpenMetrics text, for `promtool tsdb create-blocks-from openmetrics`.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use super::setting_flags::StoreFlags;
use crate::app::backfill::{self, BackfillRequest, Label};

/// Prometheus treats a series as ended when no sample follows for five minutes.
const LONGEST_STEP: Duration = Duration::from_secs(299);

/// Arguments of `backfill`.
#[derive(Args, Clone, Debug)]
pub struct BackfillArguments {
    /// Store with the history.
    #[command(flatten)]
    store: StoreFlags,

    /// Start of the range: a time such as 2026-11-01T00:00:00Z, Unix seconds, or an age such as 30d
    #[arg(long, value_name = "TIME", default_value = "30d")]
    since: String,

    /// End of the range; use the time of Prometheus' first scrape
    #[arg(long, value_name = "TIME", default_value = "now")]
    until: String,

    /// Interval between samples, below 5m
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = step)]
    step: Duration,

    /// Label that Prometheus adds to scraped series, such as job=whatsapp; can be repeated
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = Label::parse)]
    labels: Vec<Label>,

    /// Only the history of this account (WABA id) [default: all]
    #[arg(long, value_name = "ID")]
    waba_id: Option<String>,

    /// Path of the output file [default: standard output]
    #[arg(long, value_name = "PATH")]
    output: Option<PathBuf>,
}

/// Writes the history.
pub(super) async fn run(arguments: &BackfillArguments) -> anyhow::Result<ExitCode> {
    let request = BackfillRequest::parse(
        &arguments.since,
        &arguments.until,
        arguments.step,
        arguments.waba_id.as_deref(),
        arguments.labels.clone(),
    )?;
    let past = backfill::read(&arguments.store.config()?, request).await?;
    let written = match &arguments.output {
        Some(path) => {
            let file = File::create_new(path)
                .with_context(|| format!("cannot create {}", path.display()))?;
            past.write(&mut BufWriter::new(file))
        }
        None => past.write(&mut io::stdout().lock()),
    };
    match written {
        // A closed pipe (`… | head`) is not an error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        written => Ok(written.map(|()| ExitCode::SUCCESS)?),
    }
}

fn step(text: &str) -> Result<Duration, String> {
    let step = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if (Duration::from_secs(1)..=LONGEST_STEP).contains(&step) {
        Ok(step)
    } else {
        Err("expected a duration from 1s to 4m59s".to_owned())
    }
}
