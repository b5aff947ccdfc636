//! The maximum number of objects of all accounts together, bounded by the memory of the process.
//!
//! Polled objects and objects that only webhooks have reported have separate limits, so that forged objects never
//! displace those that Meta lists.

use std::ops::{AddAssign, SubAssign};

/// Phone numbers that polls list: 10 for each of ten thousand accounts.
const NUMBERS: usize = 100_000;

/// Templates that polls list: 250 for each of ten thousand accounts.
const TEMPLATES: usize = 2_500_000;

/// Phone numbers that only webhooks have reported: their counters take the most memory of all objects.
const UNLISTED_NUMBERS: usize = 10_000;

/// Templates that only webhooks have reported.
const UNLISTED_TEMPLATES: usize = 50_000;

/// Customers of all accounts that are kept, with or without a conversation.
const CUSTOMERS: usize = 1_000_000;

/// Templates with daily figures: 90 days of one take 9.4 kB.
const TEMPLATE_INSIGHTS: usize = 50_000;

/// Phone numbers with daily figures: 90 days of a busy one, in five categories, take 18 kB.
const NUMBER_INSIGHTS: usize = 10_000;
/// Customers of all accounts that are kept for counting recipients.
const RECIPIENTS: usize = 2_000_000;

/// Number of objects of one account, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ObjectCounts {
    pub numbers: usize,
    pub templates: usize,
    pub unlisted_numbers: usize,
    pub unlisted_templates: usize,
    pub customers: usize,
    pub template_insights: usize,
    pub number_insights: usize,
    pub recipients: usize,
}

impl ObjectCounts {
    /// The limits for all accounts together.
    pub const MOST: Self = Self {
        numbers: NUMBERS,
        templates: TEMPLATES,
        unlisted_numbers: UNLISTED_NUMBERS,
        unlisted_templates: UNLISTED_TEMPLATES,
        customers: CUSTOMERS,
        template_insights: TEMPLATE_INSIGHTS,
        number_insights: NUMBER_INSIGHTS,
        recipients: RECIPIENTS,
    };

    /// What the limits leave beside these objects.
    #[must_use]
    pub fn left(self) -> Self {
        let Self {
            numbers,
            templates,
            unlisted_numbers,
            unlisted_templates,
            customers,
            template_insights,
            number_insights,
            recipients,
        } = Self::MOST;
        Self {
            numbers: numbers.saturating_sub(self.numbers),
            templates: templates.saturating_sub(self.templates),
            unlisted_numbers: unlisted_numbers.saturating_sub(self.unlisted_numbers),
            unlisted_templates: unlisted_templates.saturating_sub(self.unlisted_templates),
            customers: customers.saturating_sub(self.customers),
            template_insights: template_insights.saturating_sub(self.template_insights),
            number_insights: number_insights.saturating_sub(self.number_insights),
            recipients: recipients.saturating_sub(self.recipients),
        }
    }
}

impl AddAssign for ObjectCounts {
    fn add_assign(&mut self, more: Self) {
        self.numbers += more.numbers;
        self.templates += more.templates;
        self.unlisted_numbers += more.unlisted_numbers;
        self.unlisted_templates += more.unlisted_templates;
        self.customers += more.customers;
        self.template_insights += more.template_insights;
        self.number_insights += more.number_insights;
        self.recipients += more.recipients;
    }
}

impl SubAssign for ObjectCounts {
    fn sub_assign(&mut self, less: Self) {
        self.numbers -= less.numbers;
        self.templates -= less.templates;
        self.unlisted_numbers -= less.unlisted_numbers;
        self.unlisted_templates -= less.unlisted_templates;
        self.customers -= less.customers;
        self.template_insights -= less.template_insights;
        self.number_insights -= less.number_insights;
        self.recipients -= less.recipients;
    }
}
