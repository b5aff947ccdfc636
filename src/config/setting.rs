//! The declaration of a setting: its key, its other names, its default, its help. The walker, `--help`,
//! the reference and reloads use it.

/// One row of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Path in the file, `apps[].name` for a key of each app. `None` for a setting without a key.
    pub key: Option<&'static str>,
    /// Command-line flag with its dashes. `None` if it has none.
    pub flag: Option<&'static str>,
    /// Environment variable. `None` if it has none.
    pub variable: Option<&'static str>,
    /// Value if no source gives one, as a user would write it. `None` if there is no default.
    pub default: Option<&'static str>,
    /// One sentence without its full stop.
    pub meaning: &'static str,
    /// Heading of its section in `--help`.
    pub group: Option<&'static str>,
    /// Placeholder for its value in `--help`.
    pub value_name: &'static str,
    /// Whether `-h`, the short help with the most important flags, lists it.
    pub is_common: bool,
    /// When a changed value takes effect.
    pub applies: Applies,
}

/// When a changed value takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    /// At the next reload.
    Reload,
    /// At the next start, because a bound listener keeps it.
    ListenerRestart,
    /// At the next start, because the open store keeps it.
    StoreRestart,
    /// At the next start, because a process initializes its log once.
    LogRestart,
}

impl Setting {
    pub(super) const fn new(key: &'static str, meaning: &'static str) -> Self {
        Self {
            key: Some(key),
            flag: None,
            variable: None,
            default: None,
            meaning,
            group: None,
            value_name: "VALUE",
            is_common: false,
            applies: Applies::Reload,
        }
    }

    pub(super) const fn flag_only(flag: &'static str, meaning: &'static str) -> Self {
        Self {
            key: None,
            ..Self::new("", meaning).flag(flag)
        }
    }

    pub(super) const fn flag(self, flag: &'static str) -> Self {
        Self {
            flag: Some(flag),
            ..self
        }
    }

    pub(super) const fn variable(self, variable: &'static str) -> Self {
        Self {
            variable: Some(variable),
            ..self
        }
    }

    pub(super) const fn default(self, default: &'static str) -> Self {
        Self {
            default: Some(default),
            ..self
        }
    }

    pub(super) const fn group(self, group: &'static str) -> Self {
        Self {
            group: Some(group),
            ..self
        }
    }

    pub(super) const fn value_name(self, value_name: &'static str) -> Self {
        Self { value_name, ..self }
    }

    /// Lists the flag in `-h`.
    pub(super) const fn common(self) -> Self {
        Self {
            is_common: true,
            ..self
        }
    }

    /// Takes effect at a restart, because a bound listener keeps the value.
    pub(super) const fn for_listener(self) -> Self {
        Self {
            applies: Applies::ListenerRestart,
            ..self
        }
    }

    /// Takes effect at a restart, because the open store keeps the value.
    pub(super) const fn for_store(self) -> Self {
        Self {
            applies: Applies::StoreRestart,
            ..self
        }
    }

    /// Takes effect at a restart, because the process initializes its log once.
    pub(super) const fn for_log(self) -> Self {
        Self {
            applies: Applies::LogRestart,
            ..self
        }
    }

    /// Has neither flag nor variable, because it is a list.
    pub(super) const fn in_file_only(self) -> Self {
        Self {
            flag: None,
            variable: None,
            ..self
        }
    }

    /// Has no flag, because every user of a machine can read its processes' arguments.
    pub(super) const fn secret(self, variable: &'static str) -> Self {
        Self {
            flag: None,
            ..self.variable(variable)
        }
    }

    /// The last part of the key: its name within its section or list item.
    pub(super) fn name(&self) -> &'static str {
        let name = self.key.and_then(|key| key.rsplit('.').next());
        name.expect("a setting of the file has a key")
    }

    /// The key in the item of the list at `index`.
    pub(super) fn key_of_item(&self, index: usize) -> String {
        let key = self.key.expect("a setting of the file has a key");
        key.replace("[]", &format!("[{index}]"))
    }

    /// Whether the flag alone means `true`.
    #[must_use]
    pub fn is_switch(&self) -> bool {
        self.default == Some("false")
    }
}

/// A setting with a single value, and the parser for all sources. The parser's error is the end of a sentence: what
/// is wrong and what to write instead.
pub(super) struct Scalar<T> {
    pub(super) setting: Setting,
    pub(super) parse: fn(&str) -> Result<T, String>,
}
