//! `simulate`: runs only the simulated Meta, on its own port.

use std::process::ExitCode;

use clap::builder::RangedI64ValueParser;
use clap::{Args, ValueEnum, value_parser};
use reqwest::Url;
use tokio_util::sync::CancellationToken;

use super::arguments::PaceFlags;
use super::setting_flags::LogFlags;
use super::{configuration, output};
use crate::app::signals;
use crate::config::ListenAddress;
use crate::simulator::world::{
    FleetSize, HOME_BUSINESS_ID, MAX_FLEET_ACCOUNTS, MAX_FLEET_NUMBERS, MAX_FLEET_TEMPLATES,
};
use crate::simulator::{DEFAULT_QUIRKS, Simulation, SimulationOptions, World};

/// Arguments of `simulate`.
#[derive(Args, Clone, Debug)]
pub struct SimulateArguments {
    /// Address on which the simulated Graph API is served
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:10132",
        value_parser = ListenAddress::parse
    )]
    pub listen_address: ListenAddress,

    /// URL to which webhooks are sent, such as http://127.0.0.1:10133/webhook [default: no webhooks]
    #[arg(long, value_name = "URL", value_parser = callback_url)]
    pub callback_url: Option<Url>,

    /// Story to play
    #[arg(long, value_enum, default_value_t = StoryName::Demo)]
    pub story: StoryName,

    /// Size of the simulated world.
    #[command(flatten)]
    pub fleet: FleetFlags,

    /// Seed and speed of the story.
    #[command(flatten)]
    pub pace: PaceFlags,

    /// Share of webhooks, 0 to 1, in an unusual form that Meta documents or has sent: a single object for a list, text
    /// for a number, a missing part. At 0, all webhooks have today's form
    #[arg(long, value_name = "SHARE", default_value_t = DEFAULT_QUIRKS, value_parser = share)]
    pub quirks: f64,

    /// Log level and format.
    #[command(flatten)]
    pub log: LogFlags,
}

/// Size of a world for load tests.
#[derive(Args, Clone, Copy, Debug)]
pub struct FleetFlags {
    /// Accounts of a simulated portfolio, up to 20000, instead of the demo's world and story [default: the demo's
    /// world]
    #[arg(long, value_name = "COUNT", value_parser = up_to(1, MAX_FLEET_ACCOUNTS), conflicts_with = "story")]
    pub accounts: Option<u32>,

    /// Phone numbers of each of these accounts, up to 100
    #[arg(
        long,
        value_name = "COUNT",
        default_value = "5",
        value_parser = up_to(0, MAX_FLEET_NUMBERS),
        requires = "accounts"
    )]
    pub numbers: u32,

    /// Templates of each of these accounts, up to 6000
    #[arg(
        long,
        value_name = "COUNT",
        default_value = "200",
        value_parser = up_to(0, MAX_FLEET_TEMPLATES),
        requires = "accounts"
    )]
    pub templates: u32,
}

impl FleetFlags {
    fn size(self) -> Option<FleetSize> {
        self.accounts.map(|accounts| FleetSize {
            accounts,
            numbers: self.numbers,
            templates: self.templates,
        })
    }
}

fn up_to(least: u32, most: u32) -> RangedI64ValueParser<u32> {
    value_parser!(u32).range(i64::from(least)..=i64::from(most))
}

/// Runs until it receives a signal to stop.
pub(super) async fn run(arguments: &SimulateArguments) -> anyhow::Result<ExitCode> {
    configuration::init_logging_from(&arguments.log.to_flags())?;
    // Installed before the addresses are printed: a signal that follows them must stop the process cleanly.
    let stop = CancellationToken::new();
    signals::stop_on_signals(stop.clone())?;
    let simulation = bind(arguments).await?;
    output::print(&how_to_connect(&simulation, arguments))?;
    simulation.run(stop).await?;
    Ok(ExitCode::SUCCESS)
}

/// Binds the first candidate address that is available.
async fn bind(arguments: &SimulateArguments) -> anyhow::Result<Simulation> {
    let mut refused = anyhow::anyhow!("no address to listen on");
    let fleet = arguments.fleet.size();
    for listen in arguments.listen_address.candidates() {
        let options = SimulationOptions {
            listen,
            callback_url: arguments.callback_url.as_ref().map(Url::to_string),
            seed: arguments.pace.seed,
            speed: arguments.pace.speed,
            play_story: arguments.story == StoryName::Demo && fleet.is_none(),
            world: fleet.map(World::fleet),
            quirks: arguments.quirks,
            ..SimulationOptions::default()
        };
        match Simulation::bind(options).await {
            Ok(simulation) => return Ok(simulation),
            Err(error) => refused = anyhow::anyhow!("cannot listen on {listen}: {error}"),
        }
    }
    Err(refused)
}

/// Commands for another terminal. The secrets are those of the simulation.
fn how_to_connect(simulation: &Simulation, arguments: &SimulateArguments) -> String {
    let graph = simulation.graph_url();
    simulation.handle().look(|world| {
        let ids: Vec<&str> = world.accounts.keys().map(String::as_str).collect();
        // A fleet is too long for a variable; the exporter discovers it.
        let accounts = match arguments.fleet.accounts {
            Some(_) => format!("WHATSAPP_BUSINESS_IDS={HOME_BUSINESS_ID}"),
            None => format!("WHATSAPP_BUSINESS_ACCOUNT_IDS={}", ids.join(",")),
        };
        format!(
            "A simulated Meta. To watch it, run in another terminal:\n\n  \
             export WHATSAPP_ACCESS_TOKEN={}\n  \
             export WHATSAPP_APP_SECRET={}\n  \
             export WHATSAPP_WEBHOOK_VERIFY_TOKEN={}\n  \
             export {accounts}\n  \
             whatsapp-business-exporter --graph.base-url={graph}\n\n\
             For game days, {graph}/simulator/ lists the changes and faults that you can trigger.\n",
            world.app.token.text,
            world.app.secret,
            world.app.verify_token,
        )
    })
}

/// Stories of the simulated world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StoryName {
    /// The demo's story, repeated
    Demo,
    /// No story: the world does not change by itself
    None,
}

fn callback_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| {
        "expected an http or https URL, such as http://127.0.0.1:10133/webhook".to_owned()
    })
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok();
    let share = share.filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_between_0_and_1() {
        assert_eq!(
            (share("0"), share("0.05"), share("1")),
            (Ok(0.0), Ok(0.05), Ok(1.0))
        );
        for bad in ["-0.1", "1.1", "NaN", "5%", ""] {
            assert!(share(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn callback_urls_are_http_or_https() {
        assert!(callback_url("http://127.0.0.1:10133/webhook").is_ok());
        for bad in ["", "127.0.0.1:10133", "ftp://127.0.0.1/", "/webhook"] {
            assert!(callback_url(bad).is_err(), "{bad}");
        }
    }
}
