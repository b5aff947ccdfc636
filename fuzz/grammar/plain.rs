//! A second reading of a delivery, from Meta's pages and the project's rules, by `serde_json::Value` alone: what
//! is null is absent, numbers may be text and text numbers, one object may stand for a list of one and a list for
//! its first object, and what is of another shape is absent.

mod said;

use serde_json::{Map, Value};
use whatsapp_business_exporter::domain::{
    DisplayDigits, Fact, FlowId, MessagingLimit, QualityRating, TemplateId, Timestamp, WabaId,
    WebhookField, Word, account, message, number, template,
};
use whatsapp_business_exporter::ingest::CustomerHasher;

use super::super::NOW;

/// Names are kept up to this many bytes.
const LONGEST: usize = 512;

/// What is found.
#[derive(Default)]
pub struct Plain {
    /// Sorted, one for each change.
    pub fields: Vec<WebhookField>,
    /// Sorted.
    pub accounts: Vec<WabaId>,
    pub facts: Vec<PlainFact>,
    pub messages: usize,
    pub statuses: usize,
}

/// One event.
pub struct PlainFact {
    pub waba_id: WabaId,
    /// None where a time in it is written in a way that Meta does not use.
    pub fact: Option<Fact>,
    pub when: When,
}

/// When it happened.
#[derive(Clone, Copy)]
pub enum When {
    At(Timestamp),
    Undated,
    /// Ahead of the clock, or written in a way that Meta does not use.
    Unsure,
}

/// A time as it is read.
#[derive(Clone, Copy, PartialEq)]
enum Moment {
    Absent,
    At(Timestamp),
    Unsure,
}

type Object = Map<String, Value>;

impl Plain {
    pub fn read(body: &Value, customers: &CustomerHasher) -> Self {
        let mut plain = Self::default();
        for entry in list(body.get("entry")).filter_map(Value::as_object) {
            plain.entry(entry, customers);
        }
        plain.fields.sort_unstable();
        plain.accounts.sort_unstable();
        plain
    }

    fn entry(&mut self, entry: &Object, customers: &CustomerHasher) {
        let id = scalar(entry.get("id"));
        let is_test = id.as_deref() == Some("0");
        let waba_id = id.and_then(|id| WabaId::parse(&id)).filter(|_| !is_test);
        self.accounts.extend(waba_id.clone());
        let time = entry
            .get("time")
            .map_or(Moment::Absent, |time| match scalar(Some(time)) {
                Some(text) => accepted_time(moment(&text)),
                None => Moment::Absent,
            });
        for change in list(entry.get("changes")).filter_map(Value::as_object) {
            let Some(name) = scalar(change.get("field")) else {
                continue;
            };
            let field = WebhookField::parse(&name);
            self.fields.push(field);
            let Some(value) = change.get("value").filter(|value| !value.is_null()) else {
                continue;
            };
            if let Some(waba_id) = &waba_id
                && self.said(field, value, waba_id, time, customers)
            {
                continue;
            }
            let empty = Object::new();
            let reader = reader(field);
            let object = value
                .as_object()
                .filter(|_| reader.is_some())
                .unwrap_or(&empty);
            let mut object = object.clone();
            let beside = change.get("rejection_info").filter(|info| !info.is_null());
            if let Some(info) = beside.filter(|_| !object.contains_key("rejection_info")) {
                object.insert("rejection_info".to_owned(), info.clone());
            }
            let mut value = Reading {
                object: &object,
                is_sure: true,
            };
            let fact = reader
                .and_then(|read| read(&mut value))
                .unwrap_or(Fact::Unwatched);
            let is_sure = value.is_sure;
            let named = value.within("waba_info", |info| WabaId::parse(&info.text("waba_id")?));
            let own_time = value.moment("timestamp");
            if is_test {
                continue;
            }
            if let Some(named) = &named
                && waba_id.as_ref() != Some(named)
            {
                self.accounts.push(named.clone());
            }
            let Some(waba_id) = named.or_else(|| waba_id.clone()) else {
                continue;
            };
            let when = match (time, accepted_time(own_time)) {
                (Moment::At(at), _) | (Moment::Absent, Moment::At(at)) => {
                    When::At(at.at_whole_seconds())
                }
                (Moment::Absent, Moment::Absent) if is_sure && fact != Fact::Unwatched => {
                    When::Undated
                }
                _ => When::Unsure,
            };
            let fact = is_sure.then_some(fact);
            self.facts.push(PlainFact {
                waba_id,
                fact,
                when,
            });
        }
    }

    /// Messages and statuses of one change; says whether there are any.
    fn said(
        &mut self,
        field: WebhookField,
        value: &Value,
        waba_id: &WabaId,
        time: Moment,
        customers: &CustomerHasher,
    ) -> bool {
        let Some(said) = said::read(field, value, customers) else {
            return false;
        };
        self.messages += said.messages;
        self.statuses += said.statuses;
        let any = !said.updates.is_empty();
        for (at, update, recipient) in said.updates {
            let when = match (accepted_time(at), time) {
                (Moment::At(at), _) | (Moment::Absent, Moment::At(at)) => {
                    When::At(at.at_whole_seconds())
                }
                _ => When::Unsure,
            };
            let fact = Some(Fact::Message(message::WebhookUpdate {
                phone_number_id: said.number.clone(),
                received_at: NOW,
                recipient,
                update,
            }));
            self.facts.push(PlainFact {
                waba_id: waba_id.clone(),
                fact,
                when,
            });
        }
        any
    }
}

type Read = fn(&mut Reading<'_>) -> Option<Fact>;

fn reader(field: WebhookField) -> Option<Read> {
    Some(match field {
        WebhookField::AccountAlerts => alert,
        WebhookField::AccountReviewUpdate => |value| {
            Some(Fact::Account(account::Update::Review(
                value.word("decision")?,
            )))
        },
        WebhookField::AccountUpdate => update,
        WebhookField::BusinessCapabilityUpdate => capability,
        WebhookField::MessageTemplateQualityUpdate | WebhookField::MessageTemplateStatusUpdate => {
            template_state
        }
        WebhookField::PartnerSolutions => |_| Some(Fact::Unwatched),
        WebhookField::PhoneNumberNameUpdate => |value| {
            let digits = DisplayDigits::parse(&value.text("display_phone_number")?)?;
            let update = number::Update::Name(number::NameReview {
                decision: value.word("decision")?,
                rejection_reason: value
                    .word("rejection_reason")
                    .filter(|reason| *reason != number::NameRejectionReason::None),
            });
            Some(Fact::Number(number::WebhookUpdate { digits, update }))
        },
        WebhookField::PhoneNumberQualityUpdate => number_quality,
        WebhookField::Security => |value| {
            let digits = DisplayDigits::parse(&value.text("display_phone_number")?)?;
            let update = number::Update::Security(value.word("event")?);
            Some(Fact::Number(number::WebhookUpdate { digits, update }))
        },
        WebhookField::Flows => |value| {
            let event = value.word("event")?;
            if !value.has("alert_state") {
                return Some(Fact::Unwatched);
            }
            Some(Fact::Account(account::Update::Flow {
                flow_id: FlowId::parse(&value.text("flow_id")?)?,
                event,
                state: value.word("alert_state")?,
            }))
        },
        // Its groups are known only by their hash: what became of it is not compared.
        WebhookField::GroupStatusUpdate => |value| {
            value.is_sure = false;
            Some(Fact::Unwatched)
        },
        WebhookField::TemplateCategoryUpdate => category,
        WebhookField::TemplateCorrectCategoryDetection => |value| {
            let identity = identity(value)?;
            let suggested = value.has("suggested_category");
            let key = if suggested {
                "suggested_category"
            } else {
                "correct_category"
            };
            let update = template::Update::CategoryDetected {
                correct: value.word(key)?,
            };
            Some(Fact::Template(template::WebhookUpdate { identity, update }))
        },
        _ => return None,
    })
}

fn alert(value: &mut Reading<'_>) -> Option<Fact> {
    let both = |info: &mut Reading<'_>| {
        let severity = info
            .word("alert_severity")
            .unwrap_or(account::AlertSeverity::Other);
        Some(account::Update::Alert {
            alert: info.word("alert_type")?,
            severity,
        })
    };
    // Without an object of that name the words are beside it.
    let update = if first_object(value.object.get("alert_info")).is_some() {
        value.within("alert_info", both)
    } else {
        both(value)
    };
    update.map(Fact::Account)
}

fn update(value: &mut Reading<'_>) -> Option<Fact> {
    let event = value.word("event")?;
    let ban = value.within("ban_info", |info| {
        let state = info.object.get("waba_ban_state")?;
        let state = state.as_array().map_or(Some(state), |list| list.last());
        Some(account::Ban {
            state: word(state?)?,
            date: info.time("waba_ban_date").filter(is_plausible_end),
        })
    });
    let mut restrictions = Vec::new();
    for info in objects(value.object.get("restriction_info")) {
        let mut info = Reading {
            object: info,
            is_sure: true,
        };
        if let Some(kind) = info.word("restriction_type") {
            restrictions.push(account::Restriction {
                kind,
                expires_at: info.time("expiration").filter(is_plausible_end),
            });
        }
        value.is_sure &= info.is_sure;
    }
    Some(Fact::Account(account::Update::AccountUpdate {
        event,
        digits: value
            .text("phone_number")
            .and_then(|text| DisplayDigits::parse(&text)),
        ban,
        restrictions,
        violation: value.within("violation_info", violation),
        disconnection: first_object(value.object.get("disconnection_info"))
            .is_some()
            .then(|| account::Disconnection {
                reason: value.within("disconnection_info", |info| info.word("reason")),
                initiated_by: value.within("disconnection_info", |info| info.word("initiated_by")),
            }),
    }))
}

fn violation(info: &mut Reading<'_>) -> Option<account::Violation> {
    let mut kind: account::ViolationType = info.word("violation_type")?;
    if kind.is_other() {
        kind = account::ViolationType::from_unknown(&info.short("violation_type")?);
    }
    let remediation = info.short("remediation").filter(|text| !text.is_empty());
    Some(account::Violation { kind, remediation })
}

/// A penalty whose end is before 2009, when WhatsApp began, or from 2100 on has no end.
fn is_plausible_end(end: &Timestamp) -> bool {
    (1_230_768_000_000..4_102_444_800_000).contains(&end.as_millis())
}

fn capability(value: &mut Reading<'_>) -> Option<Fact> {
    let count = |key: &str| value.text(key).and_then(|text| text.parse().ok());
    let phone_numbers_limit: Option<u64> =
        count("max_phone_numbers_per_waba").or_else(|| count("max_phone_numbers_per_business"));
    let messaging_limit = daily_limit(value);
    if messaging_limit.is_none() && phone_numbers_limit.is_none() {
        return None;
    }
    Some(Fact::Account(account::Update::Capability {
        messaging_limit,
        phone_numbers_limit,
    }))
}

fn daily_limit(value: &Reading<'_>) -> Option<MessagingLimit> {
    let of_business = value.limit("max_daily_conversations_per_business");
    of_business.or_else(|| value.limit("max_daily_conversation_per_phone"))
}

fn number_quality(value: &mut Reading<'_>) -> Option<Fact> {
    let digits = DisplayDigits::parse(&value.text("display_phone_number")?)?;
    let event = value.word("event")?;
    // With the one they are levels of throughput, with the other nobody knows what.
    let are_limits = ![
        number::QualityEventKind::ThroughputUpgrade,
        number::QualityEventKind::Other,
    ]
    .contains(&event);
    let limit = |key| value.limit(key).filter(|_| are_limits);
    let update = number::Update::Quality {
        event,
        old_limit: limit("old_limit"),
        current_limit: daily_limit(value).or_else(|| limit("current_limit")),
    };
    Some(Fact::Number(number::WebhookUpdate { digits, update }))
}

fn identity(value: &Reading<'_>) -> Option<template::Identity> {
    let language = value.short("message_template_language");
    Some(template::Identity {
        id: TemplateId::parse(&value.text("message_template_id")?)?,
        name: value.short("message_template_name").map(Into::into),
        language: language.map(|language| language.replace('-', "_").into()),
    })
}

fn template_state(value: &mut Reading<'_>) -> Option<Fact> {
    let identity = identity(value)?;
    let update = if value.has("new_quality_score") && !value.has("event") {
        let new: QualityRating = value.word("new_quality_score")?;
        template::Update::Quality {
            previous: value.word("previous_quality_score"),
            new,
        }
    } else {
        template::Update::Status {
            event: value.word("event")?,
            reason: reason(value),
            category: value.word("message_template_category"),
            pause: value.within("other_info", |info| info.word("title")),
            disable_at: value.within("disable_info", |info| info.time("disable_date")),
        }
    };
    Some(Fact::Template(template::WebhookUpdate { identity, update }))
}

/// Prose counts for nothing where a word is expected beside the word itself.
fn reason(value: &mut Reading<'_>) -> Option<template::RejectedReason> {
    let word: Option<template::RejectedReason> = value.word("reason");
    if let Some(word) = word.filter(|word| *word != template::RejectedReason::None) {
        return Some(word);
    }
    let prose = value.within("rejection_info", |info| info.text("reason"))?;
    let known = template::RejectedReason::parse(&prose);
    (known != template::RejectedReason::None && !known.is_other()).then_some(known)
}

fn category(value: &mut Reading<'_>) -> Option<Fact> {
    let identity = identity(value)?;
    let update = if value.has("correct_category") && !value.has("previous_category") {
        template::Update::CategoryAnnounced {
            present: value.word("new_category"),
            coming: value.word("correct_category")?,
            at: value.time("category_update_timestamp"),
        }
    } else {
        template::Update::CategoryChanged {
            previous: value.word("previous_category"),
            new: value.word("new_category")?,
        }
    };
    Some(Fact::Template(template::WebhookUpdate { identity, update }))
}

/// An object that is read, and whether all of it could be understood.
struct Reading<'a> {
    object: &'a Object,
    is_sure: bool,
}

impl Reading<'_> {
    fn has(&self, key: &str) -> bool {
        self.object.get(key).is_some_and(|value| !value.is_null())
    }

    fn text(&self, key: &str) -> Option<String> {
        text(self.object.get(key)?)
    }

    fn short(&self, key: &str) -> Option<String> {
        let mut text = self.text(key)?;
        while text.len() > LONGEST {
            text.pop();
        }
        Some(text)
    }

    fn word<W: Word>(&self, key: &str) -> Option<W> {
        word(self.object.get(key)?)
    }

    fn limit(&self, key: &str) -> Option<MessagingLimit> {
        MessagingLimit::parse(&self.text(key)?).ok()?
    }

    fn moment(&self, key: &str) -> Moment {
        self.text(key).map_or(Moment::Absent, |text| moment(&text))
    }

    fn time(&mut self, key: &str) -> Option<Timestamp> {
        match self.moment(key) {
            Moment::Absent => None,
            Moment::At(at) => Some(at),
            Moment::Unsure => {
                self.is_sure = false;
                None
            }
        }
    }

    fn within<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut Reading<'_>) -> Option<T>,
    ) -> Option<T> {
        let mut inner = Reading {
            object: first_object(self.object.get(key))?,
            is_sure: true,
        };
        let found = read(&mut inner);
        self.is_sure &= inner.is_sure;
        found
    }
}

fn first_object(value: Option<&Value>) -> Option<&Object> {
    match value? {
        Value::Array(list) => list.first()?.as_object(),
        value => value.as_object(),
    }
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let single = value.filter(|value| !value.is_array());
    let many = value.and_then(Value::as_array).into_iter().flatten();
    many.chain(single)
}

fn objects(value: Option<&Value>) -> impl Iterator<Item = &Object> {
    list(value).filter_map(Value::as_object)
}

fn word<W: Word>(value: &Value) -> Option<W> {
    let text = text(value)?;
    (!text.is_empty()).then(|| W::parse(&text))
}

/// In the envelope: as it is written.
fn scalar(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// In a value: without the white space around it.
fn text(value: &Value) -> Option<String> {
    scalar(Some(value)).map(|text| text.trim().to_owned())
}

/// Only what is not ahead of the clock is compared: how far ahead is accepted_time is another rule.
fn accepted_time(moment: Moment) -> Moment {
    match moment {
        Moment::At(at) if at > NOW => Moment::Unsure,
        Moment::At(at) if at <= Timestamp::default() => Moment::Absent,
        moment => moment,
    }
}

fn moment(text: &str) -> Moment {
    if let Ok(number) = text.parse::<i64>() {
        // The year 5138 in seconds is 1973 in milliseconds.
        let is_millis = number.unsigned_abs() >= 100_000_000_000;
        let at = if is_millis {
            Timestamp::from_millis(number)
        } else {
            Timestamp::from_seconds(number)
        };
        return Moment::At(at);
    }
    let seconds = iso(text).or_else(|| prose(text));
    match seconds {
        Some(seconds) => Moment::At(Timestamp::from_seconds(seconds)),
        None if text.bytes().any(|byte| byte.is_ascii_digit()) => Moment::Unsure,
        None => Moment::Absent,
    }
}

/// `2026-03-16T14:00:00`, and `+0000` or `Z`.
fn iso(text: &str) -> Option<i64> {
    let text = text
        .strip_suffix("+0000")
        .or_else(|| text.strip_suffix('Z'))?;
    let (day, time) = text.split_once('T')?;
    let numbers = |text: &str, mark| {
        text.split(mark)
            .map(|part| part.parse().ok())
            .collect::<Option<Vec<i64>>>()
    };
    let (day, time) = (numbers(day, '-')?, numbers(time, ':')?);
    let ([year, month, day], [hour, minute, second]) = (day.as_slice(), time.as_slice()) else {
        return None;
    };
    Some(days(*year, *month, *day) * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// `March 17, 2026`.
fn prose(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let (month, rest) = text.split_once(' ')?;
    let (day, year) = rest.split_once(", ")?;
    let month = MONTHS.iter().position(|name| *name == month)?;
    let month = i64::try_from(month + 1).ok()?;
    Some(days(year.parse().ok()?, month, day.parse().ok()?) * 86_400)
}

/// Days since 1970-01-01, counted year by year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let is_leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let lengths = |year| {
        [
            31,
            if is_leap(year) { 29 } else { 28 },
            31,
            30,
            31,
            30,
            31,
            31,
            30,
            31,
            30,
            31,
        ]
    };
    let years: i64 = (1970..year)
        .map(|year| if is_leap(year) { 366 } else { 365 })
        .sum();
    let months: i64 = lengths(year)
        .iter()
        .take(usize::try_from(month - 1).unwrap_or(0))
        .sum();
    years + months + day - 1
}
