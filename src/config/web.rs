//! `web`: the operator's listener.

use super::environment::Environment;
use super::error::ConfigErrors;
use super::flags::Flags;
use super::listen_address::ListenAddress;
use super::read_file;
use super::setting::{Scalar, Setting};
use super::walker::Walker;

const LISTEN_ADDRESS: Scalar<ListenAddress> = Scalar {
    setting: Setting::new(
        "web.listen_address",
        "Where the operator's pages and /metrics are served; :port is every interface",
    )
    .flag("--web.listen-address")
    .default(":10131"),
    parse: ListenAddress::parse,
};

/// The operator's listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebConfig {
    /// `web.listen_address`, `--web.listen-address`; default `:10131`.
    pub listen_address: ListenAddress,
}

impl WebConfig {
    /// This section alone: for a subcommand that asks a running exporter, whatever else has been
    /// written into the file since it started.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(flags: &Flags, environment: &dyn Environment) -> Result<Self, ConfigErrors> {
        let mut errors = ConfigErrors::default();
        let file = read_file(flags, environment)
            .map_err(|message| errors.add("--config.file", message))
            .ok();
        let mut walker = Walker::new(flags, file.as_ref(), environment, errors);
        let web = Self::read(&mut walker);
        walker.into_errors().map(|()| web)
    }

    pub(super) fn read(walker: &mut Walker<'_>) -> Self {
        Self {
            listen_address: walker.scalar(&LISTEN_ADDRESS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::FixedEnvironment;
    use super::*;

    fn load(file: &str) -> Result<WebConfig, ConfigErrors> {
        let environment = FixedEnvironment::default().with_file("config.yml", file);
        let flags = Flags::default().with_config_file(Some("config.yml".into()));
        WebConfig::load(&flags, &environment)
    }

    #[test]
    fn the_section_alone_needs_no_other_to_be_right() {
        let web = load("web: {listen_address: '127.0.0.1:9'}\napps: [{access_token: ''}]");
        let address = web.expect("a good section").listen_address;
        assert_eq!(address.to_string(), "127.0.0.1:9");
    }

    #[test]
    fn what_is_wrong_with_it_is_told() {
        for (file, place) in [
            ("web: {listen_address: nine}", "web.listen_address: "),
            ("web: {", "--config.file: "),
        ] {
            let errors = load(file).expect_err(file).to_string();
            assert!(errors.starts_with(place), "{errors}");
        }
    }
}
