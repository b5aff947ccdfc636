//! Fields that are omitted from requests: those that Meta rejected, and deprecated ones whose replacement works.
//!
//! Meta rejects a whole request if it does not know one of the fields. Such a field is counted and omitted for
//! a day, and the request is retried without it. A rejection applies only to the requested object: a wrong id
//! or a restricted account must not affect other accounts. If several objects of the right type lack the same
//! field, Meta has removed it, and all requests to the endpoint omit it.
//!
//! A deprecated field is requested only where the field that replaced it is missing: Meta rejected that one, or a
//! response lacks it. The latter is remembered per account for a day, so that it costs one repeated request and not
//! one per poll. If all nodes lack the new field, the deprecated one is requested in its place, because Meta omits the
//! deprecated one if both are requested.

mod drops;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use self::drops::{DroppedField, Drops, EndpointField, MissingField};
use super::fields::{declared, known, replaced};
use super::{Endpoint, Failure, NodeKind};
use crate::domain::{Timestamp, Word};
use crate::telemetry::Telemetry;

/// How long a rejected field is omitted. One wasted call a day is the cost of noticing that the field works
/// again.
pub(super) const DROPPED_FOR: Duration = Duration::from_secs(24 * 3600);

/// Number of objects that must lack a field before it counts as removed by Meta. Two objects can share a wrong
/// configuration; three cost a large fleet only three calls.
const OBJECTS_FOR_ENDPOINT: usize = 3;

/// Maximum log lines per field, one for each object. The metric has all of them.
const MAX_LOGGED: usize = 10;

/// The endpoint and object of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestTarget<'a> {
    pub endpoint: Endpoint,
    /// The id at the start of the path, of an account or a portfolio.
    pub object: &'a str,
}

impl<'a> RequestTarget<'a> {
    /// Creates the target of a request to this path.
    pub fn new(endpoint: Endpoint, path: &'a str) -> Self {
        let object = path.split('/').next().unwrap_or_default();
        Self { endpoint, object }
    }
}

/// Scope of a rejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RejectionScope {
    /// All objects of this type lack the field.
    Unknown,
    /// Only this object: it or its token may lack access to the field.
    OfObject,
}

impl RejectionScope {
    /// Classifies the rejection of a field by the type of the node that lacks it.
    pub fn from_failure(endpoint: Endpoint, failure: &Failure) -> Self {
        let is_right_type = |node: &NodeKind| endpoint.returned_node().as_ref() == Some(node);
        // The message about deprecated fields has no node type: it is about the API version.
        if failure.node().is_none_or(is_right_type) {
            Self::Unknown
        } else {
            Self::OfObject
        }
    }
}

/// The fields that one client omits, each with its series on `/metrics`.
#[derive(Debug)]
pub(super) struct DroppedFields {
    drops: Mutex<Drops>,
    telemetry: Arc<Telemetry>,
}

impl DroppedFields {
    pub fn new(telemetry: Arc<Telemetry>) -> Self {
        Self {
            drops: Mutex::default(),
            telemetry,
        }
    }

    /// The fields to request at `now`, separated by commas, excluding `without`.
    pub fn requested(&self, target: RequestTarget<'_>, without: &[&str], now: Timestamp) -> String {
        let drops = self.current(now);
        let fields = declared(target.endpoint).iter().copied();
        fields
            .filter(|field| drops.includes(target, field) && !without.contains(field))
            .collect::<Vec<_>>()
            .join(",")
    }

    /// Whether this field or parameter is requested at `now`.
    pub fn requests(&self, target: RequestTarget<'_>, field: &'static str, now: Timestamp) -> bool {
        !self.current(now).has(target, field)
    }

    /// Omits a field from now on. Returns whether that changes the next request.
    pub fn drop_field(
        &self,
        target: RequestTarget<'_>,
        field: &str,
        refusal: RejectionScope,
        now: Timestamp,
    ) -> bool {
        let Some(known) = known(target.endpoint, field) else {
            return false;
        };
        let mut drops = self.current(now);
        if drops.has(target, known) {
            return false;
        }
        let (field, until) = ((target.endpoint, known), now.plus(DROPPED_FOR));
        drops.expire_at(until);
        let objects = drops.by_object.entry(field).or_default();
        objects.insert(target.object.to_owned(), DroppedField { until, refusal });
        let refused_by = objects.len();
        self.show(field, Some(target.object));
        self.telemetry
            .graph_fields_dropped
            .with_label_values(&[target.endpoint.as_str()])
            .inc();
        let unknown_to = objects
            .values()
            .filter(|drop| drop.refusal == RejectionScope::Unknown);
        if unknown_to.count() >= OBJECTS_FOR_ENDPOINT {
            self.drop_for_endpoint(&mut drops, field, until);
        } else {
            log(target, known, refused_by);
        }
        true
    }

    /// Records whether these nodes lack the replacement of a deprecated field. Returns whether the next request
    /// differs.
    pub fn note_missing(&self, target: RequestTarget<'_>, nodes: &[Value], now: Timestamp) -> bool {
        let mut drops = self.current(now);
        let mut differs = false;
        for (deprecated, field) in replaced(target.endpoint) {
            let lacks = |node: &&Value| node.get(field).is_none_or(Value::is_null);
            let lacking = nodes.iter().filter(lacks).count();
            if lacking == 0 || drops.has(target, deprecated) || drops.includes(target, deprecated) {
                continue;
            }
            let missing = MissingField {
                until: now.plus(DROPPED_FOR),
                is_everywhere: lacking == nodes.len(),
            };
            drops.expire_at(missing.until);
            let objects = drops.missing.entry((target.endpoint, field)).or_default();
            objects.insert(target.object.to_owned(), missing);
            differs = true;
        }
        differs
    }

    /// Forgets the rejections and the missing fields of one object.
    pub fn forget(&self, object: &str) {
        let mut drops = self.lock();
        for objects in drops.missing.values_mut() {
            objects.remove(object);
        }
        for (field, objects) in &mut drops.by_object {
            if objects.remove(object).is_some() {
                self.hide(*field, Some(object));
            }
        }
    }

    fn drop_for_endpoint(&self, drops: &mut Drops, field: EndpointField, until: Timestamp) {
        for object in drops.by_object.remove(&field).unwrap_or_default().keys() {
            self.hide(field, Some(object));
        }
        drops.by_endpoint.insert(field, until);
        self.show(field, None);
        let (endpoint, field) = (field.0.as_str(), field.1);
        tracing::warn!(
            endpoint,
            field,
            "meta rejected a field for several accounts; omitting it from all requests for a day"
        );
    }

    /// The drops in force at `now`.
    fn current(&self, now: Timestamp) -> MutexGuard<'_, Drops> {
        let mut drops = self.lock();
        if drops.first_expiry.is_some_and(|first| first <= now) {
            self.expire(&mut drops, now);
        }
        drops
    }

    fn expire(&self, drops: &mut Drops, now: Timestamp) {
        for (field, objects) in &mut drops.by_object {
            objects.retain(|object, drop| {
                let stays = drop.until > now;
                if !stays {
                    self.hide(*field, Some(object));
                }
                stays
            });
        }
        drops.by_endpoint.retain(|field, until| {
            let stays = *until > now;
            if !stays {
                self.hide(*field, None);
            }
            stays
        });
        for objects in drops.missing.values_mut() {
            objects.retain(|_, missing| missing.until > now);
        }
        let of_objects = drops.by_object.values().flat_map(BTreeMap::values);
        let of_objects = of_objects.map(|drop| drop.until);
        let of_missing = drops.missing.values().flat_map(BTreeMap::values);
        let of_missing = of_missing.map(|missing| missing.until);
        let of_endpoints = drops.by_endpoint.values().copied();
        drops.first_expiry = of_objects.chain(of_endpoints).chain(of_missing).min();
    }

    /// Several clients may omit the same field of an endpoint; the gauge counts them.
    fn show(&self, field: EndpointField, object: Option<&str>) {
        let labels = labels(field, object);
        self.telemetry
            .graph_field_dropped
            .with_label_values(&labels)
            .inc();
    }

    fn hide(&self, field: EndpointField, object: Option<&str>) {
        let labels = labels(field, object);
        let gauge = self
            .telemetry
            .graph_field_dropped
            .with_label_values(&labels);
        gauge.dec();
        if gauge.get() <= 0 {
            // Removing a series fails only if it does not exist.
            drop(
                self.telemetry
                    .graph_field_dropped
                    .remove_label_values(&labels),
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, Drops> {
        self.drops.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for DroppedFields {
    /// A client is dropped together with its app, or when its credentials change.
    fn drop(&mut self) {
        self.forget_all();
    }
}

impl DroppedFields {
    /// Forgets every rejection.
    pub fn forget_all(&self) {
        let drops = std::mem::take(&mut *self.lock());
        for (field, objects) in &drops.by_object {
            objects
                .keys()
                .for_each(|object| self.hide(*field, Some(object)));
        }
        for field in drops.by_endpoint.keys() {
            self.hide(*field, None);
        }
    }
}

/// The labels of the gauge. The account is empty for a whole endpoint and for requests about a portfolio.
fn labels((endpoint, field): EndpointField, object: Option<&str>) -> [&str; 3] {
    let is_of_account = endpoint.requested_node() == Some(NodeKind::Account);
    let waba_id = object.filter(|_| is_of_account).unwrap_or_default();
    [endpoint.as_str(), field, waba_id]
}

fn log(target: RequestTarget<'_>, field: &str, refused_by: usize) {
    let (endpoint, id) = (target.endpoint.as_str(), target.object);
    if refused_by <= MAX_LOGGED {
        tracing::warn!(
            endpoint,
            field,
            id,
            "meta rejected a field; omitting it from requests for this id for a day"
        );
    } else if refused_by == MAX_LOGGED + 1 {
        tracing::warn!(
            endpoint,
            field,
            "meta rejected the field for more ids than are logged; see whatsapp_exporter_graph_field_dropped"
        );
    }
}

#[cfg(test)]
mod tests;
