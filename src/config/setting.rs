//! The declaration of a setting: where it may be set, its default, what it means. Declared once as a
//! value; the walker reads by it and the reference lists it.

/// One row of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Path in the file, `apps[].name` for a key of each app; `None` for what only a flag can say.
    pub key: Option<&'static str>,
    /// Command-line flag with its dashes.
    pub flag: Option<&'static str>,
    /// Environment variable.
    pub variable: Option<&'static str>,
    /// What holds where nobody says otherwise, in the form a user would write it.
    pub default: Option<&'static str>,
    /// One sentence without its full stop.
    pub meaning: &'static str,
}

impl Setting {
    pub(super) const fn new(key: &'static str, meaning: &'static str) -> Self {
        Self {
            key: Some(key),
            flag: None,
            variable: None,
            default: None,
            meaning,
        }
    }

    pub(super) const fn flag_only(flag: &'static str, meaning: &'static str) -> Self {
        Self {
            key: None,
            flag: Some(flag),
            variable: None,
            default: None,
            meaning,
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
}

/// A setting of one value, with the parser that reads it from any source. The parser's error is the
/// end of a sentence: what is wrong and what to write instead.
pub(super) struct Scalar<T> {
    pub(super) setting: Setting,
    pub(super) parse: fn(&str) -> Result<T, String>,
}
