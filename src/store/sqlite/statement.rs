//! The size of statements.

/// Maximum number of rows in one statement. More gain little; a row has up to 14 values, and SQLite accepts 32,766.
pub(super) const ROWS_AT_ONCE: usize = 500;
