//! The omitted fields of each endpoint and object, and the fields that responses lack.

use std::collections::BTreeMap;

use super::{RejectionScope, RequestTarget};
use crate::domain::Timestamp;
use crate::ingest::graph::Endpoint;
use crate::ingest::graph::fields::{replaced, replacement};

pub(super) type EndpointField = (Endpoint, &'static str);

#[derive(Clone, Copy, Debug)]
pub(super) struct DroppedField {
    pub(super) until: Timestamp,
    pub(super) refusal: RejectionScope,
}

/// A field that responses lack although Meta does not reject it.
#[derive(Clone, Copy, Debug)]
pub(super) struct MissingField {
    /// Until when the deprecated form is requested.
    pub(super) until: Timestamp,
    /// Whether all nodes of the response lack it.
    pub(super) is_everywhere: bool,
}

#[derive(Debug, Default)]
pub(super) struct Drops {
    pub(super) by_object: BTreeMap<EndpointField, BTreeMap<String, DroppedField>>,
    pub(super) by_endpoint: BTreeMap<EndpointField, Timestamp>,
    /// Fields that responses about an object lack.
    pub(super) missing: BTreeMap<EndpointField, BTreeMap<String, MissingField>>,
    pub(super) first_expiry: Option<Timestamp>,
}

impl Drops {
    /// Whether requests include the field.
    pub(super) fn includes(&self, target: RequestTarget<'_>, field: &'static str) -> bool {
        if self.has(target, field) {
            return false;
        }
        match replacement(target.endpoint, field) {
            Some(replacement) => {
                self.has(target, replacement) || self.missing(target, replacement).is_some()
            }
            None => !self.is_superseded_by_old(target, field),
        }
    }

    /// Whether the deprecated form is requested alone. If both are requested, Meta omits the deprecated one.
    fn is_superseded_by_old(&self, target: RequestTarget<'_>, field: &'static str) -> bool {
        let is_missing = self
            .missing(target, field)
            .is_some_and(|missing| missing.is_everywhere);
        let deprecated = replaced(target.endpoint).find(|(_, replacement)| *replacement == field);
        is_missing && deprecated.is_some_and(|(deprecated, _)| !self.has(target, deprecated))
    }

    pub(super) fn missing(
        &self,
        target: RequestTarget<'_>,
        field: &'static str,
    ) -> Option<MissingField> {
        let objects = self.missing.get(&(target.endpoint, field))?;
        objects.get(target.object).copied()
    }

    pub(super) fn expire_at(&mut self, until: Timestamp) {
        self.first_expiry = Some(self.first_expiry.map_or(until, |first| first.min(until)));
    }

    pub(super) fn has(&self, target: RequestTarget<'_>, field: &'static str) -> bool {
        let field = (target.endpoint, field);
        self.by_endpoint.contains_key(&field)
            || self
                .by_object
                .get(&field)
                .is_some_and(|objects| objects.contains_key(target.object))
    }
}
