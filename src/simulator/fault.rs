//! Faults that tests and game days can inject.
//!
//! A fault applies to one endpoint or to all, for the next N calls or until it is cleared. Conditions of Meta's own
//! state (a rate limit, a retired field) are changes, not faults.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::graph::Endpoint;

/// One way in which an answer goes wrong. As JSON: `{"fault":"hang","milliseconds":5000}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The Graph API's error envelope.
    GraphError {
        /// HTTP status.
        status: u16,
        /// `code`.
        code: u32,
        /// `error_subcode`.
        #[serde(default)]
        subcode: Option<u32>,
        /// `message`.
        message: String,
        /// `is_transient`.
        #[serde(default)]
        is_transient: Option<bool>,
    },
    /// HTTP 500 with a page of HTML.
    ServerErrorPage,
    /// HTTP 200, cut off in the middle of the JSON.
    TruncatedJson,
    /// Delays the response.
    Hang {
        /// Length of the silence.
        milliseconds: u64,
    },
    /// The body comes in small pieces.
    Trickle {
        /// Bytes in a piece.
        bytes: usize,
        /// Silence before each piece.
        milliseconds: u64,
    },
    /// A valid JSON object that is this large.
    HugeBody {
        /// Size of the padding.
        bytes: usize,
    },
    /// No node type knows the field: 100 if it is asked for.
    FieldGone {
        /// Its name.
        field: String,
    },
    /// The API version has deprecated the field: error 12 if it is requested.
    FieldDeprecated {
        /// Its name.
        field: String,
    },
    /// The field is left out without a word.
    FieldMissing {
        /// Its name.
        field: String,
    },
    /// Every value of the field is replaced: unknown words, numbers for text, text for numbers, null.
    FieldReplaced {
        /// Name of the field, at any depth.
        field: String,
        /// The replacement.
        value: Value,
    },
    /// The list under this key becomes its first element.
    SingleObject {
        /// The key, such as `data` or `entities`.
        field: String,
    },
    /// An edge inside `fields=` is answered like a field that does not exist.
    ExpansionRefused,
    /// Cursors are invalid: error 131059 for every page but the first.
    InvalidCursor,
    /// `X-App-Usage` reports this usage of the app's quota; account usage is absent.
    AppUsage {
        /// Percent of `call_count`.
        percent: u32,
    },
    /// Every page has cursors and a `next`, also after the last.
    EndlessCursors,
    /// `paging.next` points to another origin, such as `https://elsewhere.example`.
    NextElsewhere {
        /// Scheme and host.
        origin: String,
    },
    /// A `Retry-After` header on whatever is answered.
    RetryAfter {
        /// Value of the header.
        seconds: u64,
    },
}

/// Names one set fault, to clear it.
pub type FaultId = u64;

#[derive(Debug)]
struct Rule {
    id: FaultId,
    endpoint: Option<Endpoint>,
    remaining: Option<u32>,
    fault: Fault,
}

/// The faults in force.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Vec<Rule>,
    next_id: FaultId,
}

impl Faults {
    /// Sets a fault for an endpoint (or all), for the next `times` calls (or until cleared).
    pub fn set(&mut self, endpoint: Option<Endpoint>, times: Option<u32>, fault: Fault) -> FaultId {
        self.next_id += 1;
        self.rules.push(Rule {
            id: self.next_id,
            endpoint,
            remaining: times,
            fault,
        });
        self.next_id
    }

    /// Takes one fault away, if it is still there.
    pub fn clear(&mut self, id: FaultId) {
        self.rules.retain(|rule| rule.id != id);
    }

    /// Takes every fault away.
    pub fn clear_all(&mut self) {
        self.rules.clear();
    }

    /// The faults that hit a call, each used once.
    pub(super) fn hit(&mut self, endpoint: Endpoint) -> Vec<Fault> {
        let mut hits = Vec::new();
        for rule in &mut self.rules {
            let is_meant = rule.endpoint.is_none_or(|meant| meant == endpoint);
            if is_meant && rule.remaining != Some(0) {
                rule.remaining = rule.remaining.map(|remaining| remaining - 1);
                hits.push(rule.fault.clone());
            }
        }
        self.rules.retain(|rule| rule.remaining != Some(0));
        hits
    }
}

/// Changes a good answer as the faults say.
pub(super) fn distort(body: &mut Value, faults: &[Fault]) {
    for fault in faults {
        match fault {
            Fault::FieldReplaced { field, value } => {
                visit(body, field, &mut |found| *found = value.clone());
            }
            Fault::SingleObject { field } => visit(body, field, &mut |found| {
                if let Value::Array(list) = found {
                    *found = if list.is_empty() {
                        Value::Null
                    } else {
                        list.swap_remove(0)
                    };
                }
            }),
            Fault::HugeBody { bytes } => {
                if let Value::Object(object) = body {
                    object.insert("padding".into(), "x".repeat(*bytes).into());
                }
            }
            _ => {}
        }
    }
}

fn visit(value: &mut Value, field: &str, edit: &mut dyn FnMut(&mut Value)) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                visit(inner, field, edit);
                if key == field {
                    edit(inner);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|inner| visit(inner, field, edit)),
        _ => {}
    }
}
