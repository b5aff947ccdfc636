//! The flags, their help, and the exit codes of usage errors.

use std::collections::BTreeSet;

use clap::{CommandFactory, error::ErrorKind};

use super::*;
use crate::config::reference;

fn parse(arguments: &[&str]) -> Result<Command, clap::Error> {
    let name = std::iter::once(&"whatsapp-business-exporter");
    Cli::try_parse_from(name.chain(arguments)).map(Cli::into_command)
}

fn help(subcommand: Option<&str>) -> String {
    let mut command = Cli::command();
    command.build();
    let command = match subcommand {
        Some(name) => command.find_subcommand_mut(name).expect("a subcommand"),
        None => &mut command,
    };
    command.render_long_help().to_string()
}

#[test]
fn the_command_line_definition_is_valid() {
    Cli::command().debug_assert();
}

#[test]
fn serve_is_the_default_subcommand() {
    for arguments in [
        ["--log.level=warn"].as_slice(),
        &["serve", "--log.level=warn"],
    ] {
        let Ok(Command::Serve(serve)) = parse(arguments) else {
            panic!("{arguments:?}")
        };
        assert_eq!(serve.config.to_flags().get("--log.level"), Some("warn"));
    }
    assert!(matches!(parse(&[]), Ok(Command::Serve(_))));
    assert!(
        parse(&["--log.level=warn", "demo"]).is_err(),
        "a flag before a subcommand is ambiguous"
    );
}

#[test]
fn every_flag_of_the_reference_reaches_the_configuration() {
    for flag in reference().iter().filter_map(|row| row.flag) {
        let arguments = [format!("{flag}=text")];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let Ok(Command::Serve(serve)) = parse(&arguments) else {
            panic!("{flag}")
        };
        let flags = serve.config.to_flags();
        let file = flags.config_file().and_then(|path| path.to_str());
        assert_eq!(flags.get(flag).or(file), Some("text"), "{flag}");
    }
}

#[test]
fn every_flag_of_serve_is_in_the_reference() {
    let known: BTreeSet<&str> = reference().iter().filter_map(|row| row.flag).collect();
    let command = Cli::command();
    let serve = command.find_subcommand("serve").expect("a subcommand");
    for long in serve.get_arguments().filter_map(clap::Arg::get_long) {
        assert!(known.contains(format!("--{long}").as_str()), "--{long}");
    }
}

#[test]
fn help_names_every_flag_with_its_default() {
    // Without its line breaks, which depend on the width of the terminal.
    let help = help(Some("serve"))
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    for row in reference() {
        let Some(flag) = row.flag else { continue };
        let forms = [format!("{flag} <"), format!("{flag}[=<")];
        assert!(forms.iter().any(|form| help.contains(form)), "{flag}");
        let default = row.default.map(|default| format!("default: {default}]"));
        assert!(default.is_none_or(|text| help.contains(&text)), "{flag}");
    }
}

#[test]
fn short_help_lists_only_common_flags() {
    let mut command = Cli::command();
    let short = command.render_help().to_string();
    for row in reference() {
        let Some(flag) = row.flag else { continue };
        let is_listed = short.contains(&format!("{flag} <"));
        assert_eq!(is_listed, row.is_common, "{flag}\n{short}");
    }
}

#[test]
fn a_switch_needs_no_value_and_other_flags_do() {
    for row in reference() {
        let Some(flag) = row.flag else { continue };
        let Ok(Command::Serve(serve)) = parse(&[flag]) else {
            assert!(!row.is_switch(), "{flag}");
            continue;
        };
        let value = serve.config.to_flags().get(flag).map(str::to_owned);
        assert!(row.is_switch(), "{flag}");
        assert_eq!(value.as_deref(), Some("true"), "{flag}");
    }
}

#[test]
fn help_names_subcommands_and_variables_and_fits_a_terminal() {
    let help = help(None);
    for name in [
        "serve",
        "check-config",
        "demo",
        "simulate",
        "WHATSAPP_ACCESS_TOKEN",
    ] {
        assert!(help.contains(name), "{name}");
    }
    assert!(
        !help.contains("TODO") && help.lines().all(|line| line.len() <= 100),
        "{help}"
    );
}

#[test]
fn wrong_usage_exits_with_two_and_help_with_zero() {
    for (arguments, kind, code) in [
        (
            ["--log.levle=info"].as_slice(),
            ErrorKind::UnknownArgument,
            2,
        ),
        (&["bogus"], ErrorKind::InvalidSubcommand, 2),
        (&["demo", "--speed=0"], ErrorKind::ValueValidation, 2),
        (&["--help"], ErrorKind::DisplayHelp, 0),
        (&["--version"], ErrorKind::DisplayVersion, 0),
    ] {
        let error = parse(arguments).expect_err("no command");
        assert_eq!(
            (error.kind(), error.exit_code()),
            (kind, code),
            "{arguments:?}"
        );
    }
}

#[test]
fn every_failure_of_the_gate_exits_with_three() {
    for (arguments, code) in [
        (["gate"].as_slice(), 3),
        (&["gate", "--phone-number-id=x"], 3),
        (&["gate", "--phone-number-id=1", "--recipients=-1"], 3),
        (&["gate", "--phone-number-id=1", "--language=en"], 3),
        (&["gate", "--help"], 0),
        (&["forget"], 2),
    ] {
        let error = parse(arguments).expect_err("no command");
        let name = OsString::from("whatsapp-business-exporter");
        let all = std::iter::once(name).chain(arguments.iter().map(OsString::from));
        let all: Vec<OsString> = all.collect();
        assert_eq!(usage_exit_code(&all, &error), code, "{arguments:?}");
    }
}

#[test]
fn no_flag_takes_a_secret() {
    let command = Cli::command();
    let nested = command
        .get_subcommands()
        .flat_map(clap::Command::get_subcommands);
    let all = command.get_subcommands().chain(nested).chain([&command]);
    for long in all
        .flat_map(clap::Command::get_arguments)
        .filter_map(clap::Arg::get_long)
    {
        // A file's path is no secret.
        let name = long.trim_end_matches("-file");
        assert!(
            name != long || !long.contains("secret") && !long.contains("token"),
            "--{long}"
        );
    }
}
