//! The flags of settings, generated from their declarations. Each subcommand takes all or a few of them.

use std::path::PathBuf;

use clap::builder::ValueParser;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, ValueHint, value_parser};

use crate::config::{ConfigErrors, Flags, ProcessEnvironment, Setting, StoreConfig, reference};

/// The only flag whose value is a path instead of text.
const CONFIG_FILE: &str = "--config.file";

const LOG_LEVEL: &str = "--log.level";
const LOG_FORMAT: &str = "--log.format";
/// The settings for opening a store.
const STORE: [&str; 3] = [STORE_URL, "--store.password-file", "--store.schema"];
const STORE_URL: &str = "--store.url";
const STATE_SETS: &str = "--metrics.state-sets";

/// Declares the flags of a subcommand: those of the settings for whose flag the condition holds.
macro_rules! setting_flags {
    ($(#[doc = $help:literal])+ $name:ident, $condition:expr) => {
        $(#[doc = $help])+
        #[derive(Clone, Debug, Default)]
        pub struct $name(Flags);

        impl Args for $name {
            fn augment_args(command: Command) -> Command {
                command.args(settings($condition).map(|(flag, setting)| argument(flag, &setting)))
            }

            fn augment_args_for_update(command: Command) -> Command {
                Self::augment_args(command)
            }
        }

        impl FromArgMatches for $name {
            fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
                Ok(Self(given(matches, settings($condition))))
            }

            fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
                *self = Self::from_arg_matches(matches)?;
                Ok(())
            }
        }

        impl $name {
            /// The flags as input of the configuration.
            #[must_use]
            pub fn to_flags(&self) -> Flags {
                self.0.clone()
            }
        }
    };
}

setting_flags!(
    /// Every setting that has a flag, and the configuration file.
    ConfigFlags,
    |_| true
);

setting_flags!(
    /// Log level and format.
    LogFlags,
    |flag| [LOG_LEVEL, LOG_FORMAT].contains(&flag)
);

setting_flags!(
    /// Form of the metrics.
    MetricsFlags,
    |flag| flag == STATE_SETS
);

setting_flags!(
    /// The store of an exporter, which may be running.
    StoreFlags,
    |flag| STORE.contains(&flag)
);

setting_flags!(
    /// The settings for opening a store on PostgreSQL, except its URL.
    ServerFlags,
    |flag| STORE.contains(&flag) && flag != STORE_URL
);

impl ServerFlags {
    /// The store of these flags, the environment or the defaults, with more flags.
    pub(super) fn config_of(
        &self,
        with_more: impl Fn(Flags) -> Flags,
    ) -> Result<StoreConfig, ConfigErrors> {
        StoreConfig::load(&with_more(self.to_flags()), &ProcessEnvironment)
    }
}

impl StoreFlags {
    /// The store that the flags, the environment or the defaults name.
    pub(super) fn config(&self) -> Result<StoreConfig, ConfigErrors> {
        StoreConfig::load(&self.0, &ProcessEnvironment)
    }
}

/// The settings for whose flag the condition holds, each with its flag.
fn settings(
    condition: impl Fn(&'static str) -> bool,
) -> impl Iterator<Item = (&'static str, Setting)> {
    let settings = reference().into_iter();
    let with_flags = settings.filter_map(|setting| Some((setting.flag?, setting)));
    with_flags.filter(move |(flag, _)| condition(flag))
}

/// The flag as clap reads it and prints it in `--help`, completions and the manual.
fn argument(flag: &'static str, setting: &Setting) -> Arg {
    let name = name(flag);
    let default = setting.default;
    let default = default.map_or(String::new(), |default| format!(" [default: {default}]"));
    let help = format!("{}{default}", setting.meaning);
    let argument = Arg::new(name)
        .long(name)
        .value_name(setting.value_name)
        .value_parser(parser(flag))
        .help(&help)
        // The manual has no other help for a flag that `-h` does not list.
        .long_help(&help)
        .help_heading(setting.group)
        .hide_short_help(!setting.is_common);
    let argument = match setting.value_name {
        "PATH" => argument.value_hint(ValueHint::FilePath),
        _ => argument,
    };
    if setting.is_switch() {
        argument
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
    } else {
        argument
    }
}

/// Values are checked by the configuration, which reports every error at once.
fn parser(flag: &str) -> ValueParser {
    match flag {
        CONFIG_FILE => value_parser!(PathBuf),
        _ => value_parser!(String),
    }
}

/// The flags that were given.
fn given(matches: &ArgMatches, settings: impl Iterator<Item = (&'static str, Setting)>) -> Flags {
    let with = |flags: Flags, (flag, _)| match flag {
        CONFIG_FILE => flags.with_config_file(matches.get_one(name(flag)).cloned()),
        _ => flags.with(flag, matches.get_one(name(flag)).cloned()),
    };
    settings.fold(Flags::default(), with)
}

fn name(flag: &'static str) -> &'static str {
    flag.trim_start_matches('-')
}
