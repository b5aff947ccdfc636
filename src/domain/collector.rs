//! The three polls, by the names their metrics carry.

use super::word::meta_words;

meta_words! {
    /// One poll of one account, with a cadence of its own.
    Collector {
        Numbers = "numbers",
        Account = "account",
        Templates = "templates",
    }
}
