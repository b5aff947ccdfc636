//! One message template that has a problem or a scheduled change.

use serde::Serialize;

use super::concern::Concern;
use super::level::Level;
use super::value::{Ahead, MetaWord, PastTime};
use crate::domain::template::{Category, RejectedReason, Status};
use crate::domain::{QualityRating, Timestamp};
use crate::insight::category_cost::category_cost;
use crate::state::{Account, Template};

/// A template.
#[derive(Debug, Serialize)]
pub struct TemplateStatus {
    pub template_id: String,
    pub name: Option<String>,
    pub language: Option<String>,
    pub level: Level,
    /// Why it is listed.
    pub concern: Concern,
    pub category: Option<MetaWord<Category>>,
    pub status: Option<MetaWord<Status>>,
    /// Time of the change to this status. `None` if that was before the first observation.
    pub status_since: Option<PastTime>,
    pub rejected_reason: Option<MetaWord<RejectedReason>>,
    pub quality_rating: Option<MetaWord<QualityRating>>,
    /// When the pause ends. `None` if unknown or not paused.
    pub pause_ends: Option<Ahead>,
    /// When Meta disables the template.
    pub disabled: Option<Ahead>,
    /// The scheduled change of category.
    pub category_change: Option<CategoryChange>,
    /// The category that Meta considers correct. `None` if the template has it.
    pub correct_category: Option<MetaWord<Category>>,
    /// What the change to MARKETING will cost, with the basis of the estimate. `None` without such a change, and if the
    /// account's figures do not show it.
    pub category_cost: Option<String>,
}

/// A change of category that Meta has announced.
#[derive(Debug, Serialize)]
pub struct CategoryChange {
    pub to: MetaWord<Category>,
    #[serde(flatten)]
    pub when: Ahead,
}

impl TemplateStatus {
    pub(super) fn new(
        account: &Account,
        template: &Template,
        concern: Concern,
        now: Timestamp,
    ) -> Self {
        let ahead = |at| Ahead::new(at, now);
        let change = template.category_change_scheduled();
        let changed = template.status.changed();
        Self {
            template_id: template.id.to_string(),
            name: template.name.value().map(ToString::to_string),
            language: template.language.value().map(ToString::to_string),
            level: concern.level(),
            concern,
            category: template.category.value().map(MetaWord),
            status: template.status.value().map(MetaWord),
            status_since: changed.map(|stamp| PastTime::new(stamp.at(), now)),
            rejected_reason: template.rejected_reason().map(MetaWord),
            quality_rating: template.quality_rating.value().map(MetaWord),
            pause_ends: template.paused_until().map(ahead),
            disabled: template.disable_scheduled_at().map(ahead),
            category_change: change.map(|(to, at)| CategoryChange {
                to: MetaWord(to),
                when: ahead(at),
            }),
            correct_category: template.correct_category_if_other().map(MetaWord),
            category_cost: category_cost(account, template)
                .and_then(Result::ok)
                .map(|cost| cost.to_string()),
        }
    }
}
