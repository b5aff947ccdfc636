//! A message template: status, quality, category, and announced changes.

use std::ops::Deref;

use super::attributes::attribute_state;
use super::observation::Observation;
use super::redate::{Dated, Redating, dated};
use super::{History, Latest, Observed, Stamp};
// The table's rows name types of both modules.
use crate::domain::template::*;
use crate::domain::*;

template_attributes!(attribute_state);

/// The state of one template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Id of its Graph API node, which is one language of one template name.
    pub id: TemplateId,
    /// Stamp of the newest poll that listed it or webhook that mentioned it.
    pub known_at: Stamp,
    /// The attributes of the table.
    pub attributes: Attributes,
    pub(super) last_polled_category: Latest<Category>,
    /// Apart, because few templates have any.
    notices: Option<Box<Notices>>,
}

dated! { Template: known_at attributes last_polled_category notices }

/// The changes that Meta has announced for a template, and its category changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Notices {
    pub disable_at: Latest<Option<Timestamp>>,
    pub category_change: Latest<Option<(Category, Option<Timestamp>)>>,
    /// Category changes by (from, to): the counts of webhooks and of polls.
    pub category_moves: Vec<(Category, Category, u64, u64)>,
}

dated! { Notices: disable_at category_change }

impl Notices {
    /// Those of most templates.
    pub const NONE: Self = Self {
        disable_at: Latest::NONE,
        category_change: Latest::NONE,
        category_moves: Vec::new(),
    };
}

impl Dated for Box<Notices> {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.as_ref().times(see);
    }

    fn redate(&mut self, to: &Redating) {
        self.as_mut().redate(to);
    }
}

/// Lets readers access the fields of the table directly.
impl Deref for Template {
    type Target = Attributes;

    fn deref(&self) -> &Attributes {
        &self.attributes
    }
}

/// Steps of one template for its account to count.
#[derive(Debug, Default)]
pub(super) struct TemplateSteps {
    /// Number of newly known rejections, with their reason.
    pub rejections: Option<(RejectedReason, u64)>,
    /// A newly known category change.
    pub category: Option<(Category, Category)>,
}

impl Template {
    pub(super) fn new(id: TemplateId) -> Self {
        Self {
            id,
            known_at: Stamp::polled(Timestamp::from_millis(i64::MIN)),
            attributes: Attributes::default(),
            last_polled_category: Latest::default(),
            notices: None,
        }
    }

    /// What Meta has announced. `None` if nothing.
    pub(super) fn notices(&self) -> Option<&Notices> {
        self.notices.as_deref()
    }

    pub(super) fn notices_mut(&mut self) -> &mut Notices {
        self.notices.get_or_insert_default()
    }

    /// Whether a poll has ever listed the template.
    #[must_use]
    pub(super) fn was_listed(&self) -> bool {
        self.last_polled_category.value().is_some()
            || self.status.was_polled()
            || self.quality_rating.was_polled()
    }

    /// Time at which Meta gave the current rating. Only polls read it: `None` after a webhook with another
    /// rating, until the next poll.
    #[must_use]
    pub fn quality_rating_changed(&self) -> Option<Timestamp> {
        let (date, read) = (
            self.quality_rating_date.value()?,
            self.quality_rating_date.stamp(),
        );
        (self.quality_rating.since() <= read).then_some(*date)
    }

    /// Time at which the current pause ends. `None` if the template is not paused, or if Meta has not reported which
    /// pause it is.
    #[must_use]
    pub fn paused_until(&self) -> Option<Timestamp> {
        self.status
            .value()
            .filter(|status| *status == Status::Paused)?;
        let (reported, pause) = (self.pause.stamp()?, self.pause.value()?);
        let of_this_pause = self.status.since().is_some_and(|since| reported >= since);
        let duration = pause.duration().filter(|_| of_this_pause)?;
        Some(reported.at().plus(duration))
    }

    /// Date on which Meta will disable the template. `None` once Meta disables it or cancels that, and after a
    /// poll later than the date.
    #[must_use]
    pub fn disable_scheduled_at(&self) -> Option<Timestamp> {
        let at = (*self.notices()?.disable_at.value()?)?;
        let outcome_is_known = self.status.last_seen().is_some_and(|seen| seen.at() > at);
        let still_to_come = self.status.value() != Some(Status::Disabled) && !outcome_is_known;
        still_to_come.then_some(at)
    }

    /// The category that Meta will move the template to, and when. `None` once the category changes, and after a
    /// poll later than that time.
    #[must_use]
    pub fn category_change_scheduled(&self) -> Option<(Category, Timestamp)> {
        let (coming, at) = (*self.notices()?.category_change.value()?)?;
        let at = at?;
        let outcome_is_known = self.category.last_seen().is_some_and(|seen| seen.at() > at);
        (self.category.value() != Some(coming) && !outcome_is_known).then_some((coming, at))
    }

    /// The category that Meta considers correct. `None` if the template has it, and if Meta changed the category later.
    #[must_use]
    pub fn correct_category_if_other(&self) -> Option<Category> {
        let correct = *self.correct_category.value()?;
        let is_superseded = self.correct_category.stamp() < self.category.changed();
        (self.category.value() != Some(correct) && !is_superseded).then_some(correct)
    }

    /// Reason of the rejection. `None` while the template is not rejected.
    #[must_use]
    pub fn rejected_reason(&self) -> Option<RejectedReason> {
        self.status
            .value()
            .filter(|status| *status == Status::Rejected)?;
        self.last_reason
            .value()
            .copied()
            .filter(|reason| *reason != RejectedReason::None)
    }

    /// Whether it is known to be not approved, of low quality, or to have a scheduled change.
    #[must_use]
    pub fn is_a_problem(&self) -> bool {
        let (status, quality) = (self.status.value(), self.quality_rating.value());
        status.is_some_and(|status| status != Status::Approved)
            || !matches!(
                quality,
                None | Some(QualityRating::Green | QualityRating::Unknown)
            )
            || self.disable_scheduled_at().is_some()
            || self.category_change_scheduled().is_some()
            || self.correct_category_if_other().is_some()
    }

    pub(super) fn identify(&mut self, identity: &Identity, stamp: Stamp) {
        self.known_at = self.known_at.max(stamp);
        let known = &mut self.attributes;
        known.name.observe_some(identity.name.clone(), stamp);
        known
            .language
            .observe_some(identity.language.clone(), stamp);
    }

    pub(super) fn observe_snapshot(
        &mut self,
        snapshot: &Snapshot,
        observation: &mut Observation<'_>,
    ) -> TemplateSteps {
        let stamp = observation.stamp;
        self.known_at = self.known_at.max(stamp);
        let outcomes = self.attributes.observe(snapshot, observation);
        let category = snapshot
            .category
            .and_then(|category| self.category_polled(category, stamp));
        TemplateSteps {
            rejections: rejections(outcomes.status, snapshot.last_reason),
            category,
        }
    }

    /// Records the polled category, and whether it differs from that of the previous poll.
    fn category_polled(
        &mut self,
        category: Category,
        stamp: Stamp,
    ) -> Option<(Category, Category)> {
        let before = self.last_polled_category.value().copied();
        let newest = self.last_polled_category.stamp() < Some(stamp);
        self.last_polled_category.observe(category, stamp);
        let before = before.filter(|before| *before != category && newest)?;
        self.category_moved(before, category, stamp)
    }

    pub(super) fn apply_update(
        &mut self,
        update: &Update,
        observation: &mut Observation<'_>,
    ) -> TemplateSteps {
        let (stamp, known) = (observation.stamp, &mut self.attributes);
        let mut steps = TemplateSteps::default();
        match update {
            Update::Status {
                event,
                reason,
                category,
                pause,
                disable_at,
            } => {
                known.last_reason.observe_some(*reason, stamp);
                let status = &mut known.status;
                let observed = observation.observe(ATTRIBUTES.status, status, event.status());
                steps.rejections = rejections(observed, *reason);
                observation.observe(ATTRIBUTES.category, &mut known.category, *category);
                known.pause.observe_some(*pause, stamp);
                self.schedule_disable(*event, *disable_at, stamp);
            }
            Update::Quality { previous, new } => {
                let (attribute, rating) = (ATTRIBUTES.quality_rating, &mut known.quality_rating);
                observation.observe_before(attribute, rating, *previous);
                observation.observe(attribute, rating, Some(*new));
            }
            Update::CategoryAnnounced {
                present,
                coming,
                at,
            } => {
                observation.observe(ATTRIBUTES.category, &mut known.category, *present);
                known.correct_category.observe(*coming, stamp);
                let notices = self.notices_mut();
                notices.category_change.observe(Some((*coming, *at)), stamp);
            }
            Update::CategoryChanged { previous, new } => {
                let (attribute, category) = (ATTRIBUTES.category, &mut known.category);
                observation.observe_before(attribute, category, *previous);
                observation.observe(attribute, category, Some(*new));
                self.notices_mut().category_change.observe(None, stamp);
                steps.category =
                    previous.and_then(|previous| self.category_moved(previous, *new, stamp));
            }
            Update::CategoryDetected { correct } => {
                known.correct_category.observe(*correct, stamp);
            }
        }
        steps
    }

    /// Meta's `FLAGGED` announces the date; every other event that implies a status cancels or fulfils it.
    fn schedule_disable(&mut self, event: EventKind, disable_at: Option<Timestamp>, stamp: Stamp) {
        if event == EventKind::Flagged {
            self.notices_mut().disable_at.observe(disable_at, stamp);
        } else if event.status().is_some() {
            self.notices_mut().disable_at.observe(None, stamp);
        }
    }

    /// Counts one source's observation of a category change. Returns the change unless the other source has already
    /// seen the same number of changes.
    fn category_moved(
        &mut self,
        from: Category,
        to: Category,
        stamp: Stamp,
    ) -> Option<(Category, Category)> {
        let moves = &mut self.notices_mut().category_moves;
        let known = moves.iter().position(|(a, b, ..)| (*a, *b) == (from, to));
        let place = known.unwrap_or_else(|| {
            moves.push((from, to, 0, 0));
            moves.sort_unstable();
            moves.partition_point(|(a, b, ..)| (*a, *b) < (from, to))
        });
        let (_, _, by_webhook, polled) = &mut moves[place];
        let most = *by_webhook.max(polled);
        *(if stamp.is_webhook() {
            &mut *by_webhook
        } else {
            &mut *polled
        }) += 1;
        ((*by_webhook).max(*polled) > most).then_some((from, to))
    }
}

/// Number of rejections that an observation of the status adds, with their reason.
fn rejections(
    observed: Option<Observed<Status>>,
    reason: Option<RejectedReason>,
) -> Option<(RejectedReason, u64)> {
    let rejections = observed?.more(|_, to| to == Status::Rejected);
    Some((reason.unwrap_or(RejectedReason::None), rejections))
}
