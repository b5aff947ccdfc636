//! Maximum numbers of Meta's objects that are read and stored. A listing, or an attacker with the app's secret, can
//! name any number of them, but memory and disk are limited.

use std::fmt;

/// Maximum phone numbers of an account that polls list. Meta allows most portfolios 20, and providers some thousands.
pub const NUMBERS: usize = 5_000;

/// Maximum templates of an account that polls list. Meta allows 6,000, and counts each language.
pub const TEMPLATES: usize = 10_000;

/// Maximum accounts of a portfolio: as many as the configuration may list for an app.
pub const ACCOUNTS: usize = 20_000;

/// Maximum templates of an account that only webhooks have reported, while polls list its templates. Meta allows 100
/// new ones per hour, so this covers ten hours between two listings.
pub const UNLISTED_TEMPLATES: usize = 1_000;

/// Maximum phone numbers of an account that only webhooks have reported, while polls list its numbers.
pub const UNLISTED_NUMBERS: usize = 100;

/// Maximum number of customers of an account that are kept for counting the recipients of its portfolio, at some 350
/// bytes of memory each. Meta's highest limit is 100,000 recipients in 24 hours; accounts above have no limit.
pub const RECIPIENTS: usize = 1_000_000;

/// The kind of an object that is ignored because of a ceiling, as a label value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectKind {
    /// An error or a remark in `health_status`.
    HealthDetail,
    /// The daily figures of a template or a phone number.
    Insights,
    /// A phone number, or the messages of a number that no poll lists.
    PhoneNumber,
    /// A customer, in the count of recipients of a portfolio.
    Recipient,
    /// The digits that webhooks use for a phone number.
    Spelling,
    /// A message template.
    Template,
}

impl ObjectKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::HealthDetail,
        Self::Insights,
        Self::PhoneNumber,
        Self::Recipient,
        Self::Spelling,
        Self::Template,
    ];

    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HealthDetail => "health_detail",
            Self::Insights => "insights",
            Self::PhoneNumber => "phone_number",
            Self::Recipient => "recipient",
            Self::Spelling => "spelling",
            Self::Template => "template",
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
