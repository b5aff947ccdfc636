//! `alerts`: writes the alerting rules and the example for Alertmanager with an operator's values.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::output;
use crate::alerts::{AlertSet, RenderedFile, ValuesErrors};

/// Arguments of `alerts`.
#[derive(Args, Clone, Debug)]
pub struct AlertsArguments {
    /// YAML file with your values; the others keep their defaults
    #[arg(long, value_name = "PATH")]
    values: Option<PathBuf>,

    /// Directory for the files; it is created, and files of the same names are overwritten
    #[arg(
        long,
        value_name = "PATH",
        required_unless_present = "print_values",
        conflicts_with = "print_values"
    )]
    output: Option<PathBuf>,

    /// Print the file with all values and their defaults, to copy from
    #[arg(long, conflicts_with = "values")]
    print_values: bool,
}

/// Writes the files and prints the path of each, or prints every error of the values; errors set the exit code.
pub(super) fn run(arguments: &AlertsArguments) -> anyhow::Result<ExitCode> {
    let set = AlertSet::embedded();
    let Some(folder) = &arguments.output else {
        output::print(&set.values_file().trim_end())?;
        return Ok(ExitCode::SUCCESS);
    };
    let text = match &arguments.values {
        Some(path) => fs::read_to_string(path).with_context(|| path.display().to_string())?,
        None => String::new(),
    };
    let values = match set.with_values(&text) {
        Ok(values) => values,
        Err(errors) => {
            output::print_error(&error_text(arguments.values.as_deref(), &errors));
            return Ok(ExitCode::FAILURE);
        }
    };
    // Everything is rendered before anything is written.
    for file in set.render(&values)? {
        let path = folder.join(&file.path);
        write(&path, &file).with_context(|| path.display().to_string())?;
        output::print(&path.display())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn error_text(path: Option<&Path>, errors: &ValuesErrors) -> String {
    let count = errors.count();
    let noun = if count == 1 { "error" } else { "errors" };
    let path = path.unwrap_or(Path::new("the defaults")).display();
    format!("{path} is not valid, {count} {noun}:\n{errors}")
}

/// Replaces the file as a whole, so that a Prometheus that reloads meanwhile never reads half of it.
fn write(path: &Path, file: &RenderedFile) -> std::io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&new, &file.text)?;
    fs::rename(&new, path)
}
