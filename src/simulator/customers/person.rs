//! One customer: the reaction to a message, drawn at random.

use fastrand::Rng;

use super::message::{BusinessMessage, Offer};

/// Texts of customers that do not answer the question of the business. A test can search for the word that all have.
pub const TYPED: [&str; 3] = [
    "Is the rhubarb garden open?",
    "rhubarb, please",
    "What do you mean, rhubarb?",
];
/// How a conversation begins.
const OPENING: &str = "book a table";
/// One customer in five has a username and hides the telephone number.
const HIDDEN_EVERY: u32 = 5;
/// First of the made-up telephone numbers.
const FIRST_NUMBER: u32 = 200_000;
/// Maximum number of messages of a customer.
const MAX_TURNS: u32 = 8;
/// Number of times that a customer writes again without a response.
const MAX_REMINDERS: u32 = 2;

/// One message of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CustomerMessage {
    /// Text.
    Typed(String),
    /// An offered reply to the message with this id.
    Chosen(Offer, String),
    /// A picture in reply to the message with this id.
    Picture(String),
    /// A message of a kind that Meta does not pass on.
    Unsupported,
    /// An emoji below the message with this id.
    Reaction(String),
}

/// The next action of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// Sends these messages at once.
    Write(Vec<CustomerMessage>),
    /// Reacts, and responds later.
    React(CustomerMessage),
    /// Stops responding.
    Leave,
}

impl Decision {
    /// The messages that the customer sends.
    pub(super) fn messages(&self) -> &[CustomerMessage] {
        match self {
            Self::Write(messages) => messages,
            Self::React(message) => std::slice::from_ref(message),
            Self::Leave => &[],
        }
    }
}

/// A customer.
#[derive(Debug)]
pub(super) struct Person {
    index: u32,
    dice: Rng,
    /// The number that the customer writes to.
    pub(super) phone_number_id: String,
    /// The origin of the customer: `ad`, `post`, or `None`.
    pub(super) source: Option<&'static str>,
    /// The replies that give the customer what they came for.
    goals: Vec<String>,
    /// The message that waits for the customer's response.
    reading: Option<BusinessMessage>,
    /// The last message that offered replies, before the present one.
    earlier: Option<BusinessMessage>,
    turns: u32,
    reminders: u32,
    pub(super) is_finished: bool,
}

impl Person {
    pub(super) fn new(index: u32, seed: u64, phone_number_id: &str, goals: &[String]) -> Self {
        let mut dice = Rng::with_seed(seed ^ (u64::from(index) << 20));
        let source = match dice.u8(..12) {
            0..3 => Some("ad"),
            3 => Some("post"),
            _ => None,
        };
        Self {
            index,
            dice,
            phone_number_id: phone_number_id.to_owned(),
            source,
            goals: goals.to_vec(),
            reading: None,
            earlier: None,
            turns: 0,
            reminders: 0,
            is_finished: false,
        }
    }

    pub(super) fn wa_id(&self) -> String {
        format!("15550{:06}", FIRST_NUMBER + self.index)
    }

    pub(super) fn user_id(&self) -> String {
        format!("US.1300000002{:010}", self.index)
    }

    /// Whether messages of the customer contain the telephone number.
    pub(super) fn tells_number(&self) -> bool {
        self.index % HIDDEN_EVERY != HIDDEN_EVERY - 1
    }

    /// Seconds until the customer has read and typed.
    pub(super) fn thinks(&mut self) -> f64 {
        2.0 + 8.0 * self.dice.f64()
    }

    /// Receives a message of the business. Returns whether the customer will respond.
    pub(super) fn receive(&mut self, message: &BusinessMessage) -> bool {
        if self.is_finished {
            return false;
        }
        self.reminders = 0;
        let before = self.reading.replace(message.clone());
        if let Some(before) = before.filter(|before| !before.offers.is_empty()) {
            self.earlier = Some(before);
        }
        true
    }

    /// The first messages.
    pub(super) fn opens(&mut self) -> Vec<CustomerMessage> {
        let mut messages = vec![CustomerMessage::Typed(OPENING.to_owned())];
        if self.dice.u8(..10) == 0 {
            messages.push(self.typed());
        }
        messages
    }

    /// The reaction to the unanswered message, or a reminder without one.
    pub(super) fn decides(&mut self) -> Decision {
        self.turns += 1;
        let Some(message) = self.reading.take() else {
            return self.reminds();
        };
        let roll = self.dice.u8(..100);
        let decision = if self.turns > MAX_TURNS {
            Decision::Leave
        } else if message.offers.is_empty() {
            self.about_question(&message, roll)
        } else {
            self.about_offers(&message, roll)
        };
        match &decision {
            Decision::React(_) => self.reading = Some(message),
            Decision::Leave => self.is_finished = true,
            Decision::Write(messages) => {
                let goals = &self.goals;
                let is_goal = |message: &CustomerMessage| matches!(message, CustomerMessage::Chosen(offer, _) if goals.contains(&offer.id));
                self.is_finished = messages.iter().any(is_goal);
                if !message.offers.is_empty() {
                    self.earlier = Some(message);
                }
            }
        }
        decision
    }

    fn reminds(&mut self) -> Decision {
        if self.reminders >= MAX_REMINDERS || self.dice.bool() {
            self.is_finished = true;
            return Decision::Leave;
        }
        self.reminders += 1;
        Decision::Write(vec![self.typed()])
    }

    fn about_offers(&mut self, message: &BusinessMessage, roll: u8) -> Decision {
        let chosen = self.chosen(message);
        Decision::Write(match roll {
            0..58 => vec![chosen],
            58..66 => vec![self.typed()],
            66..70 => vec![CustomerMessage::Picture(message.id.clone())],
            70..74 => vec![CustomerMessage::Unsupported],
            74..79 => vec![chosen, self.typed()],
            79..82 => vec![self.typed(), self.typed()],
            82..85 => vec![chosen.clone(), chosen],
            85..89 => return Decision::React(CustomerMessage::Reaction(message.id.clone())),
            // A button of an earlier question, which is still on the screen.
            89..94 => vec![self.chosen_before(message).unwrap_or(chosen)],
            _ => return Decision::Leave,
        })
    }

    fn about_question(&mut self, message: &BusinessMessage, roll: u8) -> Decision {
        let number = CustomerMessage::Typed(self.dice.u8(1..9).to_string());
        Decision::Write(match roll {
            0..70 => vec![number],
            70..78 => vec![self.typed()],
            78..82 => vec![CustomerMessage::Picture(message.id.clone())],
            82..86 => vec![CustomerMessage::Unsupported],
            86..90 => vec![number, self.typed()],
            90..94 => return Decision::React(CustomerMessage::Reaction(message.id.clone())),
            _ => return Decision::Leave,
        })
    }

    fn typed(&mut self) -> CustomerMessage {
        CustomerMessage::Typed(TYPED[self.dice.usize(..TYPED.len())].to_owned())
    }

    /// The first offer more often than the others.
    fn chosen(&mut self, message: &BusinessMessage) -> CustomerMessage {
        let any = self.dice.usize(..message.offers.len());
        let offer = if self.dice.bool() { 0 } else { any };
        CustomerMessage::Chosen(message.offers[offer].clone(), message.id.clone())
    }

    /// A reply to an earlier question that this one does not offer.
    fn chosen_before(&mut self, message: &BusinessMessage) -> Option<CustomerMessage> {
        let earlier = self.earlier.clone()?;
        let is_new = |offer: &Offer| !message.offers(&offer.id) && !self.goals.contains(&offer.id);
        let offer = earlier.offers.iter().find(|offer| is_new(offer))?;
        Some(CustomerMessage::Chosen(offer.clone(), earlier.id.clone()))
    }
}
