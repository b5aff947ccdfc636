//! The stored form of templates before pages were introduced: JSON for each template.

use serde::Deserialize;

use super::saved::Saved;
use super::template::Attributes;
use super::{Latest, Stamp, Template};
use crate::domain::template::Category;
use crate::domain::{TemplateId, Timestamp};

/// The fields of that JSON.
#[derive(Deserialize)]
pub(crate) struct OlderTemplate {
    id: TemplateId,
    known_at: Stamp,
    #[serde(flatten)]
    attributes: Attributes,
    disable_at: Latest<Option<Timestamp>>,
    category_change: Latest<Option<(Category, Option<Timestamp>)>>,
    last_polled_category: Latest<Category>,
    #[serde(with = "Saved")]
    category_moves: Vec<(Category, Category, u64, u64)>,
}

impl From<OlderTemplate> for Template {
    fn from(older: OlderTemplate) -> Self {
        let mut template = Self::new(older.id);
        template.known_at = older.known_at;
        template.attributes = older.attributes;
        template.last_polled_category = older.last_polled_category;
        let has_notices = older.disable_at.stamp().is_some()
            || older.category_change.stamp().is_some()
            || !older.category_moves.is_empty();
        if has_notices {
            let notices = template.notices_mut();
            notices.disable_at = older.disable_at;
            notices.category_change = older.category_change;
            notices.category_moves = older.category_moves;
        }
        template
    }
}
