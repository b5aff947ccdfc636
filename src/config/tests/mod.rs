//! Configuration from the outside: flags, variables and files in, a `Config` or the errors' text out.

mod apps;
mod as_written;
mod each_source;
mod errors;
mod redaction;
mod reference;
mod sources;

use super::{Config, FixedEnvironment, Flags};

/// Where tests keep their file.
const FILE: &str = "/etc/exporter/config.yml";

/// An environment that is enough to start with.
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

/// Loads `yaml` beside an environment.
fn load(yaml: &str, environment: FixedEnvironment) -> Result<Config, String> {
    let flags = Flags::default().with_config_file(Some(FILE.into()));
    let environment = environment.with_file(FILE, yaml);
    Config::load(&flags, &environment).map_err(|errors| errors.to_string())
}

/// Loads `yaml`, which is good.
fn good(yaml: &str, environment: FixedEnvironment) -> Config {
    load(yaml, environment).expect("a good configuration")
}

/// The errors of `yaml` beside an environment that is enough.
fn errors(yaml: &str) -> String {
    load(yaml, environment()).expect_err("a bad configuration")
}
