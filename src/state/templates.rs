//! The templates of an account, in pages.
//!
//! A page is copied, compared and stored as a whole. An account of 200 templates therefore has six rows instead of 200,
//! a clone of it shares six pages, and a template takes neither an allocation nor a map entry of its own. A page is so
//! small that a webhook about one of its templates writes about four kilobytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Template;
use super::redate::{Dated, Redating};
use crate::domain::TemplateId;

/// Maximum number of templates of a page. A full page is split in two.
const PAGE: usize = 64;

/// Templates by id.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    /// A page has the templates from its key to that of the next page.
    pages: BTreeMap<TemplateId, Arc<TemplatePage>>,
}

/// Neighbouring templates, sorted by id; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplatePage(Vec<Template>);

impl TemplatePage {
    /// The templates, sorted by id.
    #[must_use]
    pub fn templates(&self) -> &[Template] {
        &self.0
    }

    fn find(&self, id: &TemplateId) -> Result<usize, usize> {
        self.0.binary_search_by(|template| template.id.cmp(id))
    }
}

impl Templates {
    /// The templates of stored pages.
    pub(crate) fn from_pages(pages: impl IntoIterator<Item = (TemplateId, Vec<Template>)>) -> Self {
        let pages = pages.into_iter().filter(|(_, page)| !page.is_empty());
        let pages = pages.map(|(first, page)| (first, Arc::new(TemplatePage(page))));
        Self {
            pages: pages.collect(),
        }
    }

    /// These templates in full pages.
    pub(crate) fn from_unsorted(mut templates: Vec<Template>) -> Self {
        templates.sort_by(|one, other| one.id.cmp(&other.id));
        let pages = templates.chunks(PAGE);
        Self::from_pages(pages.map(|page| (page[0].id.clone(), page.to_vec())))
    }

    /// The pages by their keys.
    pub(crate) fn pages(&self) -> &BTreeMap<TemplateId, Arc<TemplatePage>> {
        &self.pages
    }

    /// The template with this id.
    #[must_use]
    pub fn get(&self, id: &TemplateId) -> Option<&Template> {
        let (_, page) = self.page_of(id)?;
        page.find(id).ok().map(|place| &page.0[place])
    }

    /// Whether there is a template with this id.
    #[must_use]
    pub fn contains(&self, id: &TemplateId) -> bool {
        self.get(id).is_some()
    }

    /// All templates, sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = &Template> {
        self.pages.values().flat_map(|page| page.0.iter())
    }

    /// Number of templates.
    pub(super) fn len(&self) -> usize {
        self.pages.values().map(|page| page.0.len()).sum()
    }

    /// The template with this id, which is added if it is new.
    pub(super) fn get_or_add(&mut self, id: &TemplateId) -> &mut Template {
        let key = match self.page_of(id).map(|(key, _)| key.clone()) {
            Some(key) => self.with_room(key, id),
            None => self.first_page_from(id),
        };
        let page = self.pages.entry(key);
        let page = Arc::make_mut(page.or_insert_with(|| Arc::new(TemplatePage(Vec::new()))));
        let place = page.find(id).unwrap_or_else(|place| {
            page.0.insert(place, Template::new(id.clone()));
            place
        });
        &mut page.0[place]
    }

    /// Removes the templates that are not to be kept.
    pub(super) fn retain(&mut self, is_kept: impl Fn(&Template) -> bool) {
        self.pages.retain(|_, page| {
            // A page is copied only if it changes.
            if !page.0.iter().all(&is_kept) {
                Arc::make_mut(page).0.retain(&is_kept);
            }
            !page.0.is_empty()
        });
    }

    /// Releases the memory that pages reserve for more templates. Call it after a listing.
    pub(super) fn shrink_to_fit(&mut self) {
        for page in self.pages.values_mut() {
            if let Some(page) = Arc::get_mut(page) {
                page.0.shrink_to_fit();
            }
        }
    }

    /// The page that this template belongs to, with its key. `None` if it is before all pages.
    fn page_of(&self, id: &TemplateId) -> Option<(&TemplateId, &Arc<TemplatePage>)> {
        self.pages.range(..=id).next_back()
    }

    /// The key of the page for a template before all pages: the first page begins with it from now on, if it has room.
    fn first_page_from(&mut self, id: &TemplateId) -> TemplateId {
        if let Some(first) = self.pages.first_entry()
            && first.get().0.len() < PAGE
        {
            let page = first.remove();
            self.pages.insert(id.clone(), page);
        }
        id.clone()
    }

    /// The key of the page that this template belongs to, after splitting the page if it is full and lacks the template.
    fn with_room(&mut self, key: TemplateId, id: &TemplateId) -> TemplateId {
        let page = &self.pages[&key];
        let Err(place) = page.find(id) else {
            return key;
        };
        if page.0.len() < PAGE {
            return key;
        }
        // Ascending ids fill each page before the next one begins.
        if place == PAGE {
            return id.clone();
        }
        let page = Arc::make_mut(self.pages.get_mut(&key).expect("it was just found"));
        let upper = page.0.split_off(PAGE / 2);
        let middle = upper[0].id.clone();
        self.pages
            .insert(middle.clone(), Arc::new(TemplatePage(upper)));
        if *id < middle { key } else { middle }
    }
}

/// Compares templates only: which of them share a page depends on the order in which they were added.
impl PartialEq for Templates {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Templates {}

impl Dated for Templates {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.pages.times(see);
    }

    fn redate(&mut self, to: &Redating) {
        self.pages.redate(to);
    }
}

impl Dated for TemplatePage {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.0.times(see);
    }

    fn redate(&mut self, to: &Redating) {
        self.0.redate(to);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn id(which: u32) -> TemplateId {
        TemplateId::parse(&which.to_string()).expect("digits")
    }

    fn added(ids: &[u32]) -> Templates {
        let mut templates = Templates::default();
        for which in ids {
            assert_eq!(templates.get_or_add(&id(*which)).id, id(*which));
        }
        templates
    }

    proptest! {
        #[test]
        fn every_order_gives_the_same_sorted_templates(
            ids in prop::collection::vec(0..2_000_u32, 0..600),
            gone in 0..2_000_u32,
        ) {
            let mut templates = added(&ids);
            let mut expected: BTreeSet<TemplateId> = ids.iter().copied().map(id).collect();
            let found = |templates: &Templates| templates.iter().map(|one| one.id.clone()).collect::<Vec<_>>();
            prop_assert_eq!(found(&templates), expected.iter().cloned().collect::<Vec<_>>());
            let ascending: BTreeSet<u32> = ids.iter().copied().collect();
            prop_assert_eq!(&templates, &added(&ascending.into_iter().collect::<Vec<_>>()));
            for (key, page) in &templates.pages {
                prop_assert!((1..=PAGE).contains(&page.0.len()) && *key <= page.0[0].id);
            }
            prop_assert!(expected.iter().all(|id| templates.contains(id)));
            prop_assert_eq!(templates.contains(&id(gone)), expected.contains(&id(gone)));
            templates.retain(|one| one.id > id(gone));
            expected.retain(|one| *one > id(gone));
            prop_assert_eq!(templates.len(), expected.len());
            prop_assert_eq!(found(&templates), expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_clone_shares_the_pages_that_did_not_change() {
        let mut templates = added(&(0..1_000).collect::<Vec<_>>());
        let before = templates.clone();
        templates.get_or_add(&id(500));
        templates.retain(|_| true);
        let pages = templates.pages.values().zip(before.pages.values());
        let changed = pages.filter(|(now, before)| !Arc::ptr_eq(now, before));
        assert_eq!(changed.count(), 1);
    }

    #[test]
    fn ascending_ids_fill_their_pages() {
        let ids: Vec<u32> = (10_000..10_000 + 4 * PAGE as u32).collect();
        assert_eq!(added(&ids).pages.len(), 4);
    }
}
