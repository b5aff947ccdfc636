//! Renders the requested fields of a node or an edge, with nested expansion and pages.
//!
//! Invariant: nodes are looked up only for the rendered page, so that listings of ten thousand templates are fast.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::{Map, Value, json};

use super::call::version_number;
use super::error::GraphError;
use super::fields::{Field, join};
use super::nodes::ReadableNode;
use super::paging::{self, PageRange};
use crate::simulator::world::World;

/// The first version that returns only the new limit if both are requested, as reported in 2026.
const ONLY_NEW_LIMIT_SINCE: (u32, u32) = (25, 0);
const OLD_LIMIT: &str = "messaging_limit_tier";
const NEW_LIMIT: &str = "whatsapp_business_manager_messaging_limit";

/// Context of rendering, in addition to the world.
#[derive(Debug, Default)]
pub struct Rules {
    /// Version of the response.
    pub version: String,
    /// Fields that no type has, in addition to the world's own.
    pub gone_fields: Vec<String>,
    /// Fields that the API version has deprecated, rejected in Meta's other wording.
    pub deprecated_fields: Vec<String>,
    /// Fields that are omitted without an error.
    pub missing_fields: Vec<String>,
    /// Whether edges inside `fields=` are rejected.
    pub refuses_expansion: bool,
    /// Whether every page claims to have a next one.
    pub pages_never_end: bool,
    /// Host in `next` instead of Meta's.
    pub next_origin: Option<String>,
    /// The token, if the request has it in the query. `next` then contains it, as in recorded calls.
    pub token_in_urls: Option<String>,
}

/// Renders nodes and edges of one world under one set of rules.
#[derive(Debug, Clone, Copy)]
pub struct Renderer<'a> {
    /// The world to render.
    pub world: &'a World,
    /// The rules of rendering.
    pub rules: &'a Rules,
}

/// Parameters of a request for an edge.
#[derive(Debug, Default)]
pub struct EdgeQuery {
    /// Fields of each node; `None` for the default set.
    pub fields: Option<Vec<Field>>,
    /// Every other parameter: `limit`, `after`, `summary`, filters.
    pub parameters: Vec<(String, String)>,
}

impl EdgeQuery {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Template attributes that the edge can be filtered by, and the field each compares with.
const FILTERS: [(&str, &str); 5] = [
    ("status", "status"),
    ("category", "category"),
    ("language", "language"),
    ("name", "name"),
    ("quality_score", "quality_score"),
];

impl Renderer<'_> {
    /// One node with the requested fields, or its default fields.
    ///
    /// # Errors
    /// 100 for a field that the type does not have.
    pub fn node(
        self,
        node: &ReadableNode<'_>,
        fields: Option<&[Field]>,
    ) -> Result<Value, GraphError> {
        let mut answer = Map::from_iter([("id".to_owned(), json!(node.id()))]);
        let Some(fields) = fields else {
            for name in node.default_fields() {
                self.put(&mut answer, node, name, None);
            }
            return Ok(Value::Object(answer));
        };
        for field in fields {
            self.check(node, field)?;
            match node.edge(self.world, &field.name) {
                Some(_) => {
                    let query = EdgeQuery {
                        fields: field.children.clone(),
                        parameters: field.modifiers.clone(),
                    };
                    answer.insert(field.name.clone(), self.edge(node, &field.name, &query)?);
                }
                None if self.is_superseded(node, fields, &field.name) => {}
                None => self.put(&mut answer, node, &field.name, field.children.as_deref()),
            }
        }
        Ok(Value::Object(answer))
    }

    /// One page of an edge.
    ///
    /// # Errors
    /// 100 if the node has no such edge, a field is unknown, or `limit` or a cursor is invalid.
    pub fn edge(
        self,
        node: &ReadableNode<'_>,
        name: &str,
        query: &EdgeQuery,
    ) -> Result<Value, GraphError> {
        let all = node
            .edge(self.world, name)
            .ok_or_else(|| GraphError::nonexisting_field(name, node.type_name()))?;
        let listed = self.filtered(all, name, query);
        let window = PageRange::read(
            query.parameter("limit"),
            query.parameter("after"),
            query.parameter("before"),
            listed.len(),
        )?;
        let mut data = Vec::with_capacity(window.items.len());
        for id in &listed[window.items.clone()] {
            if let Some(item) = ReadableNode::find(self.world, id) {
                data.push(self.node(&item, query.fields.as_deref())?);
            }
        }
        let mut page = json!({ "data": data });
        if let Some(paging) = self.paging(node, name, query, &window, listed.len()) {
            page["paging"] = paging;
        }
        if let Some(summary) = query.parameter("summary") {
            page["summary"] = self.summary(node, name, summary, listed.len());
        }
        Ok(page)
    }

    fn put(
        self,
        answer: &mut Map<String, Value>,
        node: &ReadableNode<'_>,
        name: &str,
        children: Option<&[Field]>,
    ) {
        if self
            .rules
            .missing_fields
            .iter()
            .any(|missing| missing == name)
            || self.is_gone(node, name)
            || self.deprecated(name).is_some()
        {
            return;
        }
        if let Some(value) = node.value(self.world, name) {
            answer.insert(name.to_owned(), narrowed(value, children));
        }
    }

    fn check(self, node: &ReadableNode<'_>, field: &Field) -> Result<(), GraphError> {
        if let Some(deprecated) = self.deprecated(&field.name) {
            return Err(GraphError::deprecated_field(
                deprecated,
                &self.rules.version,
            ));
        }
        let is_edge = node.expands(self.world, &field.name);
        let is_refused = is_edge && self.rules.refuses_expansion;
        if is_refused
            || self.is_gone(node, &field.name)
            || !(is_edge || node.has_field(&field.name))
        {
            return Err(GraphError::nonexisting_field(&field.name, node.type_name()));
        }
        Ok(())
    }

    fn deprecated(&self, name: &str) -> Option<&str> {
        let mut deprecated = self.rules.deprecated_fields.iter();
        deprecated.find(|field| *field == name).map(String::as_str)
    }

    fn is_gone(self, node: &ReadableNode<'_>, name: &str) -> bool {
        let account = node.account(self.world);
        self.world.retired_fields.contains(name)
            || account.is_some_and(|account| account.retired_fields.contains(name))
            || self.rules.gone_fields.iter().any(|gone| gone == name)
    }

    fn is_superseded(self, node: &ReadableNode<'_>, fields: &[Field], name: &str) -> bool {
        matches!(node, ReadableNode::PhoneNumber(_))
            && name == OLD_LIMIT
            && version_number(&self.rules.version) >= ONLY_NEW_LIMIT_SINCE
            && fields.iter().any(|field| field.name == NEW_LIMIT)
    }

    fn filtered<'b>(
        self,
        all: Vec<Cow<'b, str>>,
        name: &str,
        query: &EdgeQuery,
    ) -> Vec<Cow<'b, str>> {
        let wanted: Vec<(&str, &str)> = FILTERS
            .iter()
            .filter_map(|(parameter, field)| Some((*field, query.parameter(parameter)?)))
            .collect();
        if name != "message_templates" || wanted.is_empty() {
            return all;
        }
        let matches = |id: &Cow<'_, str>| {
            self.world.find_template(id).is_some_and(|template| {
                wanted.iter().all(|(field, value)| match *field {
                    "status" => template.status == *value,
                    "category" => template.category == *value,
                    "language" => template.language == *value,
                    "quality_score" => template.quality_score == *value,
                    _ => template.name == *value,
                })
            })
        };
        all.into_iter().filter(matches).collect()
    }

    /// `paging`: absent for an empty list. `after` is always present, `next` only if another page follows.
    fn paging(
        self,
        node: &ReadableNode<'_>,
        name: &str,
        query: &EdgeQuery,
        window: &PageRange,
        total: usize,
    ) -> Option<Value> {
        let Range { start, end } = window.items;
        if start == end && !self.rules.pages_never_end {
            return None;
        }
        let before = paging::cursor(start);
        let after = paging::cursor(end.saturating_sub(1));
        let mut paging = json!({"cursors": {"before": before, "after": after}});
        if end < total || self.rules.pages_never_end {
            paging["next"] = self
                .page_url(node, name, query, window.limit, "after", &after)
                .into();
        }
        if start > 0 {
            paging["previous"] = self
                .page_url(node, name, query, window.limit, "before", &before)
                .into();
        }
        Some(paging)
    }

    fn page_url(
        self,
        node: &ReadableNode<'_>,
        edge: &str,
        query: &EdgeQuery,
        limit: usize,
        direction: &str,
        cursor: &str,
    ) -> String {
        let origin = self
            .rules
            .next_origin
            .as_deref()
            .unwrap_or(paging::META_ORIGIN);
        let mut parameters: Vec<(&str, String)> = Vec::new();
        if let Some(token) = &self.rules.token_in_urls {
            parameters.push(("access_token", token.clone()));
        }
        if let Some(fields) = &query.fields {
            parameters.push(("fields", join(fields)));
        }
        let replaced = ["after", "before", "limit", "fields"];
        let kept = query
            .parameters
            .iter()
            .filter(|(name, _)| !replaced.contains(&name.as_str()));
        parameters.extend(kept.map(|(name, value)| (name.as_str(), value.clone())));
        parameters.push(("limit", limit.to_string()));
        parameters.push((direction, cursor.to_owned()));
        paging::url(
            &format!("{origin}/{}/{}/{edge}", self.rules.version, node.id()),
            &parameters,
        )
    }

    /// `summary=total_count,message_template_limit,…`: counts without paging.
    fn summary(self, node: &ReadableNode<'_>, edge: &str, asked: &str, total: usize) -> Value {
        let mut summary = Map::new();
        for name in asked.split(',').map(str::trim) {
            let value = match (name, node, edge) {
                ("total_count", ..) => json!(total),
                ("message_template_count", ReadableNode::Account(account), "message_templates") => {
                    json!(account.template_count())
                }
                ("message_template_limit", ReadableNode::Account(account), "message_templates") => {
                    json!(account.message_template_limit)
                }
                ("are_translations_complete", _, "message_templates") => json!(true),
                _ => continue,
            };
            summary.insert(name.to_owned(), value);
        }
        Value::Object(summary)
    }
}

/// `quality_score{score}` keeps only `score`.
fn narrowed(value: Value, children: Option<&[Field]>) -> Value {
    match (value, children) {
        (Value::Object(object), Some(children)) => Value::Object(
            object
                .into_iter()
                .filter(|(key, _)| children.iter().any(|child| child.name == *key))
                .collect(),
        ),
        (value, _) => value,
    }
}
