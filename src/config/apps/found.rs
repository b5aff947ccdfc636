//! What looking in one place gave: nothing, something refused and already reported, or a value. Only
//! nothing may be filled from elsewhere or reported as missing.

/// The result of looking in one place.
pub(super) enum Found<T> {
    Absent,
    /// There, but of no use; the error is recorded.
    Refused,
    Value(T),
}

impl<T> Found<T> {
    /// This, or what `other` finds where this is absent.
    pub(super) fn or_else(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Absent => other(),
            found => found,
        }
    }

    /// The value; `missing` is called where there is nothing at all.
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

impl<T> From<Option<T>> for Found<T> {
    /// `None` is a rejected value; its error has already been recorded.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Refused, Self::Value)
    }
}
