//! Declares a section of the configuration: [`settings!`] generates a struct, its reader and its summary from one row
//! per setting. The meaning of a row is plain code here and in [`kind`](super::kind).

use std::fmt;

use super::kind::SettingKind;
use super::setting::{Applies, Setting};
use super::walker::Walker;

/// A setting with the kind of its value.
pub(super) struct SettingRow<K> {
    pub(super) setting: Setting,
    kind: K,
}

impl<K: SettingKind> SettingRow<K> {
    /// `V` is the type that the row declares: if the kind has another type, the compiler reports the error at the
    /// kind.
    pub(super) fn new<V>(setting: Setting, kind: K) -> Self
    where
        K: SettingKind<Value = V>,
    {
        Self {
            setting: setting.value_name(kind.value_name()),
            kind,
        }
    }

    pub(super) fn read(&self, walker: &mut Walker<'_>) -> K::Value {
        walker.note(&self.setting);
        self.kind.read(&self.setting, walker)
    }

    pub(super) fn line(&self, value: &K::Value) -> SummaryLine {
        SummaryLine::new(self.setting.key.unwrap_or_default(), self.kind.show(value))
    }

    pub(super) fn needs_restart(&self) -> bool {
        self.setting.applies != Applies::Reload
    }

    /// The setting, if its values differ.
    pub(super) fn changed(&self, one: &K::Value, other: &K::Value) -> Option<Setting> {
        (!self.kind.is_same(one, other)).then_some(self.setting)
    }
}

/// One line of the summary.
pub(super) struct SummaryLine {
    key: String,
    value: String,
}

impl SummaryLine {
    pub(super) fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            value: value.into(),
        }
    }
}

impl fmt::Display for SummaryLine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.key, self.value)
    }
}

/// Declares a section. Its comment is the heading of its flags; a row is
///
/// ```text
/// /// Help: one sentence.
/// field: Type = "default", kind, note, note("argument");
/// ```
///
/// The field is the last part of the key. The kind is an expression of a type that implements `Kind` for the field's
/// type, and each note a method of [`Setting`]. The default may be missing if the kind has one of its own.
/// `lists` are fields whose keys are declared where the section's `read` reads them. A function generates their part
/// of the summary: `field: Type = lines;`.
macro_rules! settings {
    (
        $(#[doc = $about:literal])+
        #[derive($($derive:ident),+)]
        $name:ident $section:literal {
            $(
                $(#[doc = $help:literal])+
                $field:ident: $type:ty $(= $default:literal)?, $kind:expr $(, $note:ident $(($argument:expr))?)*;
            )+
        }
        $(lists {
            $(
                $(#[doc = $list_help:literal])+
                $list:ident: $list_type:ty = $lines:path;
            )+
        })?
    ) => {
        $(#[doc = $about])+
        #[derive($($derive),+)]
        pub struct $name {
            $(
                $(#[doc = $help])+
                $(#[doc = concat!("\n\nDefault: `", $default, "`.")])?
                pub $field: $type,
            )+
            $($(
                $(#[doc = $list_help])+
                pub $list: $list_type,
            )+)?
        }

        /// The row of each field.
        impl $name {
            const GROUP: &str = $crate::config::spelling::sentence(concat!($($about),+));

            $(
                fn $field() -> $crate::config::section::SettingRow<
                    impl $crate::config::kind::SettingKind<Value = $type>
                > {
                    const KEY: &str = concat!($section, ".", stringify!($field));
                    const HELP: &str = $crate::config::spelling::sentence(concat!($($help),+));
                    const SETTING: $crate::config::setting::Setting =
                        $crate::config::setting::Setting::new(KEY, HELP)
                            .group($name::GROUP)
                            .flag($crate::config::spelling::spelled!(FLAG, KEY))
                            .variable($crate::config::spelling::spelled!(VARIABLE, KEY))
                            $(.default($default))?
                            $(.$note($($argument)?))*;
                    $crate::config::section::SettingRow::new::<$type>(SETTING, $kind)
                }
            )+
        }

        impl $name {
            /// Reads each setting by itself. The section checks conditions between settings.
            fn read_rows(walker: &mut $crate::config::walker::Walker<'_>) -> Self {
                Self {
                    $($field: Self::$field().read(walker),)+
                    $($($list: Default::default(),)+)?
                }
            }

            /// The section's part of the summary.
            pub(super) fn lines(&self) -> Vec<$crate::config::section::SummaryLine> {
                let rows = [$(Self::$field().line(&self.$field)),+];
                let lines = rows.into_iter();
                $($(let lines = lines.chain($lines(&self.$list));)+)?
                lines.collect()
            }

            /// The settings whose values differ from those of `other`.
            pub(super) fn changed(&self, other: &Self) -> Vec<$crate::config::setting::Setting> {
                let rows = [$(Self::$field().changed(&self.$field, &other.$field)),+];
                rows.into_iter().flatten().collect()
            }

            /// Keeps the values of `started` that a reload cannot change.
            pub(super) fn keep_started(&mut self, started: &Self) {
                $(if Self::$field().needs_restart() {
                    self.$field.clone_from(&started.$field);
                })+
            }
        }
    };
}

pub(super) use settings;
