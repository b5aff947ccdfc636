//! Options of the exposition, shared by `config` and `expose`.

/// Templates that have their own series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateDetail {
    /// Every template.
    All,
    /// Templates that are not approved, not rated GREEN or UNKNOWN, or have a scheduled change.
    Problems,
    /// No template; the totals of the account remain.
    None,
}

/// Which series an entity has for its states and counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateSets {
    /// The current state, and counters from their first increment.
    Sparse,
    /// Every state, and every counter from 0.
    Full,
}

impl StateSets {
    /// Whether states that are not current and counters without an increment have a series.
    #[must_use]
    pub fn has_zeros(self) -> bool {
        self == Self::Full
    }
}
