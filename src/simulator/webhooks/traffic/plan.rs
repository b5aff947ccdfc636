//! The kinds of conversations and how often each occurs.

use fastrand::Rng;

/// Where a conversation takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channel {
    /// Between the business and one customer.
    Direct,
    /// In a group of customers.
    Group,
    /// Between a customer and another owner of the thread. The business only observes it, in `standby`.
    Standby,
}

/// One webhook of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A message of the customer.
    Inbound,
    /// The customer edits the message.
    Edited,
    /// The customer deletes the message.
    Revoked,
    /// The customer changes the telephone number, and therefore gets a new user id.
    IdChanged,
    /// A status of the response.
    Status(&'static str),
    /// The response fails.
    Failed,
    /// A person responds in the WhatsApp Business app.
    Echo,
}

/// A kind of conversation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) channel: Channel,
    pub(super) steps: &'static [Step],
    /// Relative frequency.
    weight: u32,
}

const SENT: Step = Step::Status("sent");
const DELIVERED: Step = Step::Status("delivered");
const READ: Step = Step::Status("read");

/// All kinds. The first one is the normal course.
pub(super) const PLANS: &[Plan] = &[
    plan(66, Channel::Direct, &[Step::Inbound, SENT, DELIVERED, READ]),
    plan(12, Channel::Direct, &[Step::Inbound, SENT, Step::Failed]),
    // `delivered` is missing if the customer reads the message at once.
    plan(4, Channel::Direct, &[Step::Inbound, SENT, READ]),
    plan(
        3,
        Channel::Direct,
        &[Step::Inbound, Step::Edited, SENT, DELIVERED, READ],
    ),
    plan(
        2,
        Channel::Direct,
        &[Step::Inbound, Step::Revoked, SENT, DELIVERED],
    ),
    plan(
        2,
        Channel::Direct,
        &[Step::Inbound, Step::IdChanged, SENT, DELIVERED, READ],
    ),
    plan(3, Channel::Direct, &[Step::Inbound, Step::Echo]),
    plan(2, Channel::Group, &[Step::Inbound, SENT, DELIVERED, READ]),
    plan(2, Channel::Standby, &[Step::Inbound, SENT, DELIVERED]),
];

const fn plan(weight: u32, channel: Channel, steps: &'static [Step]) -> Plan {
    Plan {
        channel,
        steps,
        weight,
    }
}

impl Plan {
    /// Draws a kind according to the frequencies.
    pub(super) fn draw(dice: &mut Rng) -> &'static Self {
        let total: u32 = PLANS.iter().map(|plan| plan.weight).sum();
        let mut rest = dice.u32(..total);
        for plan in PLANS {
            if rest < plan.weight {
                return plan;
            }
            rest -= plan.weight;
        }
        &PLANS[0]
    }

    /// Whether the webhooks of this kind contain the customer's telephone number: no form without it is published.
    pub(super) fn needs_number(&self) -> bool {
        let needs = |step: &Step| matches!(step, Step::Echo | Step::IdChanged);
        self.steps.iter().any(needs)
    }

    /// Whether this status has `pricing`: `sent`, and the first of `delivered` and `read`. See
    /// <https://developers.facebook.com/docs/whatsapp/pricing>.
    pub(super) fn is_priced(&self, status: &str) -> bool {
        match status {
            "sent" | "delivered" => true,
            "read" => !self.steps.contains(&DELIVERED),
            _ => false,
        }
    }
}
