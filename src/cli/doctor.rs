//! `doctor`: tells what is right and what is not between Meta and the exporter, each with its cure.

use std::fmt::{self, Display};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::output;
use super::setting_flags::ConfigFlags;
use crate::app::Source;
use crate::app::doctor::{Report, examine_with_progress, keep};
use crate::config::ProcessEnvironment;

/// What CI makes of it, beside 0 for fine.
const PROBLEMS: u8 = 1;
const COULD_NOT_TELL: u8 = 2;

/// Arguments of `doctor`: those of `serve`, and how to tell.
#[derive(Args, Clone, Debug)]
pub struct DoctorArguments {
    /// Where the configuration comes from.
    #[command(flatten)]
    config: ConfigFlags,

    /// How to tell it
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

/// How findings are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people
    Text,
    /// For scripts
    Json,
}

/// Looks, tells, and sums it up in the exit code.
pub(super) async fn run(arguments: &DoctorArguments) -> anyhow::Result<ExitCode> {
    let source = Source {
        flags: arguments.config.to_flags(),
        environment: Box::new(ProcessEnvironment),
    };
    let report = examine_with_progress(&source, &|line| output::print_error(&line)).await?;
    match arguments.format {
        ReportFormat::Text => output::print(&Text(&report))?,
        ReportFormat::Json => {
            let text = serde_json::to_string_pretty(&report).context("findings as JSON")?;
            output::print(&text)?;
        }
    }
    if let Err(error) = keep(&source, &report) {
        // No finding: it says nothing of the chain, and the status page alone goes without.
        output::print_error(&format!(
            "the status page will not show this report: {error}"
        ));
    }
    Ok(match (report.problems, report.unknown) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(COULD_NOT_TELL),
        _ => ExitCode::from(PROBLEMS),
    })
}

/// The report for people: a line for each finding, its cure below.
struct Text<'a>(&'a Report);

impl Display for Text<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report {
            findings,
            problems,
            unknown,
        } = self.0;
        for finding in findings {
            let verdict = finding.verdict.as_str();
            write!(out, "{verdict:<8} {}", finding.check)?;
            if let Some(about) = &finding.about {
                write!(out, " ({about})")?;
            }
            writeln!(out, ": {}", finding.message)?;
            if let Some(cure) = &finding.cure {
                writeln!(out, "         {cure}")?;
            }
        }
        let fine = findings.len() - problems - unknown;
        write!(
            out,
            "\n{fine} fine, {problems} wrong, {unknown} could not be told"
        )
    }
}
