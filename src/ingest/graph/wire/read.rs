//! The readers that attribute tables refer to, and helpers for the fields of a node.
//!
//! A reader gets the paths that its row declares. A path is a field of the node, or a field and a member of the
//! object there: `owner_business_info.id`. So a row declares both what is requested and what is read.

use compact_str::CompactString;
use serde_json::Value;

pub use super::callback::webhook_configuration;
use super::health;
use crate::domain::account::Funding;
use crate::domain::number::ThroughputLevel;
use crate::domain::{
    BusinessId, Health, HealthDetails, MessagingLimit, QualityRating, Timestamp, Word,
};
use crate::ingest::{MetaObject, ParseWarnings};

/// Messages per second from which a numeric throughput is the higher level.
const HIGH_THROUGHPUT: u64 = 1_000;

/// Generates the reader of a node's attributes, and the list of their paths, from a table.
macro_rules! node_reader {
    (
        $(node $id:ty;)?
        polled {$(
            $(#[$doc:meta])*
            $name:ident: $kind:ident<$type:ty> = $reader:ident($($path:literal),+) $(, $shared:ident)?;
        )+}
        $($without_reader:tt)*
    ) => {
        /// The paths that the attributes are read from, in the order of the table.
        pub(in crate::ingest::graph) const PATHS: &[&str] = &[$($($path,)+)+];

        fn read_attributes(snapshot: &mut Snapshot, node: &MetaObject<'_>, warnings: &mut ParseWarnings) {
            // The reader's name stands alone, so that a compiler error in it points at the row.
            use $crate::ingest::graph::wire::read::*;
            $(snapshot.$name = $reader(node, [$($path),+], warnings);)+
        }
    };
}
pub(super) use node_reader;

/// The field of a path, and the member within it if the path has one.
pub(in crate::ingest::graph) fn field_and_member(
    path: &'static str,
) -> (&'static str, Option<&'static str>) {
    match path.split_once('.') {
        Some((field, member)) => (field, Some(member)),
        None => (path, None),
    }
}

/// The object that has the value of a path, and the key of the value there.
fn at<'a>(
    node: &MetaObject<'a>,
    path: &'static str,
    warnings: &mut ParseWarnings,
) -> Option<(MetaObject<'a>, &'static str)> {
    match field_and_member(path) {
        (field, None) => Some((*node, field)),
        (field, Some(member)) => Some((node.object(field, field, warnings)?, member)),
    }
}

/// Static text.
pub fn text(
    node: &MetaObject<'_>,
    [path]: [&'static str; 1],
    warnings: &mut ParseWarnings,
) -> Option<String> {
    let (object, key) = at(node, path, warnings)?;
    object.text(key, warnings)
}

/// A text of which there are millions.
pub fn compact_text(
    node: &MetaObject<'_>,
    path: [&'static str; 1],
    warnings: &mut ParseWarnings,
) -> Option<CompactString> {
    text(node, path, warnings).map(CompactString::from)
}

/// One of Meta's words.
pub fn word<W: Word>(
    node: &MetaObject<'_>,
    [path]: [&'static str; 1],
    warnings: &mut ParseWarnings,
) -> Option<W> {
    let (object, key) = at(node, path, warnings)?;
    object.word(key, warnings)
}

/// A messaging limit in any of its spellings.
pub fn limit(
    node: &MetaObject<'_>,
    [path]: [&'static str; 1],
    warnings: &mut ParseWarnings,
) -> Option<MessagingLimit> {
    let (object, key) = at(node, path, warnings)?;
    object.limit(key, warnings)
}

/// The id of a business.
pub fn business_id(
    node: &MetaObject<'_>,
    [path]: [&'static str; 1],
    warnings: &mut ParseWarnings,
) -> Option<BusinessId> {
    let (object, key) = at(node, path, warnings)?;
    object.parsed(key, BusinessId::parse, warnings)
}

/// A node's `health_status`.
pub fn health(
    node: &MetaObject<'_>,
    [field]: [&'static str; 1],
    warnings: &mut ParseWarnings,
) -> Option<Health> {
    health::from_node(node, field, warnings)
}

/// The errors and remarks in a node's `health_status`.
pub fn health_details(
    node: &MetaObject<'_>,
    [field]: [&'static str; 1],
    warnings: &mut ParseWarnings,
) -> Option<HealthDetails> {
    health::details_from_node(node, field, warnings)
}

/// A switch.
pub fn flag(
    node: &MetaObject<'_>,
    [path]: [&'static str; 1],
    warnings: &mut ParseWarnings,
) -> Option<bool> {
    let (object, key) = at(node, path, warnings)?;
    object.flag(key, warnings)
}

/// Whether the field has a value. Without one, only the client knows whether it was requested.
pub fn funding(
    node: &MetaObject<'_>,
    [field]: [&'static str; 1],
    _: &mut ParseWarnings,
) -> Option<Funding> {
    let has_value = match node.get(field)? {
        Value::String(id) => !["", "0"].contains(&id.trim()),
        Value::Number(id) => id.as_u64() != Some(0),
        Value::Array(ids) => !ids.is_empty(),
        Value::Object(_) => true,
        Value::Bool(_) | Value::Null => false,
    };
    has_value.then_some(Funding::Attached)
}

/// A language with an underscore, because Meta writes both `en_US` and `en-US`.
pub fn language(
    node: &MetaObject<'_>,
    path: [&'static str; 1],
    warnings: &mut ParseWarnings,
) -> Option<CompactString> {
    text(node, path, warnings).map(|language| language.replace('-', "_").into())
}

/// The portfolio's limit. The number's own limit, which it replaced, counts only if the portfolio's is not sent. A
/// portfolio without a tier has no limit yet.
pub fn messaging_limit(
    node: &MetaObject<'_>,
    [portfolio, number]: [&'static str; 2],
    warnings: &mut ParseWarnings,
) -> Option<MessagingLimit> {
    let field = if node.has(portfolio) {
        portfolio
    } else {
        number
    };
    limit(node, [field], warnings)
}

/// The rating, or the score if there is no rating.
pub fn quality_rating(
    node: &MetaObject<'_>,
    [rating, score]: [&'static str; 2],
    warnings: &mut ParseWarnings,
) -> Option<QualityRating> {
    word(node, [rating], warnings).or_else(|| quality_score(node, [score], warnings))
}

/// `{"score": "GREEN"}`, or the word itself in some responses.
pub fn quality_score(
    node: &MetaObject<'_>,
    [field]: [&'static str; 1],
    warnings: &mut ParseWarnings,
) -> Option<QualityRating> {
    match node.get(field)? {
        Value::String(_) => node.word(field, warnings),
        _ => node.object(field, field, warnings)?.word("score", warnings),
    }
}

/// The `date` next to the score; a score that is only a word has none. 0 means no date, as in the rest of the Graph
/// API.
pub fn quality_score_date(
    node: &MetaObject<'_>,
    [path]: [&'static str; 1],
    warnings: &mut ParseWarnings,
) -> Option<Timestamp> {
    let (field, _) = field_and_member(path);
    // The reader of the score reports other types of the field.
    node.get(field)
        .filter(|score| score.is_object() || score.is_array())?;
    let (score, key) = at(node, path, warnings)?;
    score
        .time(key, warnings)
        .filter(|date| *date > Timestamp::from_seconds(0))
}

/// `{"level": "STANDARD"}`, or a number of messages per second instead.
pub fn throughput_level(
    node: &MetaObject<'_>,
    [field]: [&'static str; 1],
    warnings: &mut ParseWarnings,
) -> Option<ThroughputLevel> {
    let throughput = node.object(field, field, warnings)?;
    match throughput.get("level")? {
        Value::Number(_) => {
            let high = throughput.count("level", warnings)? >= HIGH_THROUGHPUT;
            Some(if high {
                ThroughputLevel::High
            } else {
                ThroughputLevel::Standard
            })
        }
        _ => throughput.word("level", warnings),
    }
}

/// Reads nothing: the field is meaningful only with the id of this exporter's app, which the client adds.
pub fn read_with_own_app<T>(
    _: &MetaObject<'_>,
    [_]: [&'static str; 1],
    _: &mut ParseWarnings,
) -> Option<T> {
    None
}
