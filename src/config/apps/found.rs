//! The result of reading one source: nothing, a rejected value whose error has been recorded, or a value. Another
//! source is read, or the setting is reported as missing, only if this source has nothing.

/// The result of reading one source.
pub(super) enum SourceValue<T> {
    Absent,
    /// The value is invalid; the error has been recorded.
    Refused,
    Value(T),
}

impl<T> SourceValue<T> {
    /// This result, or that of `other` if this is absent.
    pub(super) fn or_else(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Absent => other(),
            found => found,
        }
    }

    /// The value. Calls `missing` if there is none at all.
    pub(super) fn or_missing(self, missing: impl FnOnce()) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Refused => None,
            Self::Absent => {
                missing();
                None
            }
        }
    }
}

impl<T> From<Option<T>> for SourceValue<T> {
    /// `None` is a rejected value; its error has already been recorded.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Refused, Self::Value)
    }
}
