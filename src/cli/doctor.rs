//! `doctor`: diagnoses the setup and prints each finding with its cure.

use std::fmt::{self, Display};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::output;
use super::setting_flags::ConfigFlags;
use crate::app::ConfigSources;
use crate::app::doctor::{Report, examine_with_progress, keep};
use crate::config::ProcessEnvironment;

/// Exit codes for scripts, in addition to 0 if every check passed.
const PROBLEMS: u8 = 1;
const UNKNOWN: u8 = 2;

/// Arguments of `doctor`: those of `serve`, and the output format.
#[derive(Args, Clone, Debug)]
pub struct DoctorArguments {
    /// Sources of the configuration.
    #[command(flatten)]
    config: ConfigFlags,

    /// Output format
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

/// Output format of the findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Text for people
    Text,
    /// JSON for scripts
    Json,
}

/// Runs the checks, prints the report, and returns the exit code.
pub(super) async fn run(arguments: &DoctorArguments) -> anyhow::Result<ExitCode> {
    let source = ConfigSources {
        flags: arguments.config.to_flags(),
        environment: Box::new(ProcessEnvironment),
    };
    let report = examine_with_progress(&source, &|line| output::print_error(&line)).await?;
    match arguments.format {
        ReportFormat::Text => output::print(&ReportText(&report))?,
        ReportFormat::Json => {
            let text = serde_json::to_string_pretty(&report).context("findings as JSON")?;
            output::print(&text)?;
        }
    }
    if let Err(error) = keep(&source, &report).await {
        // Not a finding, because only the status page needs the stored report.
        output::print_error(&format!(
            "the status page will not show this report: {error}"
        ));
    }
    Ok(match (report.problems, report.unknown) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(UNKNOWN),
        _ => ExitCode::from(PROBLEMS),
    })
}

/// The report as text: one line per finding, followed by its cure.
struct ReportText<'a>(&'a Report);

impl Display for ReportText<'_> {
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
        write!(out, "\n{fine} fine, {problems} problems, {unknown} unknown")
    }
}
