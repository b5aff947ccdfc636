//! The queue of webhooks with due times and retries of decreasing frequency, and the record of deliveries for tests
//! and game days.
//!
//! Pure: the caller passes the time. The queue, the record and the retries are bounded.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::quirks::Quirks;
use super::{Travel, envelope};
use crate::simulator::change::Webhook;
use crate::simulator::signature;
use crate::simulator::world::World;

/// Maximum number of waiting deliveries; further ones are lost. The demo's traffic reaches it only after the callback
/// has been down for hours.
const MAX_QUEUED: usize = 10_000;
/// Maximum number of finished deliveries in the record.
const MAX_REMEMBERED: u64 = 10_000;
/// Signs deliveries that must be rejected.
const WRONG_SECRET: &str = "not-the-secret-of-this-app";
/// Delay of a duplicate after the original at speed 1.
const REPEAT_AFTER: Duration = Duration::from_secs(1);

/// Whether webhooks are sent at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookSwitch {
    /// Webhooks are sent.
    #[default]
    On,
    /// No webhooks are created, as if no app had subscribed.
    Off,
    /// Webhooks are created and then lost.
    Lost,
}

/// Retry schedule of deliveries.
#[derive(Debug, Clone, Copy)]
pub struct Retries {
    /// Delay of the first retry; each later delay is three times as long.
    pub first_delay: Duration,
    /// Maximum number of attempts, including the first.
    pub max_attempts: u32,
}

impl Default for Retries {
    /// Seven attempts within 24 minutes, to represent Meta's "up to 7 days, decreasing frequency".
    fn default() -> Self {
        Self {
            first_delay: Duration::from_secs(4),
            max_attempts: 7,
        }
    }
}

/// One POST with its attempts and its state.
#[derive(Debug, Clone, Serialize)]
pub struct SimulatedDelivery {
    /// Sequence number, starting at 1.
    pub number: u64,
    /// How it is delivered.
    pub travel: Travel,
    /// The `field` of each change.
    pub fields: Vec<String>,
    /// The exact body, which is text because it is escaped.
    pub body: String,
    /// Its signature.
    #[serde(skip)]
    pub signature: String,
    /// Every attempt, oldest first.
    pub attempts: Vec<Attempt>,
    /// State of the delivery.
    pub state: DeliveryState,
}

/// One attempt to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Attempt {
    /// The callback responded with this status.
    Answered(u16),
    /// There was no response; contains the error.
    Failed(String),
}

/// State of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// An attempt or a retry is still due.
    Pending,
    /// Accepted with 200 as often as intended.
    Delivered,
    /// Never sent: on request, without a callback, or because the queue was full.
    Lost,
    /// Never accepted with 200; no further attempts.
    GivenUp,
}

/// Data of one attempt.
#[derive(Debug)]
pub(super) struct OutgoingDelivery {
    pub(super) number: u64,
    pub(super) body: String,
    pub(super) signature: String,
}

/// The queue and the record.
#[derive(Debug)]
pub struct Outbox {
    /// Whether webhooks are sent.
    pub switch: WebhookSwitch,
    /// Which webhooks have an unusual form.
    pub quirks: Quirks,
    retries: Retries,
    speed: f64,
    queue: VecDeque<(Instant, u64)>,
    deliveries: BTreeMap<u64, SimulatedDelivery>,
    last_number: u64,
    in_flight: bool,
}

impl Outbox {
    /// An empty outbox; delays are divided by `speed`.
    #[must_use]
    pub fn new(retries: Retries, speed: f64, quirks: Quirks) -> Self {
        Self {
            switch: WebhookSwitch::On,
            quirks,
            retries,
            speed,
            queue: VecDeque::new(),
            deliveries: BTreeMap::new(),
            last_number: 0,
            in_flight: false,
        }
    }

    /// Puts those webhooks that an app has subscribed to into one POST. Returns its number, if there is one.
    pub fn post(
        &mut self,
        world: &World,
        webhooks: &[Webhook],
        travel: Travel,
        time: i64,
        now: Instant,
    ) -> Option<u64> {
        let wanted: Vec<Webhook> = webhooks
            .iter()
            .filter(|webhook| is_wanted(world, webhook))
            .cloned()
            .collect();
        if wanted.is_empty() || self.switch == WebhookSwitch::Off {
            return None;
        }
        self.last_number += 1;
        let number = self.last_number;
        let is_lost = travel == Travel::Lost
            || self.switch == WebhookSwitch::Lost
            || world.app.callback_url.is_none()
            || self.queue.len() >= MAX_QUEUED;
        let wanted = self.quirks.apply(wanted);
        let body = envelope::body(&wanted, time, number, self.quirks.envelope());
        let secret = if travel == Travel::WrongSignature {
            WRONG_SECRET
        } else {
            &world.app.secret
        };
        self.deliveries.insert(
            number,
            SimulatedDelivery {
                number,
                travel,
                fields: wanted.into_iter().map(|webhook| webhook.field).collect(),
                signature: signature::header_value(secret, body.as_bytes()),
                body,
                attempts: Vec::new(),
                state: if is_lost {
                    DeliveryState::Lost
                } else {
                    DeliveryState::Pending
                },
            },
        );
        self.forget_old();
        if !is_lost {
            let delay = match travel {
                Travel::Late { seconds } => self.scaled(Duration::from_secs(seconds.into())),
                _ => Duration::ZERO,
            };
            self.enqueue(now + delay, number);
        }
        Some(number)
    }

    /// The recorded deliveries, oldest first.
    #[must_use]
    pub fn deliveries(&self) -> Vec<SimulatedDelivery> {
        self.deliveries.values().cloned().collect()
    }

    /// Whether nothing is queued or being sent, including late webhooks and retries.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.queue.is_empty() && !self.in_flight
    }

    /// Time of the next attempt.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.queue.front().map(|(due, _)| *due)
    }

    /// Takes the next due delivery.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<OutgoingDelivery> {
        while self.next_due().is_some_and(|due| due <= now) {
            let (_, number) = self.queue.pop_front()?;
            if let Some(delivery) = self.deliveries.get(&number) {
                self.in_flight = true;
                return Some(OutgoingDelivery {
                    number,
                    body: delivery.body.clone(),
                    signature: delivery.signature.clone(),
                });
            }
        }
        None
    }

    /// Records the result of an attempt, and queues the next one if there is one.
    pub(super) fn record(&mut self, number: u64, attempt: Attempt, now: Instant) {
        self.in_flight = false;
        let retries = self.retries;
        let Some(delivery) = self.deliveries.get_mut(&number) else {
            return;
        };
        let is_success = attempt == Attempt::Answered(200);
        delivery.attempts.push(attempt);
        let tried = u32::try_from(delivery.attempts.len()).unwrap_or(u32::MAX);
        let successes = delivery
            .attempts
            .iter()
            .filter(|attempt| **attempt == Attempt::Answered(200))
            .count();
        let is_final = delivery.travel == Travel::WrongSignature || tried >= retries.max_attempts;
        let wait = if is_success {
            REPEAT_AFTER
        } else {
            retries.first_delay * 3_u32.saturating_pow(tried - 1)
        };
        let needed = if delivery.travel == Travel::Repeated {
            2
        } else {
            1
        };
        if successes >= needed {
            delivery.state = DeliveryState::Delivered;
        } else if is_final {
            delivery.state = DeliveryState::GivenUp;
        } else {
            let due = now + self.scaled(wait);
            self.enqueue(due, number);
        }
    }

    /// Inserts into the queue in the order of due times; equal times keep their order of insertion.
    fn enqueue(&mut self, due: Instant, number: u64) {
        let position = self.queue.partition_point(|(other, _)| *other <= due);
        self.queue.insert(position, (due, number));
    }

    fn scaled(&self, delay: Duration) -> Duration {
        delay.div_f64(self.speed)
    }

    fn forget_old(&mut self) {
        let oldest_kept = self.last_number.saturating_sub(MAX_REMEMBERED);
        while let Some(entry) = self.deliveries.first_entry() {
            if *entry.key() > oldest_kept || entry.get().state == DeliveryState::Pending {
                return;
            }
            entry.remove();
        }
    }
}

/// Whether Meta sends this webhook: the app must be subscribed to the field and to the account. Webhooks with unknown
/// ids (the Test button's `0`) are always sent.
pub(in crate::simulator) fn is_wanted(world: &World, webhook: &Webhook) -> bool {
    let has_app = |subscribed: &[String]| subscribed.contains(&world.app.id);
    let account_wants = match world.accounts.get(&webhook.entry_id) {
        Some(account) => has_app(&account.subscribed_app_ids),
        None => true,
    };
    account_wants
        && !goes_elsewhere(world, webhook)
        && (world.app.webhook_fields.contains_key(&webhook.field) || is_invented(&webhook.field))
}

/// Whether an override moves this webhook to another callback URL. Of the movable fields, only `messages` is
/// simulated.
fn goes_elsewhere(world: &World, webhook: &Webhook) -> bool {
    if webhook.field != "messages" {
        return false;
    }
    let number = webhook.value.pointer("/metadata/phone_number_id");
    let number = number.and_then(|id| world.phone_numbers.get(id.as_str()?));
    let of_number = number.and_then(|number| number.override_callback_url.as_ref());
    let account = world.accounts.get(&webhook.entry_id);
    let of_account = account.and_then(|account| account.override_callback_url.as_ref());
    let over = of_number.or(of_account);
    over.is_some() && over != world.app.callback_url.as_ref()
}

/// Whether Meta does not offer the field, so that no app can unsubscribe from it.
fn is_invented(field: &str) -> bool {
    !crate::simulator::world::WEBHOOK_FIELDS.contains(&field)
}
