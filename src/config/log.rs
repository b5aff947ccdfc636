//! `log`: what is logged, and how.

use tracing_subscriber::EnvFilter;

use super::environment::FixedEnvironment;
use super::error::{ConfigErrors, quoted};
use super::flags::Flags;
use super::setting::{Scalar, Setting};
use super::value;
use super::walker::Walker;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

pub(super) const FORMATS: [(&str, LogFormat); 2] =
    [("text", LogFormat::Text), ("json", LogFormat::Json)];

const LEVEL: Scalar<String> = Scalar {
    setting: Setting::new(
        "log.level",
        "off, error, warn, info, debug or trace; or directives such as info,reqwest=debug",
    )
    .flag("--log.level")
    .default("info"),
    parse: level,
};

const FORMAT: Scalar<LogFormat> = Scalar {
    setting: Setting::new(
        "log.format",
        "text or json, one line each, on standard error",
    )
    .flag("--log.format")
    .default("text"),
    parse: |text| value::word(text, &FORMATS),
};

const SIGNALS: Scalar<bool> = Scalar {
    setting: Setting::new(
        "log.signals",
        "Log each change of a phone number, template or account, with the target `signals`",
    )
    .flag("--log.signals")
    .default("true"),
    parse: value::boolean,
};

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// `log.level`, `--log.level`; a level or `tracing` filter directives, default `info`.
    pub level: String,
    /// `log.format`, `--log.format`; default `text`.
    pub format: LogFormat,
    /// `log.signals`, `--log.signals`; default true.
    pub signals: bool,
}

impl LogConfig {
    /// What the flags alone say: for a subcommand that needs no other configuration.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn load(flags: &Flags) -> Result<Self, ConfigErrors> {
        let environment = FixedEnvironment::default();
        let mut walker = Walker::new(flags, None, &environment, ConfigErrors::default());
        let log = Self::read(&mut walker);
        walker.finish().map(|_| log)
    }

    pub(super) fn read(walker: &mut Walker<'_>) -> Self {
        Self {
            level: walker.scalar(&LEVEL),
            format: walker.scalar(&FORMAT),
            signals: walker.scalar(&SIGNALS),
        }
    }
}

/// The filter alone would take the slip `inof` for a module's name and log nothing else.
fn level(text: &str) -> Result<String, String> {
    let is_level = |part: &str| LEVELS.contains(&part.to_ascii_lowercase().as_str());
    let known = text
        .split(',')
        .all(|part| part.contains('=') || is_level(part));
    if known && EnvFilter::try_new(text).is_ok() {
        return Ok(text.to_owned());
    }
    let levels = "off, error, warn, info, debug, trace, or directives such as info,reqwest=debug";
    Err(format!("{} is no level; give {levels}", quoted(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_alone_may_say_it() {
        let load = |level: &str| {
            LogConfig::load(&Flags::default().with("--log.level", Some(level.to_owned())))
        };
        let log = load("warn").expect("a level");
        assert_eq!((log.level.as_str(), log.format), ("warn", LogFormat::Text));
        assert!(
            load("inof")
                .expect_err("a slip")
                .to_string()
                .starts_with("--log.level: ")
        );
    }

    #[test]
    fn levels_and_directives_are_told_from_slips() {
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
