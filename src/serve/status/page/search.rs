//! The search field, and the links between the pages of accounts. Both work without scripts.

use maud::{Markup, html};
use reqwest::Url;

use crate::serve::status::Status;
use crate::serve::status::route::DEFAULT_LIMIT;
use crate::serve::status::selection::AccountSelection;
use crate::serve::status::words::{counted, grouped};

/// Whether there are accounts that the page does not show.
pub(super) fn is_shown(status: &Status) -> bool {
    status.selection.search.is_some() || status.summary.accounts > status.accounts.len()
}

/// The search field. Its address is relative, so that it works below a path of a proxy.
pub(super) fn field(status: &Status) -> Markup {
    let search = status.selection.search.as_ref();
    html! {
        @if is_shown(status) {
            form.search role="search" method="get" action="./" {
                label for="q" { "Account or phone number" }
                input #q type="search" name="q" value=[search.map(|search| &search.asked)]
                    placeholder="id, name or digits" autocomplete="off";
                button { "Search" }
            }
            @if let Some(search) = search {
                p role="status" {
                    (counted(status.accounts_found, "account")) " found for " bdi { (search.asked) } ". "
                    a href="./" { "All accounts" }
                }
            }
        }
    }
}

/// The place of the page among all, with links to its neighbours.
pub(super) fn pages(status: &Status) -> Markup {
    let selection = &status.selection;
    let first = selection.offset + 1;
    let last = selection.offset + status.accounts.len();
    let others = status
        .summary
        .accounts
        .saturating_sub(status.accounts_found);
    html! {
        @if is_shown(status) {
            nav.pages aria-label="Pages of accounts" {
                @if status.accounts_found > status.accounts.len() {
                    @if status.accounts.is_empty() { span { "No more accounts" } }
                    @else { span { "Accounts " (grouped(first as u64)) " to " (grouped(last as u64)) " of " (grouped(status.accounts_found as u64)) ", worst first" } }
                }
                @if let Some(offset) = status.previous_offset { a rel="prev" href=(address(selection, offset)) { "Previous page" } }
                @if let Some(offset) = status.next_offset { a rel="next" href=(address(selection, offset)) { "Next page" } }
                @if selection.search.is_none() && others > 0 { span { (counted(others, "account")) " more" } a href="./" { "All accounts" } }
            }
        }
    }
}

/// The address of another page of the same accounts, relative to this one.
fn address(selection: &AccountSelection, offset: usize) -> String {
    let mut parameters: Vec<(&str, String)> = Vec::new();
    if let Some(search) = &selection.search {
        parameters.push(("q", search.asked.clone()));
    }
    if selection.limit != DEFAULT_LIMIT {
        parameters.push(("limit", selection.limit.to_string()));
    }
    parameters.push(("offset", offset.to_string()));
    let here = Url::parse_with_params("http://here/", &parameters);
    let query = here.ok().and_then(|url| url.query().map(str::to_owned));
    format!("./?{}", query.unwrap_or_default())
}
