//! `simulate`: the simulated Meta alone, on a port of its own.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use reqwest::Url;
use tokio_util::sync::CancellationToken;

use super::arguments::PaceFlags;
use super::setting_flags::LogFlags;
use super::{configuration, output};
use crate::app::signals;
use crate::config::ListenAddress;
use crate::simulator::{Simulation, SimulationOptions};

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

    /// Where webhooks are sent, such as http://127.0.0.1:10133/webhook; left out, none are
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
    configuration::begin_to_log_by(&arguments.log.to_flags())?;
    // Before anybody is told that it runs, or a signal in between would still end it the hard way.
    let stop = CancellationToken::new();
    signals::stop_on_signals(stop.clone())?;
    let simulation = bind(arguments).await?;
    output::print(&how_to_connect(&simulation))?;
    simulation.run(stop).await?;
    Ok(ExitCode::SUCCESS)
}

/// Binds the first of the address' candidates that the machine has.
async fn bind(arguments: &SimulateArguments) -> anyhow::Result<Simulation> {
    let mut refused = anyhow::anyhow!("no address to listen on");
    for listen in arguments.listen_address.candidates() {
        let options = SimulationOptions {
            listen,
            callback_url: arguments.callback_url.as_ref().map(Url::to_string),
            seed: arguments.pace.seed,
            speed: arguments.pace.speed,
            play_story: arguments.story == Story::Demo,
            ..SimulationOptions::default()
        };
        match Simulation::bind(options).await {
            Ok(simulation) => return Ok(simulation),
            Err(error) => refused = anyhow::anyhow!("cannot listen on {listen}: {error}"),
        }
    }
    Err(refused)
}

/// What to paste into another terminal. These secrets open nothing but this simulation.
fn how_to_connect(simulation: &Simulation) -> String {
    let graph = simulation.graph_url();
    simulation.handle().look(|world| {
        let accounts: Vec<&str> = world.accounts.keys().map(String::as_str).collect();
        format!(
            "A simulated Meta. To watch it, in another terminal:\n\n  \
             export WHATSAPP_ACCESS_TOKEN={}\n  \
             export WHATSAPP_APP_SECRET={}\n  \
             export WHATSAPP_WEBHOOK_VERIFY_TOKEN={}\n  \
             export WHATSAPP_BUSINESS_ACCOUNT_IDS={}\n  \
             whatsapp-business-exporter --graph.base-url={graph}\n\n\
             Game days: {graph}/simulator/ tells what can be made to happen.\n",
            world.app.token.text,
            world.app.secret,
            world.app.verify_token,
            accounts.join(",")
        )
    })
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
        "give an http or https URL, such as http://127.0.0.1:10133/webhook".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_is_a_web_address() {
        assert!(callback_url("http://127.0.0.1:10133/webhook").is_ok());
        for bad in ["", "127.0.0.1:10133", "ftp://127.0.0.1/", "/webhook"] {
            assert!(callback_url(bad).is_err(), "{bad}");
        }
    }
}
