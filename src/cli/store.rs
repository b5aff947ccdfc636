//! `store`: copies a store between SQLite and PostgreSQL.

use std::fmt::{self, Display};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::anyhow;
use clap::{Args, Subcommand};

use super::output;
use super::setting_flags::ServerFlags;
use crate::app::{CopiedTable, copy_store};
use crate::config::{FixedEnvironment, Flags, StoreConfig, StoreUrl};

/// Arguments of `store`.
#[derive(Args, Clone, Debug)]
pub struct StoreArguments {
    #[command(subcommand)]
    action: StoreCommand,
}

/// Subcommands of `store`.
#[derive(Clone, Debug, Subcommand)]
pub enum StoreCommand {
    /// Copy a store from SQLite to PostgreSQL or back, while no exporter uses either
    Copy(StoreCopyArguments),
}

/// Arguments of `store copy`.
#[derive(Args, Clone, Debug)]
pub struct StoreCopyArguments {
    /// Store to copy: `sqlite:` and a file's path, or postgres://user@host/database
    #[arg(long, value_name = "URL")]
    from: String,

    /// Empty store of the other kind; its file or tables are created
    #[arg(long, value_name = "URL")]
    to: String,

    /// Settings of the PostgreSQL store.
    #[command(flatten)]
    server: ServerFlags,
}

/// Copies the store, and prints rows and checksum of each table.
pub(super) async fn run(arguments: &StoreArguments) -> anyhow::Result<ExitCode> {
    let StoreCommand::Copy(arguments) = &arguments.action;
    let from = config("--from", &arguments.from, &arguments.server)?;
    let to = config("--to", &arguments.to, &arguments.server)?;
    let began = Instant::now();
    let tables = copy_store(&from, &to).await?;
    output::print(&Copied(&tables))?;
    output::print(&format!(
        "copied {} rows from {} to {} in {:.1} s; rows and checksums are the same in both",
        tables.iter().map(|table| table.rows).sum::<u64>(),
        from.url,
        to.url,
        began.elapsed().as_secs_f64()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// The store of this flag. Only a server has the other settings.
fn config(flag: &str, url: &str, server: &ServerFlags) -> anyhow::Result<StoreConfig> {
    let parsed = StoreUrl::parse(url).map_err(|why| anyhow!("{flag}: {why}"))?;
    let with_url = |flags: Flags| flags.with("--store.url", Some(url.to_owned()));
    let config = match parsed {
        StoreUrl::Server(_) => server.config_of(with_url),
        StoreUrl::File(_) | StoreUrl::Memory => {
            StoreConfig::load(&with_url(Flags::default()), &FixedEnvironment::default())
        }
    };
    Ok(config?)
}

/// One line for each table.
struct Copied<'a>(&'a [CopiedTable]);

impl Display for Copied<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:<22} {:>10}  checksum", "table", "rows")?;
        for CopiedTable {
            name,
            rows,
            checksum,
        } in self.0
        {
            write!(out, "\n{name:<22} {rows:>10}  {checksum}")?;
        }
        Ok(())
    }
}
