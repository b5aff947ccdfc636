//! `completions`: what a shell needs to complete this program's command line.

use std::io;
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::{Cli, output};

/// Arguments of `completions`.
#[derive(Args, Clone, Debug)]
pub struct CompletionsArguments {
    /// For which shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// Prints them.
pub(super) fn run(arguments: &CompletionsArguments) -> io::Result<ExitCode> {
    let mut script = Vec::new();
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    generate(arguments.shell, &mut command, name, &mut script);
    output::print(&String::from_utf8_lossy(&script).trim_end())?;
    Ok(ExitCode::SUCCESS)
}
