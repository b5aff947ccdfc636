//! `log`: level and format of the log.

use tracing_subscriber::EnvFilter;

use super::environment::Environment;
use super::error::{ConfigErrors, quoted};
use super::file::File;
use super::flags::Flags;
use super::kind::{Boolean, Parsed, Words};
use super::section::settings;
use super::walker::Walker;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

const LEVEL: Parsed<String> = Parsed {
    value_name: "LEVEL",
    parse: level,
};

const FORMAT: Words<LogFormat> = Words {
    value_name: "FORMAT",
    words: &[("text", LogFormat::Text), ("json", LogFormat::Json)],
};

/// Format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object per line.
    Json,
}

settings! {
    /// Logging.
    #[derive(Clone, Debug, PartialEq, Eq)]
    LogConfig "log" {
        /// Log level: off, error, warn, info, debug or trace, or directives such as info,reqwest=debug.
        level: String = "info", LEVEL, common, for_log;

        /// Log format: text or json, one line each, on standard error.
        format: LogFormat = "text", FORMAT, for_log;

        /// Whether each change of a phone number, template or account is logged, with the target `signals`.
        signals: bool = "true", Boolean;
    }
}

impl LogConfig {
    /// Reads the flags and the environment, for subcommands that need no other configuration.
    ///
    /// # Errors
    /// All errors of the section.
    pub fn load(flags: &Flags, environment: &dyn Environment) -> Result<Self, ConfigErrors> {
        let file = File::none();
        let mut walker = Walker::new(flags, &file, environment, ConfigErrors::default());
        let log = Self::read(&mut walker);
        walker.finish().map(|_| log)
    }

    pub(super) fn read(walker: &mut Walker<'_>) -> Self {
        Self::read_rows(walker)
    }
}

/// Checked here, because the filter would accept the typo `inof` as a module's name and log nothing else.
fn level(text: &str) -> Result<String, String> {
    let is_level = |part: &str| LEVELS.contains(&part.to_ascii_lowercase().as_str());
    let known = text
        .split(',')
        .all(|part| part.contains('=') || is_level(part));
    if known && EnvFilter::try_new(text).is_ok() {
        return Ok(text.to_owned());
    }
    let levels = "off, error, warn, info, debug, trace, or directives such as info,reqwest=debug";
    Err(format!(
        "{} is not a log level; give {levels}",
        quoted(text)
    ))
}

#[cfg(test)]
mod tests {
    use super::super::FixedEnvironment;
    use super::*;

    #[test]
    fn flags_and_variables_alone_are_enough() {
        let variable = "WHATSAPP_EXPORTER_LOG_LEVEL";
        let load = |flag: Option<&str>, value: &str| {
            let flags = Flags::default().with("--log.level", flag.map(str::to_owned));
            let environment = FixedEnvironment::default().with_variable(variable, value);
            LogConfig::load(&flags, &environment).map_err(|errors| errors.to_string())
        };
        let log = load(Some("warn"), "debug").expect("a level");
        assert_eq!((log.level.as_str(), log.format), ("warn", LogFormat::Text));
        assert_eq!(load(None, "debug").expect("a level").level, "debug");
        let error = load(Some("inof"), "debug").expect_err("a slip");
        assert!(error.starts_with("--log.level: "), "{error}");
        let error = load(None, "inof").expect_err("a slip");
        assert!(error.starts_with(&format!("{variable}: ")), "{error}");
    }

    #[test]
    fn typing_errors_in_levels_are_rejected() {
        for good in ["info", "WARN", "info,reqwest=debug", "warn,hyper=off"] {
            assert!(level(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "inof",
            "info,reqwest",
            "info,reqwest=loud",
            "3",
            "info;debug",
        ] {
            assert!(level(bad).is_err(), "{bad}");
        }
    }
}
