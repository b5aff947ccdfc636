//! Cursor paging as in recorded calls: a cursor is a position in the list, not an item. See
//! <https://developers.facebook.com/docs/graph-api/results>.

use std::ops::Range;

use super::error::GraphError;

/// Default page length.
const DEFAULT_LIMIT: usize = 25;
/// Maximum page length; larger limits are reduced to it.
const MAX_LIMIT: usize = 100;
/// `paging.next` always has Meta's own host, whatever host the request had.
pub const META_ORIGIN: &str = "https://graph.facebook.com";

/// The part of a list on one page.
#[derive(Debug, PartialEq, Eq)]
pub struct PageRange {
    /// Positions on the page.
    pub items: Range<usize>,
    /// Page length of the request.
    pub limit: usize,
}

impl PageRange {
    /// Parses `limit`, `after` and `before` for a list of `total` items.
    ///
    /// # Errors
    /// 100 if the limit is not a number of at least 1, or a cursor is not one of this simulator.
    pub fn read(
        limit: Option<&str>,
        after: Option<&str>,
        before: Option<&str>,
        total: usize,
    ) -> Result<Self, GraphError> {
        let limit = match limit.map(str::parse::<usize>) {
            None => DEFAULT_LIMIT,
            Some(Ok(limit)) if limit >= 1 => limit.min(MAX_LIMIT),
            Some(_) => {
                return Err(GraphError::bad_request(
                    100,
                    "(#100) Param limit must be an integer greater than zero",
                ));
            }
        };
        let items = match (after, before) {
            (Some(after), _) => {
                let start = position(after)?.saturating_add(1).min(total);
                start..start.saturating_add(limit).min(total)
            }
            (None, Some(before)) => {
                let end = position(before)?.min(total);
                end.saturating_sub(limit)..end
            }
            (None, None) => 0..limit.min(total),
        };
        Ok(Self { items, limit })
    }
}

/// The cursor for a position.
#[must_use]
pub fn cursor(position: usize) -> String {
    hex::encode(position.to_string())
}

fn position(cursor: &str) -> Result<usize, GraphError> {
    hex::decode(cursor)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok())
        .ok_or_else(|| GraphError::bad_request(100, "(#100) Invalid cursors values"))
}

/// `base?name=value&…`, percent-encoded.
#[must_use]
pub fn url(base: &str, parameters: &[(&str, String)]) -> String {
    reqwest::Url::parse_with_params(base, parameters).map_or_else(|_| base.to_owned(), String::from)
}
