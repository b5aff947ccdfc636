//! `backup`: writes a consistent copy of the store while the exporter runs.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::output;
use super::setting_flags::StoreFlags;
use crate::app;

/// Arguments of `backup`.
#[derive(Args, Clone, Debug)]
pub struct BackupArguments {
    /// Store to copy.
    #[command(flatten)]
    store: StoreFlags,

    /// Path of the copy; an existing file is not overwritten
    #[arg(long, value_name = "PATH")]
    output: PathBuf,
}

/// Copies the store and prints the path of the copy.
pub(super) async fn run(arguments: &BackupArguments) -> anyhow::Result<ExitCode> {
    app::backup(&arguments.store.config()?, &arguments.output).await?;
    let copy = arguments.output.display();
    output::print(&format!(
        "copied the store to {copy}; to restore it, start an exporter with this file as its store"
    ))?;
    Ok(ExitCode::SUCCESS)
}
