//! Converts between the templates of accounts and their rows.
//!
//! A packed page refers to the newest listing of its account, whose time is in the row of the account. One transaction
//! changes both, and a listing that finds nothing new changes only the row of the account.

use std::sync::Arc;

use super::engine::{SavedTemplatePage, StoreError, TemplatePageRow};
use crate::domain::{TemplateId, WabaId};
use crate::state::{Account, Stamp, TemplatePage, Templates};

/// The rows of the pages whose stored form has changed.
pub fn for_templates(waba_id: &WabaId, before: &Account, now: &Account) -> Vec<TemplatePageRow> {
    let row = |first_id: &TemplateId, page| TemplatePageRow {
        waba_id: waba_id.to_string(),
        first_id: first_id.to_string(),
        page,
    };
    let listed_before = before.newest_template_listing();
    let listed = now.newest_template_listing();
    let (before, now) = (before.templates.pages(), now.templates.pages());
    let mut rows = Vec::new();
    for (first_id, page) in now {
        let known = before.get(first_id);
        if listed_before == listed && known.is_some_and(|known| Arc::ptr_eq(known, page)) {
            continue;
        }
        let saved = to_saved(page, listed);
        if known.map(|known| to_saved(known, listed_before)).as_ref() != Some(&saved) {
            rows.push(row(first_id, Some(saved)));
        }
    }
    let gone = before
        .keys()
        .filter(|first_id| !now.contains_key(*first_id));
    rows.extend(gone.map(|first_id| row(first_id, None)));
    rows
}

/// The templates of stored pages, of an account whose newest listing this is.
pub fn to_templates(
    pages: &[(String, SavedTemplatePage)],
    listed: Option<Stamp>,
) -> Result<Templates, StoreError> {
    let pages = pages.iter().map(|(first_id, page)| {
        let ids: Option<Vec<_>> = page
            .template_ids
            .split(' ')
            .map(TemplateId::parse)
            .collect();
        let templates = ids.and_then(|ids| TemplatePage::unpack(ids, &page.state, listed));
        let damaged = || StoreError::unreadable("a page of templates is damaged");
        let first_id = TemplateId::parse(first_id).ok_or_else(damaged)?;
        Ok((first_id, templates.ok_or_else(damaged)?))
    });
    let pages: Result<Vec<_>, StoreError> = pages.collect();
    pages.map(Templates::from_pages)
}

/// The stored form of a page.
pub fn to_saved(page: &TemplatePage, listed: Option<Stamp>) -> SavedTemplatePage {
    let ids = page.templates().iter().map(|one| one.id.as_str());
    SavedTemplatePage {
        template_ids: ids.collect::<Vec<_>>().join(" "),
        state: page.pack(listed),
    }
}
