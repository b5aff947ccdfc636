//! `completions`: prints the completion script of a shell.

use std::io;
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::{Cli, output};

/// Arguments of `completions`.
#[derive(Args, Clone, Debug)]
pub struct CompletionsArguments {
    /// Shell to print the script for
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// Prints the script.
pub(super) fn run(arguments: &CompletionsArguments) -> io::Result<ExitCode> {
    output::print(&script(arguments.shell).trim_end())?;
    Ok(ExitCode::SUCCESS)
}

fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    generate(shell, &mut command, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::reference;

    #[test]
    fn every_shell_completes_every_flag_of_a_setting() {
        for shell in [
            Shell::Bash,
            Shell::Elvish,
            Shell::Fish,
            Shell::PowerShell,
            Shell::Zsh,
        ] {
            let script = script(shell);
            for flag in reference().iter().filter_map(|row| row.flag) {
                let name = flag.trim_start_matches('-');
                assert!(script.contains(name), "{shell}: {flag}");
            }
        }
    }
}
