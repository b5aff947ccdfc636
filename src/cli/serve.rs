//! `serve`: the exporter against Meta.

use clap::Args;

use super::arguments::ConfigFlags;

/// Arguments of `serve`.
#[derive(Args, Clone, Debug)]
pub struct ServeArguments {
    /// Where the configuration comes from.
    #[command(flatten)]
    pub config: ConfigFlags,
}
