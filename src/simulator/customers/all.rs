//! All customers: who acts when, and the webhooks that follow.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use serde::Serialize;
use tokio::time::Instant;

use super::expected::ExpectedFigures;
use super::message::BusinessMessage;
use super::payload;
use super::person::{CustomerMessage, Decision, Person};
use super::post::{self, CustomerPost};
use crate::simulator::change::{Webhook, conversation_webhook};
use crate::simulator::world::World;

/// Maximum number of customers of a simulation.
pub const MAX_CUSTOMERS: usize = 20_000;
/// Maximum number of actions and statuses that wait for their time.
const MAX_DUE: usize = 200_000;
/// Customers who begin in one second at speed 1.
const BEGIN_PER_SECOND: f64 = 10.0;
/// Seconds that a customer waits for a response.
const PATIENCE: f64 = 100.0;
/// Delay of an action in the second of the last message, because reading and answering takes longer.
const NEXT_LOOK: Duration = Duration::from_millis(100);
/// Seconds from the send call to `delivered` and to `read`.
const DELIVERED_AFTER: f64 = 1.0;
const READ_AFTER: f64 = 3.0;
/// One message in this many fails, and one in this many is never read.
const FAILS_EVERY: u32 = 40;
const UNREAD_EVERY: u32 = 3;
/// Maximum number of messages and of statuses in one POST.
const MESSAGES_AT_ONCE: usize = 6;
const STATUSES_AT_ONCE: usize = 30;

/// Why customers cannot start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// There would be too many.
    #[error("a simulation has at most {MAX_CUSTOMERS} customers")]
    TooMany,
    /// There is no such number.
    #[error("there is no phone number with id {0} in the simulated world")]
    NoSuchNumber(String),
}

/// How many customers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CustomersStarted {
    /// Those who have started or will.
    pub customers: usize,
    /// Those who will not write again.
    pub finished: usize,
}

/// Something that happens at its time.
#[derive(Debug)]
enum Due {
    /// The next action of this customer.
    Action(usize),
    /// A status of a message.
    Status(BusinessMessage, &'static str, i64),
}

/// A customer with the times of the conversation.
#[derive(Debug)]
struct Member {
    person: Person,
    has_begun: bool,
    /// The next action of the customer, after a second has passed.
    decided: Option<Decision>,
    /// Place of the next action among what is due.
    action: Option<(Instant, u64)>,
    /// Time of the last message of the business in Unix seconds.
    last_sent_at: i64,
}

/// The customers.
#[derive(Debug)]
pub struct Customers {
    seed: u64,
    dice: Rng,
    speed: f64,
    goals: Vec<String>,
    members: Vec<Member>,
    by_id: BTreeMap<String, usize>,
    due: BTreeMap<(Instant, u64), Due>,
    last_number: u64,
    expected: ExpectedFigures,
}

impl Customers {
    /// An empty set. Delays are divided by `speed`.
    #[must_use]
    pub fn new(seed: u64, speed: f64) -> Self {
        Self {
            seed,
            dice: Rng::with_seed(seed),
            speed,
            goals: Vec::new(),
            members: Vec::new(),
            by_id: BTreeMap::new(),
            due: BTreeMap::new(),
            last_number: 0,
            expected: ExpectedFigures::default(),
        }
    }

    /// Lets customers write to a number. `goals` are the replies that give them what they came for.
    ///
    /// # Errors
    /// If there are too many, or there is no such number.
    pub fn start(
        &mut self,
        world: &World,
        phone_number_id: &str,
        customers: usize,
        goals: &[String],
        now: Instant,
    ) -> Result<(), StartError> {
        if self.members.len().saturating_add(customers) > MAX_CUSTOMERS {
            return Err(StartError::TooMany);
        }
        if !world.phone_numbers.contains_key(phone_number_id) {
            return Err(StartError::NoSuchNumber(phone_number_id.to_owned()));
        }
        let is_new = |goal: &&String| !self.goals.contains(goal);
        let new: Vec<String> = goals.iter().filter(is_new).cloned().collect();
        self.goals.extend(new);
        for number in 0_u32..u32::try_from(customers).unwrap_or(u32::MAX) {
            let place = self.members.len();
            let index = u32::try_from(place).unwrap_or(u32::MAX);
            let person = Person::new(index, self.seed, phone_number_id, goals);
            self.by_id.insert(person.wa_id(), place);
            self.by_id.insert(person.user_id(), place);
            self.members.push(Member {
                person,
                has_begun: false,
                decided: None,
                action: None,
                last_sent_at: i64::MIN,
            });
            self.act_in(place, f64::from(number) / BEGIN_PER_SECOND, now);
        }
        Ok(())
    }

    /// How many customers there are, and how many have finished.
    #[must_use]
    pub fn started(&self) -> CustomersStarted {
        let finished = self.members.iter();
        let finished = finished.filter(|member| member.person.is_finished);
        CustomersStarted {
            customers: self.members.len(),
            finished: finished.count(),
        }
    }

    /// Whether no customer will act any more, and no status waits.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let started = self.started();
        started.customers == started.finished && self.due.is_empty()
    }

    /// The figures that an exporter must show.
    #[must_use]
    pub fn expected(&self) -> &ExpectedFigures {
        &self.expected
    }

    /// Whether there is no room for another message.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.due.len() >= MAX_DUE
    }

    /// Sends a message of the business at `at` (Unix seconds). Its statuses follow.
    pub fn send(&mut self, message: &BusinessMessage, at: i64, now: Instant) {
        let place = self.by_id.get(&message.to).copied();
        if self.dice.u32(..FAILS_EVERY) == 0 {
            self.enqueue(now, Due::Status(message.clone(), "failed", at));
            return;
        }
        let mut sent_at = at;
        if let Some(place) = place {
            let member = &mut self.members[place];
            // Messages to one customer are sent one after the other.
            sent_at = at.max(member.last_sent_at.saturating_add(1));
            member.last_sent_at = sent_at;
            let id = member.person.user_id();
            self.expected.sent(&id, message, sent_at);
            if member.person.receive(message) {
                let thinks = member.person.thinks();
                self.act_in(place, thinks, now);
            }
        }
        let mut status = |after: f64, status| {
            let due = now + self.scaled(after);
            self.enqueue(due, Due::Status(message.clone(), status, sent_at));
        };
        status(0.0, "sent");
        status(DELIVERED_AFTER, "delivered");
        if self.dice.u32(..UNREAD_EVERY) > 0 {
            let due = now + self.scaled(READ_AFTER);
            self.enqueue(due, Due::Status(message.clone(), "read", sent_at));
        }
    }

    /// Time of the next action or status.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first_key_value().map(|((due, _), _)| *due)
    }

    /// Lets everything happen that is due at `at` (Unix seconds).
    pub(super) fn take_due(&mut self, world: &World, at: i64, now: Instant) -> Vec<CustomerPost> {
        let (mut messages, mut statuses) = (Vec::new(), Vec::new());
        while self.next_due().is_some_and(|due| due <= now) {
            let Some((_, due)) = self.due.pop_first() else {
                break;
            };
            match due {
                Due::Action(place) => {
                    self.members[place].action = None;
                    messages.extend(self.act(world, place, at, now));
                }
                Due::Status(message, status, sent_at) => {
                    let place = self.by_id.get(&message.to);
                    let to = place.map(|place| &self.members[*place].person);
                    // Both have the time at which it happened, the others the time at which it was noticed.
                    let is_first = matches!(status, "sent" | "failed");
                    let at = if is_first { sent_at } else { at.max(sent_at) };
                    let content = payload::status(&message, to, status, at);
                    let number = world.phone_numbers.get(&message.phone_number_id);
                    let webhook =
                        number.map(|number| conversation_webhook(number, "messages", content));
                    statuses.extend(webhook);
                }
            }
        }
        let mut posts = post::grouped(&mut self.dice, messages, MESSAGES_AT_ONCE);
        posts.extend(post::grouped(&mut self.dice, statuses, STATUSES_AT_ONCE));
        posts
    }

    /// The webhooks of a customer's next action.
    fn act(&mut self, world: &World, place: usize, at: i64, now: Instant) -> Vec<Webhook> {
        let member = &mut self.members[place];
        let is_first = !member.has_begun;
        let person = &mut member.person;
        let decision = member.decided.take().unwrap_or_else(|| {
            if is_first {
                Decision::Write(person.opens())
            } else {
                person.decides()
            }
        });
        if first_at(decision.messages(), at) <= member.last_sent_at {
            member.decided = Some(decision);
            self.act_at(place, now + NEXT_LOOK);
            return Vec::new();
        }
        member.has_begun = true;
        match decision {
            Decision::Write(messages) => {
                let source = person.source.filter(|_| is_first);
                if is_first {
                    self.expected.begins(&person.phone_number_id, source);
                }
                if !person.is_finished {
                    self.act_in(place, PATIENCE, now);
                }
                self.say(world, place, &messages, source, at)
            }
            Decision::React(message) => {
                let thinks = person.thinks();
                self.act_in(place, thinks, now);
                self.say(world, place, &[message], None, at)
            }
            Decision::Leave => Vec::new(),
        }
    }

    fn say(
        &mut self,
        world: &World,
        place: usize,
        messages: &[CustomerMessage],
        source: Option<&str>,
        at: i64,
    ) -> Vec<Webhook> {
        let mut webhooks = Vec::new();
        let earliest = first_at(messages, at);
        for (message, at) in messages.iter().zip(earliest..) {
            self.last_number += 1;
            let id = format!("wamid.CUSTOMER{at}N{}", self.last_number);
            let person = &self.members[place].person;
            let source = source.filter(|_| webhooks.is_empty());
            let content = payload::inbound(person, message, (&id, at), source);
            self.expected
                .written(&person.user_id(), message, at, &self.goals);
            let number = world.phone_numbers.get(&person.phone_number_id);
            let webhook = number.map(|number| conversation_webhook(number, "messages", content));
            webhooks.extend(webhook);
        }
        webhooks
    }

    fn act_in(&mut self, place: usize, seconds: f64, now: Instant) {
        let due = now + self.scaled(seconds);
        self.act_at(place, due);
    }

    /// Replaces the customer's next action.
    fn act_at(&mut self, place: usize, due: Instant) {
        let new = self.enqueue(due, Due::Action(place));
        let old = self.members[place].action.replace(new);
        old.and_then(|old| self.due.remove(&old));
    }

    fn enqueue(&mut self, due: Instant, what: Due) -> (Instant, u64) {
        self.last_number += 1;
        let key = (due, self.last_number);
        self.due.insert(key, what);
        key
    }

    fn scaled(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds / self.speed)
    }
}

/// When the first of several messages was written, of which the last one is written now.
fn first_at(messages: &[CustomerMessage], at: i64) -> i64 {
    let more = messages.len().saturating_sub(1);
    at - i64::try_from(more).unwrap_or(0)
}
