//! The kinds of failures.

use crate::domain::meta_words;

meta_words! {
    /// The kind of a failure. It is the label value of the counter, and determines the next attempt.
    FailureKind {
        Token = "token",
        AppSecret = "app_secret",
        Permission = "permission",
        RateLimit = "rate_limit",
        NotFoundOrHidden = "not_found_or_hidden",
        WrongNode = "wrong_node_type",
        Blocked = "blocked",
        Transient = "transient",
        UnknownField = "unknown_field",
        InvalidParameter = "invalid_parameter",
        Malformed = "malformed",
        TooLarge = "too_large",
        TooMany = "too_many_objects",
        Timeout = "timeout",
        NameResolution = "name_resolution",
        Tls = "tls",
        Proxy = "proxy",
        Connection = "connection",
        BudgetSpent = "budget_spent",
    }
}
