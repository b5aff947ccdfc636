//! `manual`: prints the manual page. One page for all subcommands, because they share the flags of settings.

use std::io;
use std::process::ExitCode;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::{Cli, output};

/// Prints the page.
pub(super) fn run() -> io::Result<ExitCode> {
    output::print(&page()?.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

fn page() -> io::Result<String> {
    let mut page = Vec::new();
    let mut command = Cli::command();
    command.build();
    Man::new(command.clone()).render(&mut page)?;
    for subcommand in command.get_subcommands() {
        let name = subcommand.get_name();
        section(name, subcommand, &mut page)?;
        for nested in subcommand.get_subcommands() {
            section(&format!("{name} {}", nested.get_name()), nested, &mut page)?;
        }
    }
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// The section of a subcommand, without the flags of settings, which the first section lists.
fn section(name: &str, subcommand: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    use io::Write;
    writeln!(page, ".SH \"THE SUBCOMMAND {}\"", name.to_uppercase())?;
    let takes_settings = takes_settings(subcommand);
    let man = Man::new(subcommand.clone().mut_args(|argument| {
        let is_setting = argument.get_help_heading().is_some();
        argument.hide(takes_settings && is_setting)
    }));
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    if takes_settings {
        writeln!(
            page,
            ".PP\nAlso takes the flag of every setting, as listed above."
        )?;
    }
    Ok(())
}

/// Whether the subcommand takes the flags of all settings, and not only of some.
fn takes_settings(subcommand: &Command) -> bool {
    let mut arguments = subcommand.get_arguments();
    arguments.any(|argument| argument.get_long() == Some("config.file"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::reference;

    #[test]
    fn the_manual_explains_every_flag_of_a_setting_once() {
        let page = page().expect("memory takes every page");
        // `--web.open-probes[=<BOOLEAN>]`, each part in its own font.
        let page = page
            .replace("\\-", "-")
            .replace("\\fR", " ")
            .replace("\\fB", "");
        for row in reference() {
            // The flags of the demo, and the stores of two subcommands, also belong to settings.
            let is_shared = [
                "web.listen_address",
                "store.url",
                "store.password_file",
                "store.schema",
                "metrics.state_sets",
                "log.level",
                "log.format",
            ];
            let is_shared = row.key.is_none_or(|key| is_shared.contains(&key));
            let Some(flag) = row.flag else { continue };
            let prefix = format!("{flag} ");
            let lines = page.lines();
            let helps = lines
                .clone()
                .skip(1)
                .zip(lines)
                .filter_map(|(help, line)| line.starts_with(&prefix).then_some(help));
            let helps: Vec<&str> = helps.collect();
            assert!(
                !helps.is_empty() && !helps.contains(&""),
                "{flag}: {helps:?}"
            );
            assert!(is_shared || helps.len() == 1, "{flag}: {helps:?}");
        }
    }
}
