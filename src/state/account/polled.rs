//! What polls report: the account's own attributes, and the listings of its numbers and templates.

use std::sync::Arc;

use super::Account;
use crate::domain::account::{LOSS, Loss, Snapshot};
use crate::domain::template as words;
use crate::domain::{Collector, Listing, ObjectKind, PhoneNumberId, Word, number};
use crate::state::change::Change;
use crate::state::gone::gone_longest;
use crate::state::journal::Entity;
use crate::state::object_limits::ObjectCounts;
use crate::state::observation::Observation;
use crate::state::{Number, Stamp, template};

impl Account {
    pub(super) fn observe_snapshot(
        &mut self,
        snapshot: &Snapshot,
        stamp: Stamp,
        change: &mut Change,
    ) {
        let polls = &mut self.polls[Collector::Account.index()];
        polls.insert(stamp.at(), true);
        let mut observation = Observation {
            entity: Entity::Account,
            stamp,
            polls,
            change,
        };
        self.attributes.observe(snapshot, &mut observation);
        change.keep_out_details(snapshot.health_details.as_ref());
        self.note_loss(Loss::None, stamp, change);
    }

    /// Records whether the account is lost. "Not lost" is ignored for an account that was never lost, so that it has no
    /// such attribute.
    pub(super) fn note_loss(&mut self, loss: Loss, stamp: Stamp, change: &mut Change) {
        if loss == Loss::None && self.loss.value().is_none() {
            return;
        }
        let mut observation = Observation {
            entity: Entity::Account,
            stamp,
            polls: &self.polls[Collector::Account.index()],
            change,
        };
        observation.observe(LOSS, &mut self.loss, Some(loss));
    }

    pub(super) fn list_numbers(
        &mut self,
        listing: &Listing<number::Snapshot>,
        stamp: Stamp,
        left: ObjectCounts,
        change: &mut Change,
    ) {
        let last_complete = self.last_success(Collector::Numbers);
        self.polls[Collector::Numbers.index()].insert(stamp.at(), listing.complete);
        for snapshot in &listing.objects {
            if !self.has_room_for_number(&snapshot.id, left) {
                change.keep_out(ObjectKind::PhoneNumber);
                continue;
            }
            let number = self.numbers.entry(snapshot.id.clone());
            let number = number.or_insert_with(|| Arc::new(Number::new(snapshot.id.clone())));
            Arc::make_mut(number).observe_snapshot(
                snapshot,
                &mut Observation {
                    entity: Entity::Number(snapshot.id.clone()),
                    stamp,
                    polls: &self.polls[Collector::Numbers.index()],
                    change,
                },
            );
        }
        self.apply_waiting(change);
        if listing.complete {
            self.drop_old_waiting(stamp, change);
            change.unmatched.extend(self.unmatched_since(last_complete));
        }
        let last_complete = self.last_success(Collector::Numbers);
        let gone = self.numbers.values();
        let gone = gone.filter(|number| Some(number.listed_at) < last_complete);
        for id in gone_longest(gone.map(|number| (number.listed_at, number.id.clone()))) {
            self.numbers.remove(&id);
        }
        let (numbers, traffic) = (&self.numbers, &self.traffic);
        let is_known = |id: &PhoneNumberId| numbers.contains_key(id) || traffic.contains_key(id);
        self.digits.retain(|_, id| id.value().is_some_and(is_known));
        self.count_objects();
    }

    pub(super) fn list_templates(
        &mut self,
        listing: &Listing<words::Snapshot>,
        stamp: Stamp,
        left: ObjectCounts,
        change: &mut Change,
    ) {
        self.polls[Collector::Templates.index()].insert(stamp.at(), listing.complete);
        for snapshot in &listing.objects {
            let id = &snapshot.id;
            if !self.has_room_for_template(id, left) {
                change.keep_out(ObjectKind::Template);
                continue;
            }
            let steps = self.templates.get_or_add(id).observe_snapshot(
                snapshot,
                &mut Observation {
                    entity: Entity::Template(id.clone()),
                    stamp,
                    polls: &self.polls[Collector::Templates.index()],
                    change,
                },
            );
            self.count_steps(&steps);
        }
        let last_complete = self.last_success(Collector::Templates).map(Stamp::polled);
        let gone = self.templates.iter();
        let gone = gone.filter(|template| Some(template.known_at) < last_complete);
        let gone = gone_longest(gone.map(|template| (template.known_at.at(), template.id.clone())));
        if !gone.is_empty() {
            self.templates
                .retain(|template| !gone.contains(&template.id));
        }
        if listing.complete {
            self.forget_old_unlisted_templates(stamp);
        }
        self.templates.shrink_to_fit();
        self.count_objects();
    }

    pub(super) fn count_steps(&mut self, steps: &template::TemplateSteps) {
        if let Some((reason, rejections)) = steps.rejections {
            self.template_rejections.add(reason, rejections);
        }
        if let Some((from, to)) = steps.category {
            self.template_category_changes.increment(from, to);
        }
    }
}
