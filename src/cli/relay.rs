//! `relay`: counts, retries or drops deliveries that an upstream of a running exporter refused repeatedly.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::forget::waba_id;
use super::setting_flags::ConfigFlags;
use super::{configuration, output};
use crate::app::command::CommandClient;
use crate::app::relay::{Action, RelayReport, WabaId, relay};

/// Arguments of `relay`.
#[derive(Args, Clone, Debug)]
pub struct RelayArguments {
    #[command(subcommand)]
    action: RelayCommand,
}

/// Subcommands of `relay`.
#[derive(Clone, Debug, Subcommand)]
pub enum RelayCommand {
    /// Count the waiting and the parked deliveries of each upstream
    List(RelayTarget),
    /// Send the parked deliveries again, in their original order
    Retry(RelayTarget),
    /// Drop the parked deliveries; the upstream never gets them
    Drop(RelayTarget),
}

/// Selects the exporter and the deliveries.
#[derive(Args, Clone, Debug)]
pub struct RelayTarget {
    /// Sources of the configuration, which has the app secret.
    #[command(flatten)]
    config: ConfigFlags,

    /// Name of the upstream [default: all]
    #[arg(long, value_name = "NAME")]
    upstream: Option<String>,

    /// Only deliveries of this account (WABA id) [default: all]
    #[arg(long, value_name = "ID", value_parser = waba_id)]
    account: Option<WabaId>,

    /// App whose secret signs the request [default: the first app]
    #[arg(long, value_name = "NAME")]
    app: Option<String>,

    /// URL of the exporter's /webhook [default: this machine, at the configured listen address]
    #[arg(long, value_name = "URL")]
    url: Option<reqwest::Url>,
}

/// Asks the running exporter.
pub(super) async fn run(arguments: &RelayArguments) -> anyhow::Result<ExitCode> {
    let (action, target) = match &arguments.action {
        RelayCommand::List(target) => (Action::List, target),
        RelayCommand::Retry(target) => (Action::Retry, target),
        RelayCommand::Drop(target) => (Action::Drop, target),
    };
    let Some(config) = configuration::load_or_print(&target.config.to_flags()) else {
        return Ok(ExitCode::FAILURE);
    };
    let client = CommandClient::new(&config, target.app.as_deref(), target.url.clone())?;
    let (upstream, account) = (target.upstream.clone(), target.account.as_ref());
    for report in relay(&client, action, upstream, account).await? {
        output::print(&line(action, &report))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn line(action: Action, report: &RelayReport) -> String {
    let RelayReport {
        upstream,
        selected,
        waiting,
        parked,
    } = report;
    let outcome = match action {
        Action::List => String::new(),
        Action::Retry => format!("{selected} parked deliveries are sent again; "),
        Action::Drop => format!("{selected} parked deliveries dropped; "),
    };
    format!("{upstream}: {outcome}{waiting} waiting, {parked} parked")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_selected_and_the_remaining_deliveries() {
        let report = RelayReport {
            upstream: "app".to_owned(),
            selected: 3,
            waiting: 7,
            parked: 1,
        };
        for (action, expected) in [
            (Action::List, "app: 7 waiting, 1 parked"),
            (
                Action::Retry,
                "app: 3 parked deliveries are sent again; 7 waiting, 1 parked",
            ),
            (
                Action::Drop,
                "app: 3 parked deliveries dropped; 7 waiting, 1 parked",
            ),
        ] {
            assert_eq!(line(action, &report), expected);
        }
    }
}
