//! Reads the items of a list of mappings, such as journeys.

use std::collections::BTreeSet;

use super::setting::Setting;
use super::walker::Walker;
use crate::yaml::Node;

/// Reads one item.
pub(super) struct ItemReader<'w, 'a> {
    pub(super) walker: &'w mut Walker<'a>,
    pub(super) item: &'a Node,
    pub(super) index: usize,
}

/// A list whose items have ids.
pub(super) struct ItemList<'s> {
    /// Key of the list, such as `trackers.journeys`.
    pub(super) key: &'static str,
    /// Maximum number of items.
    pub(super) most: usize,
    /// The setting that is wrong if two items have the same id.
    pub(super) id: &'s Setting,
    /// The error in that case: what is wrong, and what to do.
    pub(super) twice: &'static str,
}

impl ItemList<'_> {
    /// Reads all items. `read` reports what is wrong with an item, and returns nothing then.
    pub(super) fn read<'a, T, Id: Ord>(
        &self,
        walker: &mut Walker<'a>,
        read: impl Fn(ItemReader<'_, 'a>) -> Option<T>,
        id: impl Fn(&T) -> Id,
    ) -> Vec<T> {
        // The check of the file's structure rejects anything but a list of mappings.
        let Some(Node::List(items)) = walker.node(self.key) else {
            return Vec::new();
        };
        if items.len() > self.most {
            let noun = self.key.rsplit('.').next().unwrap_or_default();
            let message = format!("has more than {} {noun}; remove some", self.most);
            walker.error(self.key, message);
        }
        let mut known = BTreeSet::new();
        let mut all = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let Node::Map(_) = item else {
                continue;
            };
            let own = ItemReader {
                walker,
                item,
                index,
            };
            let Some(one) = read(own) else {
                continue;
            };
            if !known.insert(id(&one)) {
                walker.error(self.id.key_of_item(index), self.twice);
            }
            all.push(one);
        }
        all
    }
}

impl<'a> ItemReader<'_, 'a> {
    pub(super) fn get(&self, setting: &Setting) -> Option<&'a Node> {
        self.item.get(setting.name())
    }

    pub(super) fn place(&self, setting: &Setting) -> String {
        setting.key_of_item(self.index)
    }

    pub(super) fn error(&mut self, setting: &Setting, message: impl Into<String>) {
        self.walker.error(self.place(setting), message);
    }

    /// A value without a default.
    pub(super) fn required<T>(
        &mut self,
        setting: &Setting,
        advice: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        if self.get(setting).is_some() {
            return self.value(setting, parse);
        }
        self.error(setting, format!("is missing; {advice}"));
        None
    }

    /// A value, or its default.
    pub(super) fn value<T>(
        &mut self,
        setting: &Setting,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let place = self.place(setting);
        let text = match self.get(setting) {
            Some(node) => self.walker.node_text(&place, node)?,
            None => setting.default.unwrap_or_default(),
        };
        parse(text)
            .map_err(|message| self.walker.error(place, message))
            .ok()
    }
}
