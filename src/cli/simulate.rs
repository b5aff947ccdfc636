//! `simulate`: the simulated Meta alone, on a port of its own.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use reqwest::Url;

use super::arguments::{LogFlags, PaceFlags};
use super::{configuration, output};
use crate::config::ListenAddress;

/// Arguments of `simulate`.
#[derive(Args, Clone, Debug)]
pub struct SimulateArguments {
    /// Where the simulated Graph API is served
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:10132",
        value_parser = ListenAddress::parse
    )]
    pub listen_address: ListenAddress,

    /// Where webhooks are sent, such as http://127.0.0.1:10131/webhook; left out, none are
    #[arg(long, value_name = "URL", value_parser = callback_url)]
    pub callback_url: Option<Url>,

    /// What happens
    #[arg(long, value_enum, default_value_t = Story::Demo)]
    pub story: Story,

    /// The story's seed and speed.
    #[command(flatten)]
    pub pace: PaceFlags,

    /// What is logged, and how.
    #[command(flatten)]
    pub log: LogFlags,
}

/// Simulates until it is told to stop.
pub(super) async fn run(arguments: &SimulateArguments) -> anyhow::Result<ExitCode> {
    let log = match configuration::load_log(&arguments.log.to_flags()) {
        Ok(log) => log,
        Err(errors) => {
            output::print_error(&errors);
            return Ok(ExitCode::FAILURE);
        }
    };
    configuration::begin_to_log(&log)?;
    anyhow::bail!("the simulator is wired to the application in the next commit")
}

/// What happens in the simulated world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Story {
    /// The demo's story, over and over
    Demo,
    /// Nothing: a world that stays as it is
    None,
}

fn callback_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| {
        "give an http or https URL, such as http://127.0.0.1:10131/webhook".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_is_a_web_address() {
        assert!(callback_url("http://127.0.0.1:10131/webhook").is_ok());
        for bad in ["", "127.0.0.1:10131", "ftp://127.0.0.1/", "/webhook"] {
            assert!(callback_url(bad).is_err(), "{bad}");
        }
    }
}
