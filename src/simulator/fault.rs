//! Faults that tests and game days can inject.
//!
//! A fault applies to one endpoint or to all, for the next N calls or until it is cleared. Conditions of Meta's own
//! state (a rate limit, a retired field) are changes, not faults.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::graph::Endpoint;

/// One kind of faulty response. As JSON: `{"fault":"hang","milliseconds":5000}`.
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
    /// HTTP 500 with an HTML page.
    ServerErrorPage,
    /// HTTP 200, truncated in the middle of the JSON.
    TruncatedJson,
    /// Delays the response.
    Hang {
        /// Length of the delay.
        milliseconds: u64,
    },
    /// Sends the body in small pieces.
    Trickle {
        /// Size of a piece in bytes.
        bytes: usize,
        /// Delay before each piece.
        milliseconds: u64,
    },
    /// A valid JSON object with a large amount of padding.
    HugeBody {
        /// Size of the padding in bytes.
        bytes: usize,
    },
    /// No node type has the field: error 100 if it is requested.
    FieldGone {
        /// Name of the field.
        field: String,
    },
    /// The API version has deprecated the field: error 12 if it is requested.
    FieldDeprecated {
        /// Name of the field.
        field: String,
    },
    /// Omits the field without an error.
    FieldMissing {
        /// Name of the field.
        field: String,
    },
    /// Replaces every value of the field: unknown words, numbers for text, text for numbers, null.
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
    /// Rejects an edge inside `fields=` like a field that does not exist.
    ExpansionRefused,
    /// Cursors are invalid: error 131059 for every page but the first.
    InvalidCursor,
    /// `X-App-Usage` reports this usage of the app's quota; account usage is absent.
    AppUsage {
        /// Percent of `call_count`.
        percent: u32,
    },
    /// Every page has cursors and a `next`, including the last one.
    EndlessCursors,
    /// `paging.next` points to another origin, such as `https://elsewhere.example`.
    NextElsewhere {
        /// Scheme and host.
        origin: String,
    },
    /// Adds a `Retry-After` header to every response.
    RetryAfter {
        /// Value of the header.
        seconds: u64,
    },
}

/// Identifies a fault, to clear it.
pub type FaultId = u64;

#[derive(Debug)]
struct FaultRule {
    id: FaultId,
    endpoint: Option<Endpoint>,
    remaining: Option<u32>,
    fault: Fault,
}

/// The active faults.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Vec<FaultRule>,
    next_id: FaultId,
}

impl Faults {
    /// Sets a fault for an endpoint (or all), for the next `times` calls (or until cleared).
    pub fn set(&mut self, endpoint: Option<Endpoint>, times: Option<u32>, fault: Fault) -> FaultId {
        self.next_id += 1;
        self.rules.push(FaultRule {
            id: self.next_id,
            endpoint,
            remaining: times,
            fault,
        });
        self.next_id
    }

    /// Clears one fault, if it is still active.
    pub fn clear(&mut self, id: FaultId) {
        self.rules.retain(|rule| rule.id != id);
    }

    /// Clears all faults.
    pub fn clear_all(&mut self) {
        self.rules.clear();
    }

    /// The faults that apply to a call. Uses up one time of each.
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

/// Changes a successful response according to the faults.
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
