//! The collectors: the three kinds of polls, with their label values.

use super::word::meta_words;

meta_words! {
    /// One poll of one account, with a cadence of its own.
    Collector {
        Numbers = "numbers",
        Account = "account",
        Templates = "templates",
    }
}
