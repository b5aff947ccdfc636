//! `forget`: removes an account that Meta no longer shows from a running exporter.

use std::process::ExitCode;

use clap::Args;

use super::setting_flags::ConfigFlags;
use super::{configuration, output};
use crate::app::command::CommandClient;
use crate::app::forget::{WabaId, forget};

/// Arguments of `forget`.
#[derive(Args, Clone, Debug)]
pub struct ForgetArguments {
    /// Sources of the configuration, which has the app secret.
    #[command(flatten)]
    config: ConfigFlags,

    /// Id of the lost account (WABA id)
    #[arg(long, value_name = "ID", value_parser = waba_id)]
    account: WabaId,

    /// App whose secret signs the request [default: the first app]
    #[arg(long, value_name = "NAME")]
    app: Option<String>,

    /// URL of the exporter's /webhook [default: this machine, at the configured listen address]
    #[arg(long, value_name = "URL")]
    url: Option<reqwest::Url>,
}

/// Asks the running exporter.
pub(super) async fn run(arguments: &ForgetArguments) -> anyhow::Result<ExitCode> {
    let Some(config) = configuration::load_or_print(&arguments.config.to_flags()) else {
        return Ok(ExitCode::FAILURE);
    };
    let (app, url) = (arguments.app.as_deref(), arguments.url.clone());
    let client = CommandClient::new(&config, app, url)?;
    forget(&client, &arguments.account).await?;
    output::print(&format!("forgot account {}", arguments.account))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn waba_id(text: &str) -> Result<WabaId, String> {
    WabaId::parse(text).ok_or_else(|| "is not an id; ids are 1 to 32 digits".to_owned())
}
