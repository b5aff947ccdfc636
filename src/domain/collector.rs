//! The collectors: the kinds of polls, with their label values.

use super::word::meta_words;

meta_words! {
    /// A kind of poll with its own interval.
    Collector {
        Numbers = "numbers",
        Account = "account",
        Templates = "templates",
        Insights = "insights",
    }
}
