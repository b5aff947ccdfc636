//! The files for running the exporter: they are consistent, their tools accept them, and the program accepts its
//! arguments and settings in them.

pub mod helm;
mod image;
mod kubernetes;
mod packages;
pub mod relabel;
mod systemd;
mod workflows;

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;
use whatsapp_business_exporter::cli::{Cli, Command as Subcommand};
use whatsapp_business_exporter::config::{Flags, reference};

const NAME: &str = env!("CARGO_PKG_NAME");

fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

fn text(relative: &str) -> String {
    let text = std::fs::read_to_string(path(relative));
    text.unwrap_or_else(|error| panic!("{relative}: {error}"))
}

/// The output of a tool, standard output first. Fails if the tool fails or is missing.
fn said_by(command: &mut Command, install: &str) -> String {
    let output = command.output();
    let output = output.unwrap_or_else(|error| {
        let tool = command.get_program().display();
        panic!("{tool}: {error}; install {install}, or run `make test`")
    });
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success(), "{command:?}: {}", said.concat());
    said.concat()
}

/// A program of the virtual environment that `make test` makes.
fn from_pypi(tool: &str) -> Command {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../venv/bin");
    Command::new(folder.join(tool))
}

/// The remedy for a missing program.
const FROM_NPM: &str = "it with `make tools`";

/// A program of the npm package that `make tools` unpacks.
fn from_npm(tool: &str) -> Command {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../kubernetes");
    Command::new(folder.join(tool))
}

/// The result of the program with these arguments.
fn subcommand<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Subcommand {
    let parsed = Cli::try_parse_from(std::iter::once(NAME).chain(arguments));
    let cli = parsed.unwrap_or_else(|error| panic!("{error}"));
    cli.into_command()
}

/// The flags of `serve` in these arguments.
fn flags_of_serve<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Flags {
    match subcommand(arguments) {
        Subcommand::Serve(serve) => serve.config.to_flags(),
        other => panic!("{other:?} does not serve"),
    }
}

fn assert_is_variable(name: &str) {
    let is_known = reference().iter().any(|row| row.variable == Some(name));
    assert!(is_known, "the program reads no variable {name}");
}
