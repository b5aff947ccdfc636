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

/// How the state of a template is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateSets {
    /// One series, for the current state.
    Sparse,
    /// One series for each state: ten times as many.
    Full,
}
