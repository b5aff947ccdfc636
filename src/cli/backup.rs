//! `backup`: a copy of the store as it is at one moment, while the exporter runs.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::output;
use super::setting_flags::StoreFlags;
use crate::app;

/// Arguments of `backup`.
#[derive(Args, Clone, Debug)]
pub struct BackupArguments {
    /// Whose store.
    #[command(flatten)]
    store: StoreFlags,

    /// The copy; a file that exists already is left alone
    #[arg(long, value_name = "PATH")]
    output: PathBuf,
}

/// Copies, and says where to.
pub(super) async fn run(arguments: &BackupArguments) -> anyhow::Result<ExitCode> {
    app::backup(&arguments.store.url()?, &arguments.output).await?;
    let copy = arguments.output.display();
    output::print(&format!(
        "{copy} is a copy of the store; start an exporter on it to restore"
    ))?;
    Ok(ExitCode::SUCCESS)
}
