//! Configuration from the outside: flags, variables and files become a `Config` or error texts.

mod apps;
mod as_written;
mod each_source;
mod errors;
mod experiments;
mod file_errors;
mod list_errors;
mod notify;
mod redaction;
mod reference;
mod sources;
mod store;

use super::{Config, FixedEnvironment, Flags};

/// Path of the configuration file in tests.
const FILE: &str = "/etc/exporter/config.yml";

/// A complete environment.
fn environment() -> FixedEnvironment {
    FixedEnvironment::default()
        .with_variable("WHATSAPP_ACCESS_TOKEN", "EAAGtoken")
        .with_variable("WHATSAPP_APP_SECRET", "s3cret")
        .with_variable("WHATSAPP_WEBHOOK_VERIFY_TOKEN", "phrase")
        .with_variable("WHATSAPP_BUSINESS_ACCOUNT_IDS", "102290129340398")
}

fn flags(given: &[(&'static str, &str)]) -> Flags {
    let with = |flags: Flags, (name, value): &(&'static str, &str)| {
        flags.with(name, Some((*value).to_owned()))
    };
    given.iter().fold(Flags::default(), with)
}

/// Loads `yaml` with an environment.
fn load(yaml: &str, environment: FixedEnvironment) -> Result<Config, String> {
    let flags = Flags::default().with_config_file(Some(FILE.into()));
    let environment = environment.with_file(FILE, yaml);
    Config::load(&flags, &environment).map_err(|errors| errors.to_string())
}

/// Loads `yaml`, which must be valid.
fn good(yaml: &str, environment: FixedEnvironment) -> Config {
    load(yaml, environment).expect("a good configuration")
}

/// The errors of `yaml` with a complete environment.
fn errors(yaml: &str) -> String {
    load(yaml, environment()).expect_err("a bad configuration")
}
