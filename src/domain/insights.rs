//! Insights: the figures that Meta keeps per day for templates and phone numbers.
//!
//! Amounts are integers, in millionths of the account's currency, so that they compare and add exactly.

use super::message::PricingType;
use super::word::meta_words;
use super::{DisplayDigits, TemplateId};

pub use super::time_zone::Day;

/// Number of past days that Meta keeps for templates, and that are stored.
pub const DAYS: usize = 90;

meta_words! {
    /// A stage of a template's messages: what happened to them on the day they were sent and within the following
    /// seven days.
    Stage {
        Sent = "sent",
        Delivered = "delivered",
        Read = "read",
        Clicked = "clicked",
        Replied = "replied",
    }
}

impl Stage {
    /// Every stage that Meta reports.
    pub const REPORTED: [Self; 5] = [
        Self::Sent,
        Self::Delivered,
        Self::Read,
        Self::Clicked,
        Self::Replied,
    ];
}

meta_words! {
    /// `pricing_category` of `pricing_analytics`: upper case there, lower case in webhooks and in labels.
    PricingCategory {
        Marketing = "marketing",
        Utility = "utility",
        Authentication = "authentication",
        AuthenticationInternational = "authentication_international",
        Service = "service",
        AiBot = "ai_bot",
        MarketingLite = "marketing_lite",
        MarketingLiteDynamic = "marketing_lite_dynamic",
        ReferralConversion = "referral_conversion",
        GroupMarketing = "group_marketing",
        GroupMarketingLite = "group_marketing_lite",
        GroupService = "group_service",
        GroupUtility = "group_utility",
    }
}

/// Which days the figures of templates have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayZone {
    /// Days of UTC.
    Utc,
    /// Days of the account's time zone.
    Account,
}

/// A period of whole days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DaySpan {
    /// The first day.
    pub first: Day,
    /// The last day.
    pub last: Day,
}

/// The figures of a template on one day. `None` where Meta gives no figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TemplateFigures {
    /// Messages sent.
    pub sent: Option<u64>,
    /// Messages delivered.
    pub delivered: Option<u64>,
    /// Messages read.
    pub read: Option<u64>,
    /// Clicks on buttons, of all buttons together.
    pub clicked: Option<u64>,
    /// Messages replied to.
    pub replied: Option<u64>,
    /// Amount spent, in millionths of the currency's unit.
    pub spent: Option<u64>,
}

impl TemplateFigures {
    /// The figure of a stage.
    #[must_use]
    pub fn stage(&self, stage: Stage) -> Option<u64> {
        match stage {
            Stage::Sent => self.sent,
            Stage::Delivered => self.delivered,
            Stage::Read => self.read,
            Stage::Clicked => self.clicked,
            Stage::Replied => self.replied,
            Stage::Other => None,
        }
    }

    /// The figures of a day without messages, which Meta omits.
    #[must_use]
    pub fn nothing_sent() -> Self {
        Self {
            sent: Some(0),
            delivered: Some(0),
            read: Some(0),
            ..Self::default()
        }
    }

    /// Whether there is no message and no amount in them.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self {
            sent,
            delivered,
            read,
            clicked,
            replied,
            spent,
        } = *self;
        let all = [sent, delivered, read, clicked, replied, spent];
        all.iter().all(|figure| figure.unwrap_or_default() == 0)
    }

    /// Combines each figure with that of `other`. A figure that only one of them has is kept.
    #[must_use]
    pub fn merged(self, other: Self, merge: fn(u64, u64) -> u64) -> Self {
        let both = |own: Option<u64>, other: Option<u64>| match (own, other) {
            (Some(own), Some(other)) => Some(merge(own, other)),
            (own, other) => own.or(other),
        };
        Self {
            sent: both(self.sent, other.sent),
            delivered: both(self.delivered, other.delivered),
            read: both(self.read, other.read),
            clicked: both(self.clicked, other.clicked),
            replied: both(self.replied, other.replied),
            spent: both(self.spent, other.spent),
        }
    }
}

/// One day of a template, as a poll read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateDay {
    /// The template.
    pub template_id: TemplateId,
    /// The day.
    pub day: Day,
    /// Its figures.
    pub figures: TemplateFigures,
}

/// The delivered messages of a phone number on one day, of one category and type of price, as a poll read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberDay {
    /// The digits of the number: Meta gives no id here.
    pub digits: DisplayDigits,
    /// The day.
    pub day: Day,
    /// The category.
    pub category: PricingCategory,
    /// Whether, and why not, Meta charges for them.
    pub pricing_type: PricingType,
    /// Number of delivered messages.
    pub volume: u64,
    /// Their price, in millionths of the currency's unit. `None` where Meta hides it because a partner pays.
    pub cost: Option<u64>,
}

impl NumberDay {
    /// Adds the messages of another part of the same day, category and type.
    pub fn add(&mut self, part: &Self) {
        self.volume = self.volume.saturating_add(part.volume);
        self.cost = match (self.cost, part.cost) {
            (Some(cost), Some(more)) => Some(cost.saturating_add(more)),
            (cost, more) => cost.or(more),
        };
    }
}

/// Why Meta gives no insights about templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// Error 200007: they are not switched on for the account.
    NotEnabled,
    /// Error 200005: they are not available to the account.
    Unavailable,
}

/// What a poll read about templates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplatesRead {
    /// Templates whose days were read completely, up to `last_day`.
    pub templates: Vec<TemplateId>,
    /// Their days. Days without messages may be absent.
    pub days: Vec<TemplateDay>,
    /// The last complete day that was requested.
    pub last_day: Day,
}

/// What a poll read about phone numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NumbersRead {
    /// Their days. Days without messages may be absent.
    pub days: Vec<NumberDay>,
    /// The last complete day that was requested.
    pub last_day: Day,
}

/// The result of one poll.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// `template_analytics`. `None` if it was not read.
    pub templates: Option<TemplatesRead>,
    /// `pricing_analytics`. `None` if it was not read.
    pub numbers: Option<NumbersRead>,
    /// Why Meta refused `template_analytics`. `None` if it did not.
    pub refusal: Option<Refusal>,
    /// Whether everything that was due was read.
    pub complete: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_merge_one_by_one() {
        let first = TemplateFigures {
            sent: Some(5),
            read: Some(4),
            ..TemplateFigures::default()
        };
        let second = TemplateFigures {
            sent: Some(6),
            read: Some(0),
            spent: Some(7),
            ..TemplateFigures::default()
        };
        let highest = first.merged(second, u64::max);
        assert_eq!(
            (highest.sent, highest.read, highest.clicked, highest.spent),
            (Some(6), Some(4), None, Some(7))
        );
        assert_eq!(first.merged(second, u64::saturating_add).sent, Some(11));
        assert!(!first.is_empty() && TemplateFigures::default().is_empty());
    }
}
