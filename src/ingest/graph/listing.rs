//! Paging: forward by `cursors.after` while `paging.next` exists.
//!
//! `next` is a yes or no. It is an absolute URL of a newer version, at times with a token in it, and is
//! neither followed nor logged. On Meta's last page `after` is still there, so it alone proves nothing.

use serde_json::Value;

use super::Failure;
use crate::domain::Listing;

/// Objects on a page: the most Meta allows.
pub(super) const LARGEST_PAGE: u32 = 100;

/// When Meta asks for less data, pages are halved down to this.
pub(super) const SMALLEST_PAGE: u32 = 10;

/// Pages of one listing: six thousand templates, Meta's maximum, take 60 full pages, or 600 of the
/// smallest. More is a cursor that never ends.
pub(super) const MAX_PAGES: usize = 640;

/// What a listing brought, and what kept it from bringing everything.
#[derive(Debug)]
pub struct Listed<T> {
    /// The objects read; complete if the last page was reached.
    pub listing: Listing<T>,
    /// Why it is not complete.
    pub failure: Option<Failure>,
}

/// The objects on a page. A single object instead of a list is one; anything else is none.
pub(super) fn objects(page: &Value) -> &[Value] {
    match page.get("data") {
        Some(Value::Array(objects)) => objects,
        Some(object @ Value::Object(_)) => std::slice::from_ref(object),
        _ => &[],
    }
}

/// The cursor of the page after this one; none on the last.
pub(super) fn next_cursor(page: &Value) -> Option<&str> {
    let paging = page.get("paging")?;
    paging.get("next").filter(|next| !next.is_null())?;
    paging
        .get("cursors")?
        .get("after")?
        .as_str()
        .filter(|after| !after.is_empty())
}

/// Does the page say that there is another, but not how to get it?
pub(super) fn is_broken_off(page: &Value) -> bool {
    let has_next = page
        .pointer("/paging/next")
        .is_some_and(|next| !next.is_null());
    page.get("data").is_none_or(Value::is_null) || (has_next && next_cursor(page).is_none())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn next_tells_whether_and_after_tells_where() {
        let middle = json!({"data": [], "paging": {"cursors": {"after": "B"}, "next": "https://elsewhere.example/?after=X"}});
        assert_eq!(next_cursor(&middle), Some("B"));
        let last = json!({"data": [], "paging": {"cursors": {"after": "B"}}});
        let empty = json!({"data": []});
        assert!(next_cursor(&last).is_none() && next_cursor(&empty).is_none());
        assert!(!is_broken_off(&last) && !is_broken_off(&empty));
        assert!(is_broken_off(
            &json!({"data": [], "paging": {"next": "https://x"}})
        ));
        assert!(is_broken_off(&json!({"summary": {}})));
    }
}
