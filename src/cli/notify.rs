//! `notify`: tests the receivers of notifications.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::setting_flags::ConfigFlags;
use super::{configuration, output};
use crate::app::notify::{TestOutcome, test};

/// Arguments of `notify`.
#[derive(Args, Clone, Debug)]
pub struct NotifyArguments {
    #[command(subcommand)]
    action: NotifyCommand,
}

/// Subcommands of `notify`.
#[derive(Clone, Debug, Subcommand)]
pub enum NotifyCommand {
    /// Post a test to the receivers, and print their responses
    Test(NotifyTestArguments),
}

/// Arguments of `notify test`.
#[derive(Args, Clone, Debug)]
pub struct NotifyTestArguments {
    /// Sources of the configuration, which has the receivers.
    #[command(flatten)]
    config: ConfigFlags,

    /// Name of the receiver [default: all]
    #[arg(long, value_name = "NAME")]
    receiver: Option<String>,
}

/// Posts the tests. Exits with 1 if a receiver does not accept its test.
pub(super) async fn run(arguments: &NotifyArguments) -> anyhow::Result<ExitCode> {
    let NotifyCommand::Test(arguments) = &arguments.action;
    let Some(config) = configuration::load_or_print(&arguments.config.to_flags()) else {
        return Ok(ExitCode::FAILURE);
    };
    let mut code = ExitCode::SUCCESS;
    for (name, outcome) in test(&config.notify, arguments.receiver.as_deref()).await? {
        output::print(&line(&name, &outcome))?;
        if outcome.is_err() {
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

fn line(name: &str, outcome: &TestOutcome) -> String {
    match outcome {
        Ok(status) => format!("{name}: accepted the test ({status})"),
        Err(why) => format!("{name}: {why}"),
    }
}
