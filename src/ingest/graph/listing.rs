//! Paging: follows `cursors.after` while `paging.next` exists.
//!
//! `next` only shows whether another page exists. It is an absolute URL of a newer version, sometimes with a token in
//! it, and is neither followed nor logged. On Meta's last page `after` is still present, so it does not show that
//! another page exists.

use std::collections::BTreeSet;

use serde_json::Value;

use super::dropped::{RejectionScope, RequestTarget};
use super::fields::SUMMARY;
use super::transport::{Caller, Query};
use super::{Client, Endpoint, Failure, FailureKind, Listed};
use crate::clock;
use crate::domain::{Listing, ceiling};
use crate::ingest::ParseWarnings;

/// Number of objects on a page: the maximum that Meta allows.
pub const LARGEST_PAGE: u32 = 100;

/// Smallest page. Pages are halved down to this if Meta asks for less data.
const SMALLEST_PAGE: u32 = 10;

/// Maximum number of pages of one listing. Six thousand templates, Meta's maximum, take 60 full pages, or 600 of the
/// smallest. More pages mean a cursor that never ends.
const MAX_PAGES: usize = 640;

/// Maximum number of objects of one listing. Meta does not list more, so a longer listing is not read to its end.
fn most_objects(endpoint: Endpoint) -> usize {
    match endpoint {
        Endpoint::PhoneNumbers => ceiling::NUMBERS,
        Endpoint::MessageTemplates => ceiling::TEMPLATES,
        _ => ceiling::ACCOUNTS,
    }
}

/// Summary fields of the first page of templates: their number and the limit.
const TOTALS: &str = "total_count,message_template_count,message_template_limit";

/// Progress of a listing.
#[derive(Default)]
pub(super) struct ListingProgress {
    cursors: BTreeSet<String>,
    after: Option<String>,
}

/// Sizes of requested pages.
struct PageSize {
    objects: u32,
    may_retry: bool,
}

impl Client {
    /// Reads pages until the last one or until a failure. Keeps what was read in both cases.
    pub(super) async fn list<T>(
        &self,
        (endpoint, path): (Endpoint, &str),
        caller: Caller<'_>,
        read: impl Fn(&Value, &mut ParseWarnings) -> Option<T>,
        mut note_page: impl FnMut(&Value),
    ) -> Listed<T> {
        let (mut found, mut unreadable) = (Vec::new(), 0);
        let mut place = ListingProgress::default();
        let mut size = PageSize {
            objects: LARGEST_PAGE,
            may_retry: true,
        };
        let mut may_start_over = true;
        // Recorded at the end, so that a restarted listing does not count them twice.
        let mut warnings = ParseWarnings::new();
        let failure = loop {
            let after = place.after.as_deref();
            let page = self.page((endpoint, path), size.objects, after, caller);
            let page = match page.await {
                Ok(page) => page,
                // The list changed during paging, so only a new listing can be complete.
                Err(failure) if failure.is_invalid_cursor(endpoint) => {
                    if place.after.is_none() || !std::mem::take(&mut may_start_over) {
                        break Some(failure);
                    }
                    (found, unreadable, place) = (Vec::new(), 0, ListingProgress::default());
                    warnings.clear();
                    continue;
                }
                Err(failure) if size.shrink_for(&failure) => continue,
                Err(failure) => break Some(failure),
            };
            let room = most_objects(endpoint) - found.len();
            let on_page = objects(&page);
            for object in on_page.iter().take(room) {
                match read(object, &mut warnings) {
                    Some(object) => found.push(object),
                    None => unreadable += 1,
                }
            }
            note_page(&page);
            if on_page.len() > room {
                let failure = Failure::new(FailureKind::TooMany);
                break Some(self.transport.count(endpoint, failure));
            }
            match place.advance(&page) {
                Ok(true) => {}
                Ok(false) if unreadable == 0 => break None,
                // The unreadable part may be a known object, which must not be removed for being absent.
                Ok(false) => {
                    let failure = Failure::new(FailureKind::Malformed);
                    break Some(self.transport.count(endpoint, failure));
                }
                Err(failure) => break Some(self.transport.count(endpoint, failure)),
            }
        };
        warnings
            .iter()
            .for_each(|parse_warning| parse_warning.record(&self.telemetry));
        Listed {
            listing: Listing {
                objects: found,
                complete: failure.is_none(),
            },
            failure,
        }
    }

    /// Reads one page. Omits the summary while Meta rejects it.
    async fn page(
        &self,
        (endpoint, path): (Endpoint, &str),
        size: u32,
        after: Option<&str>,
        caller: Caller<'_>,
    ) -> Result<Value, Failure> {
        let mut query: Query = vec![("limit", size.to_string())];
        query.extend(after.map(|after| ("after", after.to_owned())));
        // The totals are on the first page; the others need not repeat them.
        let requests_summary = endpoint == Endpoint::MessageTemplates && after.is_none();
        let target = RequestTarget::new(endpoint, path);
        if !requests_summary || !self.fields.requests(target, SUMMARY, clock::now()) {
            return self.page_with_fallbacks(target, path, &query, caller).await;
        }
        let mut with_summary = query.clone();
        with_summary.push((SUMMARY, TOTALS.to_owned()));
        match self
            .call_with_fields(endpoint, path, &with_summary, &[], caller)
            .await
        {
            Err(failure) if is_about_the_question(&failure) => {
                let page = self
                    .call_with_fields(endpoint, path, &query, &[], caller)
                    .await?;
                self.fields
                    .drop_field(target, SUMMARY, RejectionScope::Unknown, clock::now());
                Ok(page)
            }
            page => page,
        }
    }
}

impl Client {
    /// Reads one page. Repeats the request once if that adds a deprecated field in place of a missing one.
    async fn page_with_fallbacks(
        &self,
        target: RequestTarget<'_>,
        path: &str,
        query: &Query,
        caller: Caller<'_>,
    ) -> Result<Value, Failure> {
        let request = || self.call_with_fields(target.endpoint, path, query, &[], caller);
        let page = request().await?;
        if !self
            .fields
            .note_missing(target, objects(&page), clock::now())
        {
            return Ok(page);
        }
        // Without the repetition, the page is as good as without the deprecated field.
        Ok(request().await.unwrap_or(page))
    }
}

impl ListingProgress {
    /// Cursor of the page to read. `None` for the first one.
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// Moves to the next page; returns `false` if this was the last one.
    pub fn advance(&mut self, page: &Value) -> Result<bool, Failure> {
        if is_broken_off(page) {
            return Err(Failure::new(FailureKind::Malformed));
        }
        let Some(cursor) = next_cursor(page) else {
            return Ok(false);
        };
        // A repeated cursor, or endless new ones, would make the loop infinite.
        if self.cursors.len() >= MAX_PAGES || !self.cursors.insert(cursor.to_owned()) {
            return Err(Failure::new(FailureKind::Malformed));
        }
        self.after = Some(cursor.to_owned());
        Ok(true)
    }
}

impl PageSize {
    /// Halves the page size if that may help; returns whether to retry.
    fn shrink_for(&mut self, failure: &Failure) -> bool {
        // A page that is too large for Meta often ends as a plain 500 or a timeout. It is retried once; the
        // schedule makes further attempts, with delays.
        let helps = failure.suggests_smaller_pages()
            || (failure.may_be_the_pages() && std::mem::take(&mut self.may_retry));
        if !helps || self.objects <= SMALLEST_PAGE {
            return false;
        }
        self.objects = (self.objects / 2).max(SMALLEST_PAGE);
        true
    }
}

fn is_about_the_question(failure: &Failure) -> bool {
    matches!(
        failure.kind(),
        FailureKind::InvalidParameter | FailureKind::UnknownField
    )
}

/// The objects on a page. A single object instead of a list counts as one; anything else as none.
fn objects(page: &Value) -> &[Value] {
    match page.get("data") {
        Some(Value::Array(objects)) => objects,
        Some(object @ Value::Object(_)) => std::slice::from_ref(object),
        _ => &[],
    }
}

/// The cursor of the next page. `None` on the last one.
fn next_cursor(page: &Value) -> Option<&str> {
    let paging = page.get("paging")?;
    paging.get("next").filter(|next| !next.is_null())?;
    paging
        .get("cursors")?
        .get("after")?
        .as_str()
        .filter(|after| !after.is_empty())
}

/// Whether the page is not a list, or has a next page without a cursor.
fn is_broken_off(page: &Value) -> bool {
    let has_next = page
        .pointer("/paging/next")
        .is_some_and(|next| !next.is_null());
    let is_list = page
        .get("data")
        .is_some_and(|data| data.is_array() || data.is_object());
    !is_list || (has_next && next_cursor(page).is_none())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_next_page_needs_next_and_its_cursor_is_after() {
        let middle = json!({"data": [], "paging": {"cursors": {"after": "B"}, "next": "https://elsewhere.example/?after=X"}});
        assert_eq!(next_cursor(&middle), Some("B"));
        let last = json!({"data": [], "paging": {"cursors": {"after": "B"}}});
        let empty = json!({"data": []});
        assert!(next_cursor(&last).is_none() && next_cursor(&empty).is_none());
        assert!(!is_broken_off(&last) && !is_broken_off(&empty));
        assert!(is_broken_off(
            &json!({"data": [], "paging": {"next": "https://x"}})
        ));
        for no_list in [
            json!({"summary": {}}),
            json!({"data": null}),
            json!({"data": "none"}),
        ] {
            assert!(is_broken_off(&no_list), "{no_list}");
        }
    }
}
