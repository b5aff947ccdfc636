//! Counts the recipients of an account, for the use of the messaging limit of its portfolio.

use std::sync::Arc;

use super::super::Change;
use super::super::object_limits::ObjectCounts;
use super::super::recipient::WINDOW;
use super::super::recipients::Contact;
use super::Account;
use crate::domain::message::{Status, Update, WebhookUpdate};
use crate::domain::track::Trackers;
use crate::domain::{Event, ObjectKind, PhoneNumberId, Source, Timestamp};

impl Account {
    /// Time since which webhooks about messages of the account are read. `None` while they are not.
    #[must_use]
    pub fn messages_read_since(&self) -> Option<Timestamp> {
        self.messages_read_since
    }

    /// Time of the last message, status or call of this number that a webhook reported. `None` before the first.
    #[must_use]
    pub fn last_reported_message(&self, id: &PhoneNumberId) -> Option<Timestamp> {
        self.traffic.get(id)?.last_reported_at
    }

    /// Time until which the count of recipients may lack customers. `None` if no customer was refused because of the
    /// limit.
    #[must_use]
    pub fn recipients_missing_until(&self) -> Option<Timestamp> {
        let missing = self.traffic().map(|one| one.recipients_missing_until);
        missing.max().flatten()
    }

    /// Records since when webhooks about messages are read. The time comes from polls only, because a webhook may be
    /// days old.
    pub(super) fn note_reading(&mut self, event: &Event, trackers: &Trackers) {
        if !trackers.reads_messages {
            self.messages_read_since = None;
        } else if event.source == Source::Poll {
            let known = self.messages_read_since.unwrap_or(event.observed_at);
            self.messages_read_since = Some(known.min(event.observed_at));
        }
    }

    /// Counts the customer of a webhook about messages.
    pub(super) fn note_recipient(
        &mut self,
        at: Timestamp,
        webhook: &WebhookUpdate,
        left: ObjectCounts,
        change: &mut Change,
    ) {
        let has_room = self.has_room_for_recipient(left);
        // A ceiling may have kept the number out.
        let Some(traffic) = self.traffic.get_mut(&webhook.phone_number_id) else {
            return;
        };
        let traffic = Arc::make_mut(traffic);
        traffic.last_reported_at = traffic.last_reported_at.max(Some(at));
        let before = traffic.recipients.kept();
        if let (Some(ids), Some(contact)) = (&webhook.recipient, contact(&webhook.update))
            && !traffic.recipients.note(ids, at, contact, has_room)
        {
            change.keep_out(ObjectKind::Recipient);
            // A refused delivery would have counted for the length of a window. A refused message would have covered
            // deliveries for that long, and each of those counts for that long again.
            let until = match contact {
                Contact::Delivery => at.plus(WINDOW),
                Contact::Inbound | Contact::IdChange => at.plus(WINDOW).plus(WINDOW),
            };
            traffic.recipients_missing_until = traffic.recipients_missing_until.max(Some(until));
        }
        traffic.recipients.expire(webhook.received_at);
        self.sizes.recipients = self.sizes.recipients + traffic.recipients.kept() - before;
    }

    /// Removes data that no longer affects the count of recipients.
    pub(super) fn expire_recipients(&mut self, now: Timestamp) {
        let due = self.traffic.values_mut();
        for traffic in due.filter(|traffic| traffic.recipients.is_due(now)) {
            let traffic = Arc::make_mut(traffic);
            let before = traffic.recipients.kept();
            traffic.recipients.expire(now);
            self.sizes.recipients = self.sizes.recipients + traffic.recipients.kept() - before;
        }
    }
}

/// The contact with the customer that the update reports. `None` if it does not affect the count of recipients.
fn contact(update: &Update) -> Option<Contact> {
    match update {
        Update::Received { kind, .. } => kind.opens_window().then_some(Contact::Inbound),
        Update::Called => Some(Contact::Inbound),
        // A message that is read immediately may have no status `delivered`. A later reading has the same status
        // `read`, so the two cannot be distinguished.
        Update::Status { status, .. } => {
            (*status == Status::Delivered).then_some(Contact::Delivery)
        }
        Update::IdChanged(_) => Some(Contact::IdChange),
        Update::Priced(_)
        | Update::Errors(_)
        | Update::Echo { .. }
        | Update::ThreadOwner { .. }
        | Update::Preference { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::mark::MessageContext;
    use crate::domain::message::{Category, Kind};
    use crate::domain::{DeliveryKey, Fact, RecipientKey, WabaId};

    const AT: Timestamp = Timestamp::from_seconds(1_775_000_000);

    fn event(customer: u128, at: Timestamp, update: Update) -> Event {
        Event {
            waba_id: WabaId::parse("800").expect("digits"),
            observed_at: at,
            source: Source::Webhook(DeliveryKey(customer)),
            fact: Fact::Message(WebhookUpdate {
                phone_number_id: PhoneNumberId::parse("900").expect("digits"),
                received_at: at,
                recipient: Some(RecipientKey(customer).into()),
                update,
            }),
        }
    }

    fn delivered() -> Update {
        Update::Status {
            to: None,
            status: Status::Delivered,
            category: Category::Unknown,
            errors: Vec::new(),
            mark: None,
        }
    }

    fn received(kind: Kind) -> Update {
        Update::Received {
            from: None,
            kind,
            context: MessageContext::default(),
        }
    }

    #[test]
    fn the_count_is_incomplete_for_as_long_as_a_refused_customer_would_affect_it() {
        let mut account = Account::default();
        let left = ObjectCounts {
            recipients: 2,
            ..ObjectCounts::MOST
        };
        let mut apply = |customer, update, left| {
            let change = account.apply(&event(customer, AT, update), &Trackers::default(), left);
            let refused = change.kept_out.get(&ObjectKind::Recipient).copied();
            (refused, account.recipients_missing_until())
        };
        assert_eq!(apply(1, delivered(), left), (None, None));
        assert_eq!(apply(2, received(Kind::Text), left), (None, None));
        assert_eq!(
            apply(1, delivered(), left),
            (None, None),
            "a known customer"
        );
        let day = Some(AT.plus(WINDOW));
        assert_eq!(apply(3, delivered(), left), (Some(1), day));
        assert_eq!(apply(3, received(Kind::Reaction), left), (None, day));
        let two_days = Some(AT.plus(WINDOW).plus(WINDOW));
        assert_eq!(apply(4, Update::Called, left), (Some(1), two_days));
        assert_eq!(account.sizes().recipients, 2);
        account.count_objects();
        assert_eq!(account.sizes().recipients, 2);
        // What has ended makes room.
        let later = AT.plus(WINDOW).plus(WINDOW).plus(WINDOW);
        account.expire_recipients(later);
        assert_eq!(account.sizes().recipients, 0);
        assert_eq!(
            account
                .traffic()
                .map(|one| one.recipients().kept())
                .sum::<usize>(),
            0
        );
    }
}
