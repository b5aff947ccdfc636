//! A week of invented conversations, and the true values of their metrics.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::{Value, json};

/// Unix seconds of the week's beginning.
pub const BEGINS: i64 = 1_775_000_000;
const WEEK: i64 = 7 * 86_400;

pub const NUMBERS: [&str; 3] = ["900100200300401", "900100200300402", "900100200300403"];

const KINDS: [&str; 4] = ["text", "text", "image", "interactive"];
const CATEGORIES: [&str; 3] = ["service", "utility", "marketing"];
const FAILURES: [u32; 3] = [131_049, 131_026, 999_999];

/// One event that Meta reports.
#[derive(Clone, Debug)]
pub struct Item {
    pub at: i64,
    pub number: usize,
    /// `messages`, `statuses`, or `message_echoes`.
    pub list: &'static str,
    pub content: Value,
}

/// A customer waited, in Unix seconds.
#[derive(Clone, Copy, Debug)]
pub struct Wait {
    asked_at: i64,
    answered_at: i64,
    pub actor: &'static str,
}

/// By Greenwich's clock.
pub const OFFICE_HOURS: &str = "Mon-Fri 09:00-18:00";

impl Wait {
    pub fn seconds(self) -> u64 {
        u64::try_from(self.answered_at - self.asked_at).expect("time runs on")
    }

    /// What of it was within office hours, counted day by day; the first day of 1970 was a Thursday.
    pub fn office_seconds(self) -> u64 {
        let days = self.asked_at / 86_400..=self.answered_at / 86_400;
        let workdays = days.filter(|day| (day + 3) % 7 < 5);
        let within = workdays.map(|day| {
            let (opens, closes) = (day * 86_400 + 9 * 3_600, day * 86_400 + 18 * 3_600);
            (self.answered_at.min(closes) - self.asked_at.max(opens)).max(0)
        });
        u64::try_from(within.sum::<i64>()).expect("no less than nothing")
    }
}

/// What must be measured of one number.
#[derive(Debug, Default)]
pub struct Truth {
    pub received: BTreeMap<&'static str, u64>,
    /// By status and category.
    pub statuses: BTreeMap<(&'static str, &'static str), u64>,
    pub failures: BTreeMap<String, u64>,
    /// Asked and answered.
    pub first_responses: Vec<Wait>,
    pub responses: Vec<Wait>,
    pub answered: u64,
    pub unanswered: u64,
}

pub struct Week {
    /// In the order in which they happened.
    pub items: Vec<Item>,
    /// By number.
    pub truth: [Truth; 3],
}

/// Draws so many conversations; the same seed draws the same.
pub fn week(conversations: u64, seed: u64) -> Week {
    let mut week = Week {
        items: Vec::new(),
        truth: Default::default(),
    };
    let mut dice = Rng::with_seed(seed);
    for customer in 0..conversations {
        Conversation {
            number: dice.usize(..NUMBERS.len()),
            customer,
            ids: IDS[dice.usize(..IDS.len())],
            user_ids: 1,
            is_paired: false,
            now: BEGINS + dice.i64(0..WEEK),
            messages: 0,
            week: &mut week,
            dice: &mut dice,
        }
        .play();
    }
    week.items.sort_by_key(|item| item.at);
    week
}

/// The ids of a customer in webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ids {
    /// The telephone number, as until 2026.
    Telephone,
    /// Both, always.
    Both,
    /// The user id, and no or an empty telephone number.
    UserId,
    /// Both at first; then now one, now the other.
    Alternating,
    /// The user id with the messages, and the telephone number with the statuses; contacts have both.
    Apart,
    /// Like `Alternating`, and the user id changes between turns.
    Changing,
}

const IDS: [Ids; 6] = [
    Ids::Telephone,
    Ids::Both,
    Ids::UserId,
    Ids::Alternating,
    Ids::Apart,
    Ids::Changing,
];

struct Conversation<'a> {
    number: usize,
    customer: u64,
    ids: Ids,
    /// How many user ids the customer has had.
    user_ids: u32,
    /// Whether both ids came together.
    is_paired: bool,
    now: i64,
    messages: u32,
    week: &'a mut Week,
    dice: &'a mut Rng,
}

impl Conversation<'_> {
    /// The customer writes once or several times and is answered, and perhaps comes back to it.
    fn play(&mut self) {
        for turn in 0..self.dice.u32(1..=3) {
            let asked_at = self.now;
            for more in 0..self.dice.u32(1..=2) {
                self.now += i64::from(more) * self.dice.i64(1..40);
                self.customer_writes();
            }
            if self.dice.u32(..10) == 0 {
                self.truth().unanswered += 1;
                return;
            }
            // From a bot's second to a person's five hours, each magnitude as often.
            self.now += (self.dice.f64() * 9.8).exp() as i64;
            let actor = if self.dice.u32(..10) == 0 {
                self.agent_writes();
                "agent"
            } else {
                self.business_writes();
                "unknown"
            };
            let wait = Wait {
                asked_at,
                answered_at: self.now,
                actor,
            };
            self.truth().responses.push(wait);
            if turn == 0 {
                self.truth().first_responses.push(wait);
            }
            self.customer_does_something_else();
            self.now += self.dice.i64(200..7_200);
        }
        self.truth().answered += 1;
    }

    fn customer_writes(&mut self) {
        let kind = KINDS[self.dice.usize(..KINDS.len())];
        let ids = self.sender();
        self.receive(kind, ids, &Value::Null);
    }

    /// An event that needs no answer: a changed message, or a changed id.
    fn customer_does_something_else(&mut self) {
        self.now += 200;
        if self.dice.u32(..10) == 0 {
            let kind = ["edit", "revoke", "reaction", "in_orbit"][self.dice.usize(..4)];
            let ids = self.sender();
            self.receive(kind, ids, &Value::Null);
        }
        if self.ids == Ids::Changing {
            let before = self.user_id();
            self.user_ids += 1;
            let after = self.user_id();
            let system = json!({"type": "user_changed_user_id", "previous_user_id": before, "user_id": after});
            let sender = if self.dice.bool() { before } else { after };
            self.receive("system", json!({ "from_user_id": sender }), &system);
        }
    }

    fn receive(&mut self, kind: &'static str, ids: Value, system: &Value) {
        let shown = if kind == "in_orbit" { "OTHER" } else { kind };
        *self.truth().received.entry(shown).or_default() += 1;
        let mut content = ids;
        content["id"] = self.id().into();
        content["timestamp"] = self.now.to_string().into();
        content["type"] = kind.into();
        content["system"] = system.clone();
        self.push("messages", self.now, content);
    }

    fn user_id(&self) -> String {
        format!("US.{}.{}", self.customer, self.user_ids)
    }

    fn telephone(&self) -> String {
        format!("1555{:08}", self.customer)
    }

    /// Whether this webhook has the user id, and whether it has the telephone number.
    fn ids_of_webhook(&mut self, is_message: bool) -> (bool, bool) {
        let ids = match self.ids {
            Ids::Telephone => (false, true),
            Ids::Both => (true, true),
            Ids::UserId => (true, false),
            Ids::Apart => (is_message, !is_message),
            Ids::Alternating | Ids::Changing if !self.is_paired => (true, true),
            Ids::Alternating | Ids::Changing => {
                let of_user = self.dice.bool();
                (of_user, !of_user)
            }
        };
        self.is_paired |= ids == (true, true);
        ids
    }

    fn sender(&mut self) -> Value {
        let (of_user, of_number) = self.ids_of_webhook(true);
        let mut ids = json!({"from": ""});
        if of_user {
            ids["from_user_id"] = self.user_id().into();
        }
        if of_number {
            ids["from"] = self.telephone().into();
        }
        self.with_contact(ids)
    }

    fn recipient(&mut self) -> Value {
        let (of_user, of_number) = self.ids_of_webhook(false);
        let mut ids = json!({"recipient_user_id": null});
        if of_user {
            ids["recipient_user_id"] = self.user_id().into();
        }
        if of_number {
            ids["recipient_id"] = self.telephone().into();
        }
        self.with_contact(ids)
    }

    /// The contact, which is in a separate list.
    fn with_contact(&self, mut ids: Value) -> Value {
        if self.ids == Ids::Apart {
            ids["contact"] = json!({"wa_id": self.telephone(), "user_id": self.user_id(), "profile": {"name": "A"}});
        }
        ids
    }

    /// A person answers in the app.
    fn agent_writes(&mut self) {
        let mut content = json!({
            "from": "15550100199", "id": self.id(), "timestamp": self.now.to_string(), "type": "text",
        });
        match self.ids {
            Ids::UserId => content["to_user_id"] = self.user_id().into(),
            _ => content["to"] = self.telephone().into(),
        }
        self.push("message_echoes", self.now, content);
    }

    fn business_writes(&mut self) {
        let id = self.id();
        self.status(&id, "sent", self.now, None);
        if self.dice.u32(..20) == 0 {
            let code = FAILURES[self.dice.usize(..FAILURES.len())];
            *self.truth().failures.entry(code.to_string()).or_default() += 1;
            let errors = json!([{ "code": code, "title": "t" }]);
            return self.status_with(&id, "failed", self.now + 2, None, &errors);
        }
        let category = CATEGORIES[self.dice.usize(..CATEGORIES.len())];
        let read_at = self.now + self.dice.i64(1..600);
        // A message that is read at once may have no status `delivered`.
        if self.dice.bool() {
            self.status(&id, "delivered", self.now + 1, Some(category));
            self.status(&id, "read", read_at, None);
        } else {
            self.status(&id, "read", read_at, Some(category));
        }
    }

    fn status(&mut self, id: &str, status: &'static str, at: i64, category: Option<&'static str>) {
        self.status_with(id, status, at, category, &Value::Null);
    }

    fn status_with(
        &mut self,
        id: &str,
        status: &'static str,
        at: i64,
        category: Option<&'static str>,
        errors: &Value,
    ) {
        let counted = (status, category.unwrap_or("unknown"));
        *self.truth().statuses.entry(counted).or_default() += 1;
        let pricing = category.map(|category| json!({"billable": true, "category": category}));
        let mut content = self.recipient();
        content["id"] = id.into();
        content["status"] = status.into();
        content["timestamp"] = at.to_string().into();
        content["pricing"] = pricing.into();
        content["errors"] = errors.clone();
        self.push("statuses", at, content);
    }

    fn push(&mut self, list: &'static str, at: i64, content: Value) {
        self.week.items.push(Item {
            at,
            number: self.number,
            list,
            content,
        });
    }

    fn id(&mut self) -> String {
        self.messages += 1;
        format!("wamid.{}.{}", self.customer, self.messages)
    }

    fn truth(&mut self) -> &mut Truth {
        &mut self.week.truth[self.number]
    }
}
