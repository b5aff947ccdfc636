//! `check-config`: validates the configuration that `serve` would use.

use std::io;
use std::process::ExitCode;

use clap::Args;

use super::setting_flags::ConfigFlags;
use super::{configuration, output};
use crate::app::BoundExporter;
use crate::config::{Config, Environment, ProcessEnvironment};

/// Arguments of `check-config`: those of `serve`.
#[derive(Args, Clone, Debug)]
pub struct CheckConfigArguments {
    /// Sources of the configuration.
    #[command(flatten)]
    config: ConfigFlags,
}

/// Prints a summary without secrets and all warnings, or all errors; errors set the exit code.
pub(super) fn run(arguments: &CheckConfigArguments) -> io::Result<ExitCode> {
    match check(&arguments.config, &ProcessEnvironment) {
        Ok(config) => {
            for warning in &config.warnings {
                output::print_error(&format!("warning: {warning}"));
            }
            let summary = format!("configuration is valid\n{}", config.summary());
            output::print(&summary).map(|()| ExitCode::SUCCESS)
        }
        Err(errors) => {
            output::print_error(&errors);
            Ok(ExitCode::FAILURE)
        }
    }
}

fn check(flags: &ConfigFlags, environment: &dyn Environment) -> Result<Config, String> {
    let config = configuration::load(&flags.to_flags(), environment)?;
    let problems = BoundExporter::problems(&config);
    if problems.is_empty() {
        Ok(config)
    } else {
        Err(problems.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FixedEnvironment;

    #[test]
    fn a_valid_configuration_is_summed_up_without_secrets() {
        let environment = FixedEnvironment::default()
            .with_variable("WHATSAPP_ACCESS_TOKEN", "EAAGsecret")
            .with_variable("WHATSAPP_APP_SECRET", "EAAGsecret")
            .with_variable("WHATSAPP_WEBHOOK_VERIFY_TOKEN", "EAAGsecret")
            .with_variable("WHATSAPP_BUSINESS_ACCOUNT_IDS", "102290129340398");
        let config = check(&ConfigFlags::default(), &environment).expect("valid");
        let summary = config.summary().to_string();
        assert!(summary.starts_with("web.listen_address: :10131\n"));
        assert!(
            summary.contains("\napps[0].accounts: 102290129340398\n"),
            "{summary}"
        );
        assert!(!summary.contains("EAAG"), "{summary}");
    }

    #[test]
    fn every_error_has_its_line() {
        let text = check(&ConfigFlags::default(), &FixedEnvironment::default()).expect_err("empty");
        assert!(text.starts_with("configuration is not valid, 4 errors:\nWHATSAPP_ACCESS_TOKEN: "));
        assert_eq!(text.lines().count(), 5);
    }
}
