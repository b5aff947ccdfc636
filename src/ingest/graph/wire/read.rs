//! The readers that tables of attributes name, and what else a node's fields need.
//!
//! A reader gets the paths that its row declares. A path is a field of the node, or a field and a member of the object
//! there: `owner_business_info.id`. What a row declares is therefore what is both requested and read.

use serde_json::Value;

use super::health;
use crate::domain::number::ThroughputLevel;
use crate::domain::{BusinessId, Health, MessagingLimit, QualityRating, Timestamp, Word};
use crate::ingest::{Object, ParseWarnings};

/// Messages a second from which a throughput given as a number is the higher level.
const HIGH_THROUGHPUT: u64 = 1_000;

/// Makes the reader of a node's attributes, and the list of their paths, of a table.
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

        fn read_attributes(snapshot: &mut Snapshot, node: &Object<'_>, odd: &mut ParseWarnings) {
            // The reader's name stands alone, so that an error in it points at the row.
            use $crate::ingest::graph::wire::read::*;
            $(snapshot.$name = $reader(node, [$($path),+], odd);)+
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
    node: &Object<'a>,
    path: &'static str,
    odd: &mut ParseWarnings,
) -> Option<(Object<'a>, &'static str)> {
    match field_and_member(path) {
        (field, None) => Some((*node, field)),
        (field, Some(member)) => Some((node.object(field, field, odd)?, member)),
    }
}

/// Static text.
pub fn text(
    node: &Object<'_>,
    [path]: [&'static str; 1],
    odd: &mut ParseWarnings,
) -> Option<String> {
    let (object, key) = at(node, path, odd)?;
    object.text(key, odd)
}

/// One of Meta's words.
pub fn word<W: Word>(
    node: &Object<'_>,
    [path]: [&'static str; 1],
    odd: &mut ParseWarnings,
) -> Option<W> {
    let (object, key) = at(node, path, odd)?;
    object.word(key, odd)
}

/// A messaging limit in any of its spellings.
pub fn limit(
    node: &Object<'_>,
    [path]: [&'static str; 1],
    odd: &mut ParseWarnings,
) -> Option<MessagingLimit> {
    let (object, key) = at(node, path, odd)?;
    object.limit(key, odd)
}

/// The id of a business.
pub fn business_id(
    node: &Object<'_>,
    [path]: [&'static str; 1],
    odd: &mut ParseWarnings,
) -> Option<BusinessId> {
    let (object, key) = at(node, path, odd)?;
    object.parsed(key, BusinessId::parse, odd)
}

/// A node's `health_status`.
pub fn health(
    node: &Object<'_>,
    [field]: [&'static str; 1],
    odd: &mut ParseWarnings,
) -> Option<Health> {
    health::from_node(node, field, odd)
}

/// A language with an underscore; Meta writes both `en_US` and `en-US`.
pub fn language(
    node: &Object<'_>,
    path: [&'static str; 1],
    odd: &mut ParseWarnings,
) -> Option<String> {
    text(node, path, odd).map(|language| language.replace('-', "_"))
}

/// The portfolio's limit. The number's own, which it replaced, counts only if the portfolio's is not sent: a portfolio
/// without a tier has no limit yet.
pub fn messaging_limit(
    node: &Object<'_>,
    [portfolio, number]: [&'static str; 2],
    odd: &mut ParseWarnings,
) -> Option<MessagingLimit> {
    let field = if node.has(portfolio) {
        portfolio
    } else {
        number
    };
    limit(node, [field], odd)
}

/// The rating, or else the score.
pub fn quality_rating(
    node: &Object<'_>,
    [rating, score]: [&'static str; 2],
    odd: &mut ParseWarnings,
) -> Option<QualityRating> {
    word(node, [rating], odd).or_else(|| quality_score(node, [score], odd))
}

/// `{"score": "GREEN"}`, or the bare word that some answers have.
pub fn quality_score(
    node: &Object<'_>,
    [field]: [&'static str; 1],
    odd: &mut ParseWarnings,
) -> Option<QualityRating> {
    match node.get(field)? {
        Value::String(_) => node.word(field, odd),
        _ => node.object(field, field, odd)?.word("score", odd),
    }
}

/// The `date` beside the score; a bare word has none. 0 is no date, as in the rest of the Graph API.
pub fn quality_score_date(
    node: &Object<'_>,
    [path]: [&'static str; 1],
    odd: &mut ParseWarnings,
) -> Option<Timestamp> {
    let (field, _) = field_and_member(path);
    // What the field is otherwise, the reader of the score reports.
    node.get(field)
        .filter(|score| score.is_object() || score.is_array())?;
    let (score, key) = at(node, path, odd)?;
    score
        .time(key, odd)
        .filter(|date| *date > Timestamp::from_seconds(0))
}

/// `{"level": "STANDARD"}`, or a number of messages a second in its place.
pub fn throughput_level(
    node: &Object<'_>,
    [field]: [&'static str; 1],
    odd: &mut ParseWarnings,
) -> Option<ThroughputLevel> {
    let throughput = node.object(field, field, odd)?;
    match throughput.get("level")? {
        Value::Number(_) => {
            let high = throughput.count("level", odd)? >= HIGH_THROUGHPUT;
            Some(if high {
                ThroughputLevel::High
            } else {
                ThroughputLevel::Standard
            })
        }
        _ => throughput.word("level", odd),
    }
}

/// Nothing: the field's value means something only together with the id of this exporter's app, which the client adds.
pub fn read_with_own_app(
    _: &Object<'_>,
    [_]: [&'static str; 1],
    _: &mut ParseWarnings,
) -> Option<bool> {
    None
}
