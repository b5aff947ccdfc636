//! The command line, with one file per subcommand.
//!
//! Invariant: no secret is a flag, because every user of a machine can read its processes' arguments. `config` parses
//! the flags of settings; the other flags are validated here.

mod alerts;
mod arguments;
mod backfill;
mod backup;
mod check_config;
mod completions;
mod configuration;
mod demo;
mod doctor;
mod drill;
mod forget;
mod gate;
mod healthcheck;
mod manual;
mod notify;
mod output;
mod relay;
mod serve;
mod setting_flags;
mod simulate;
mod store;
mod subscribe;
mod version;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use alerts::AlertsArguments;
pub use arguments::PaceFlags;
pub use backfill::BackfillArguments;
pub use backup::BackupArguments;
pub use check_config::CheckConfigArguments;
pub use completions::CompletionsArguments;
pub use demo::DemoArguments;
pub use doctor::{DoctorArguments, ReportFormat};
pub use drill::DrillArguments;
pub use forget::ForgetArguments;
pub use gate::GateArguments;
pub use healthcheck::HealthcheckArguments;
pub use notify::{NotifyArguments, NotifyCommand, NotifyTestArguments};
pub use output::print_error;
pub use relay::{RelayArguments, RelayCommand, RelayTarget};
pub use serve::ServeArguments;
pub use setting_flags::{ConfigFlags, LogFlags, StoreFlags};
pub use simulate::{SimulateArguments, StoryName};
pub use store::{StoreArguments, StoreCommand, StoreCopyArguments};
pub use subscribe::{SubscribeArguments, UnsubscribeArguments};

/// Text below the flags in `--help`.
const EXAMPLES: &str = "\
Try it without an account:
  whatsapp-business-exporter demo

Run it for one app, configured by the environment (each secret also as ..._FILE, a file's path):
  WHATSAPP_ACCESS_TOKEN, WHATSAPP_APP_SECRET, WHATSAPP_WEBHOOK_VERIFY_TOKEN,
  WHATSAPP_BUSINESS_ACCOUNT_IDS (separated by commas), WHATSAPP_APP_ID (optional)

Run it for several apps:
  whatsapp-business-exporter --config.file=config.yml

A setting's flag has an equivalent key in the file and an environment variable, such as
  --poll.numbers-interval, poll.numbers_interval and WHATSAPP_EXPORTER_POLL_NUMBERS_INTERVAL.
  Precedence: flag, variable, file, default.

Exit codes: 0 success, 1 configuration or runtime error, 2 usage error; doctor: 1 problems, 2 unknown;
  gate: 0 go, 1 stop, 2 caution, 3 unknown or any error.";

/// Prometheus exporter for the WhatsApp Business Platform.
///
/// Without a subcommand, it runs `serve` and takes the flags of `serve`.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "whatsapp-business-exporter",
    version = version::text(),
    about,
    long_about,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// The subcommand; the default is `serve`.
    #[command(subcommand)]
    command: Option<Command>,
    /// Arguments of the default subcommand.
    #[command(flatten)]
    serve: ServeArguments,
}

/// The subcommands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Poll the Graph API, receive webhooks, serve /metrics (the default)
    Serve(ServeArguments),
    /// Validate the configuration, report every error, and exit
    CheckConfig(CheckConfigArguments),
    /// Diagnose the setup end to end (read-only)
    Doctor(DoctorArguments),
    /// Check the health of the exporter on this machine, for a container's health check
    Healthcheck(HealthcheckArguments),
    /// Subscribe the app to its accounts and to missing webhook fields, and set its callback URL
    Subscribe(SubscribeArguments),
    /// End the app's subscriptions to its accounts
    Unsubscribe(UnsubscribeArguments),
    /// Run the exporter against a simulated Meta that plays a story; needs no account
    Demo(DemoArguments),
    /// Run only the simulated Meta, for staging and game days
    Simulate(SimulateArguments),
    /// Rehearse paging with a signal of an account that does not exist
    Drill(DrillArguments),
    /// Remove an account that Meta no longer shows from a running exporter
    Forget(ForgetArguments),
    /// Ask a running exporter whether a campaign may be sent
    Gate(GateArguments),
    /// Count, retry or drop deliveries that an upstream of the relay refused repeatedly
    #[command(disable_help_subcommand = true)]
    Relay(RelayArguments),
    /// Test the receivers of notifications
    #[command(disable_help_subcommand = true)]
    Notify(NotifyArguments),
    /// Write the history as OpenMetrics text, to import it into a new Prometheus
    Backfill(BackfillArguments),
    /// Copy the store to a new file while the exporter runs
    Backup(BackupArguments),
    /// Copy the store between SQLite and PostgreSQL
    #[command(disable_help_subcommand = true)]
    Store(StoreArguments),
    /// Write the alerting rules and an example for Alertmanager, with your values
    Alerts(AlertsArguments),
    /// Print the completion script of a shell
    Completions(CompletionsArguments),
    /// Print the manual page
    Manual,
}

impl Cli {
    /// Parses the arguments of the process. Prints help, version and usage errors, and exits.
    #[must_use]
    pub fn parse_or_exit() -> Self {
        let arguments: Vec<OsString> = std::env::args_os().collect();
        Self::try_parse_from(&arguments).unwrap_or_else(|error| {
            // An error means that the output is closed.
            drop(error.print());
            std::process::exit(usage_exit_code(&arguments, &error))
        })
    }

    /// The exit code of a failure.
    #[must_use]
    pub fn failure_code(&self) -> ExitCode {
        match &self.command {
            // 1 would mean "stop".
            Some(Command::Gate(_)) => ExitCode::from(gate::NOT_KNOWN),
            _ => ExitCode::FAILURE,
        }
    }

    /// The subcommand; `serve` if none was given.
    #[must_use]
    pub fn into_command(self) -> Command {
        self.command.unwrap_or(Command::Serve(self.serve))
    }
}

/// The exit code of a usage error, or of help. For `gate`, 2 would mean "caution".
fn usage_exit_code(arguments: &[OsString], error: &clap::Error) -> i32 {
    let is_gate = arguments.get(1).is_some_and(|first| first == "gate");
    if is_gate && error.use_stderr() {
        i32::from(gate::NOT_KNOWN)
    } else {
        error.exit_code()
    }
}

/// Runs the subcommand.
///
/// # Errors
/// Why the subcommand failed, with one line of context per layer. An invalid configuration is not an error here: its
/// errors have been printed, and the exit code reports it.
pub async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.into_command() {
        Command::Serve(arguments) => serve::run(&arguments).await,
        Command::CheckConfig(arguments) => Ok(check_config::run(&arguments)?),
        Command::Doctor(arguments) => doctor::run(&arguments).await,
        Command::Healthcheck(arguments) => healthcheck::run(&arguments).await,
        Command::Subscribe(arguments) => subscribe::subscribe(&arguments).await,
        Command::Unsubscribe(arguments) => subscribe::unsubscribe(&arguments).await,
        Command::Demo(arguments) => demo::run(&arguments).await,
        Command::Simulate(arguments) => simulate::run(&arguments).await,
        Command::Drill(arguments) => drill::run(&arguments).await,
        Command::Forget(arguments) => forget::run(&arguments).await,
        Command::Gate(arguments) => gate::run(&arguments).await,
        Command::Relay(arguments) => relay::run(&arguments).await,
        Command::Notify(arguments) => notify::run(&arguments).await,
        Command::Backfill(arguments) => backfill::run(&arguments).await,
        Command::Backup(arguments) => backup::run(&arguments).await,
        Command::Store(arguments) => store::run(&arguments).await,
        Command::Alerts(arguments) => alerts::run(&arguments),
        Command::Completions(arguments) => Ok(completions::run(&arguments)?),
        Command::Manual => Ok(manual::run()?),
    }
}

#[cfg(test)]
mod tests;
