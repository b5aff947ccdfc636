//! Steady message traffic with made-up customers.
//!
//! A pure sequence: the same seed and world give the same messages. Each step is one webhook: an inbound message, then
//! the statuses sent, delivered and read of the response. Other courses are rarer: the response fails, the customer
//! edits or deletes the message or changes ids, a person responds in the WhatsApp Business app, a group writes, or
//! another owner holds the thread.

mod customer;
mod payload;
mod plan;
mod price;

use fastrand::Rng;
use serde_json::Value;

use crate::simulator::change::{Webhook, conversation_webhook};
use crate::simulator::world::{MessageBatch, MessageStage, PhoneNumber, Template, World};
use customer::{CUSTOMERS, Customer};
use payload::Moment;
use plan::{Channel, PLANS, Plan, Step};
use price::{FreeTier, Price};

/// One conversation in this many has a click, and one in this many a reply to the template.
const CLICKED_EVERY: u64 = 4;
const REPLIED_EVERY: u64 = 7;

/// Members of a group.
const GROUP_SIZE: u32 = 3;
/// Errors in statuses of failed messages, with their titles. See
/// <https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/>.
const FAILURES: [(u32, &str); 4] = [
    (
        131_049,
        "Message not delivered to maintain healthy ecosystem engagement",
    ),
    (131_047, "Re-engagement message"),
    (131_026, "Message undeliverable"),
    (132_015, "Template is paused"),
];

/// Generates message webhooks, one after the other.
#[derive(Debug)]
pub struct TrafficGenerator {
    dice: Rng,
    free_tier: FreeTier,
    /// Number of id changes of each customer.
    changes: [u32; CUSTOMERS as usize],
    plan: &'static Plan,
    /// Position in the plan.
    position: usize,
    conversation: u64,
    /// Start time in Unix seconds, which distinguishes message ids from those of an earlier simulation.
    started_at: i64,
    phone_number_id: Option<String>,
    customer: Customer,
    price: Price,
    template_id: Option<String>,
    /// The name of the template, which the business sends as `biz_opaque_callback_data`.
    template_name: Option<String>,
    /// The event of the message in the last webhook.
    counted: Vec<(MessageBatch, MessageStage)>,
}

impl TrafficGenerator {
    /// A sequence that is determined by the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            dice: Rng::with_seed(seed),
            free_tier: FreeTier::default(),
            changes: [0; CUSTOMERS as usize],
            plan: &PLANS[0],
            position: 0,
            conversation: 0,
            started_at: 0,
            phone_number_id: None,
            customer: Customer::new(0, 0),
            price: Price::REGULAR,
            template_id: None,
            template_name: None,
            counted: Vec::new(),
        }
    }

    /// The next webhook at `now` (Unix seconds). `None` while no number is connected.
    pub fn next(&mut self, world: &World, now: i64) -> Option<Webhook> {
        self.counted.clear();
        if self.position == 0 {
            self.start(world, now);
        }
        let number = self
            .phone_number_id
            .as_ref()
            .and_then(|id| world.phone_numbers.get(id));
        let Some(number) = number.filter(|number| number.status == "CONNECTED") else {
            self.position = 0;
            return None;
        };
        let step = self.plan.steps[self.position];
        self.position = (self.position + 1) % self.plan.steps.len();
        let mut content = self.content(step, number, now);
        if let Some(name) = &self.template_name {
            payload::add_callback_data(&mut content, name);
        }
        self.counted = self.counts(step, number);
        Some(match self.plan.channel {
            Channel::Standby => {
                conversation_webhook(number, "standby", payload::on_standby(content))
            }
            _ if step == Step::Echo => conversation_webhook(number, "smb_message_echoes", content),
            Channel::Direct | Channel::Group => conversation_webhook(number, "messages", content),
        })
    }

    fn start(&mut self, world: &World, now: i64) {
        self.started_at = now;
        let connected: Vec<&PhoneNumber> = world
            .phone_numbers
            .values()
            .filter(|number| number.status == "CONNECTED")
            .collect();
        self.conversation += 1;
        // The first conversation of every simulation has the normal course.
        let drawn = Plan::draw(&mut self.dice);
        self.plan = if self.conversation == 1 {
            &PLANS[0]
        } else {
            drawn
        };
        self.customer = self.draw_customer();
        self.phone_number_id = (!connected.is_empty())
            .then(|| connected[self.dice.usize(..connected.len())].id.clone());
        if let Some(id) = &self.phone_number_id {
            self.price = self
                .free_tier
                .price(&mut self.dice, self.plan.channel, id, now);
            let template = self.template(world, id);
            self.template_id = template.map(|template| template.id.clone());
            self.template_name = template.map(|template| template.name.clone());
        }
    }

    /// Counts what happened to the message of the last webhook, in the world that it was generated for.
    pub fn record(&self, world: &mut World, now: i64) {
        for (batch, stage) in &self.counted {
            world.messages.count(batch, *stage, now);
        }
    }

    /// The template of the response: an approved one of the account and of the category, if there is one. Not drawn
    /// at random, so that the traffic does not depend on the templates.
    fn template<'w>(&self, world: &'w World, phone_number_id: &str) -> Option<&'w Template> {
        let account = world.account_of(phone_number_id)?;
        let templates = account.template_ids.iter();
        let templates = templates.filter_map(|id| world.templates.get(id));
        let suits = |template: &&Template| {
            let category = &template.category;
            template.status == "APPROVED" && category.eq_ignore_ascii_case(self.price.category())
        };
        let suitable: Vec<&Template> = templates.filter(suits).collect();
        let place = usize::try_from(self.conversation).unwrap_or(0);
        suitable.get(place.checked_rem(suitable.len())?).copied()
    }

    /// The effect of a step on the counts of messages.
    fn counts(&self, step: Step, number: &PhoneNumber) -> Vec<(MessageBatch, MessageStage)> {
        let Step::Status(status) = step else {
            return Vec::new();
        };
        if self.plan.channel == Channel::Standby {
            return Vec::new();
        }
        let price = self.price.millionths();
        let delivered = MessageStage::Delivered { price };
        let mut stages = match status {
            "sent" => vec![MessageStage::Sent],
            "delivered" => vec![delivered],
            "read" if self.plan.is_priced("read") => vec![delivered, MessageStage::Read],
            "read" => vec![MessageStage::Read],
            _ => Vec::new(),
        };
        if status == "read" && self.conversation.is_multiple_of(CLICKED_EVERY) {
            stages.push(MessageStage::Clicked);
        }
        if status == "read" && self.conversation.is_multiple_of(REPLIED_EVERY) {
            stages.push(MessageStage::Replied);
        }
        let batch = MessageBatch {
            template_id: self.template_id.clone(),
            phone_number_id: number.id.clone(),
            category: self.price.category().to_owned(),
            pricing_type: self.price.pricing_type().to_owned(),
            sent_at: self.started_at,
            count: 1,
        };
        let stages = stages.into_iter();
        stages.map(|stage| (batch.clone(), stage)).collect()
    }

    fn draw_customer(&mut self) -> Customer {
        let first = self.dice.u32(..CUSTOMERS);
        let suits = |customer: &Customer| !self.plan.needs_number() || customer.tells_number();
        (0..CUSTOMERS)
            .map(|offset| self.present(first + offset))
            .find(suits)
            .unwrap_or(self.customer)
    }

    /// The customer with the present ids.
    fn present(&self, index: u32) -> Customer {
        let index = index % CUSTOMERS;
        Customer::new(index, self.changes[index as usize])
    }

    fn content(&mut self, step: Step, number: &PhoneNumber, now: i64) -> Value {
        let conversation = format!("{}X{}", self.started_at, self.conversation);
        let moment = Moment {
            now,
            conversation: &conversation,
        };
        let customer = self.customer;
        let group_id = (self.plan.channel == Channel::Group).then(|| group_id(number));
        match step {
            Step::Inbound => payload::inbound(moment, customer, group_id.as_deref()),
            Step::Edited => payload::edited(moment, customer),
            Step::Revoked => payload::revoked(moment, customer),
            Step::IdChanged => {
                self.customer = customer.changed();
                self.changes[customer.index() as usize] += 1;
                payload::id_changed(moment, customer, self.customer)
            }
            Step::Status(status) => {
                let price = self.plan.is_priced(status).then_some(self.price);
                match group_id {
                    Some(group_id) => {
                        payload::group_statuses(moment, &group_id, &self.members(), status, price)
                    }
                    None => payload::status(moment, customer, status, price),
                }
            }
            Step::Failed => {
                let (code, title) = FAILURES[self.dice.usize(..FAILURES.len())];
                payload::failed(moment, customer, code, title)
            }
            Step::Echo => payload::echo(moment, &number.digits(), customer),
        }
    }

    /// Members of the group to which the customer belongs.
    fn members(&self) -> Vec<Customer> {
        let first = self.customer.index();
        (0..GROUP_SIZE)
            .map(|offset| self.present(first + offset))
            .collect()
    }
}

fn group_id(number: &PhoneNumber) -> String {
    format!("Y2FwaV9ncm91cDo{}", number.id)
}

#[cfg(test)]
mod tests;
