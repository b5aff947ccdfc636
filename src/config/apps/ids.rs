//! Reads ids: a list in the file, or words in a variable.

use std::ops::RangeInclusive;

use super::super::setting::Setting;
use super::found::SourceValue;
use super::places::Places;
use super::reader::{AppReader, NOT_AN_ID};
use crate::yaml::Node;

/// Ids, each with its place in the configuration.
pub(super) type Ids<T> = Vec<(String, T)>;

/// The allowed number of ids, and their parser.
pub(super) struct IdKind<T> {
    pub(super) count: RangeInclusive<usize>,
    pub(super) parse: fn(&str) -> Option<T>,
}

impl<'a> AppReader<'_, 'a> {
    /// The ids from the file, or else from the variable.
    pub(super) fn ids<T>(
        &mut self,
        setting: &Setting,
        places: Places<'a>,
        kind: &IdKind<T>,
    ) -> SourceValue<Ids<T>> {
        self.listed_ids(setting, places, kind)
            .or_else(|| self.variable_ids(setting, places, kind))
    }

    fn listed_ids<T>(
        &mut self,
        setting: &Setting,
        places: Places<'a>,
        kind: &IdKind<T>,
    ) -> SourceValue<Ids<T>> {
        let place = places.key(setting);
        let items = match places.item.and_then(|(_, item)| item.get(setting.name())) {
            None => return SourceValue::Absent,
            Some(Node::List(items)) if kind.count.contains(&items.len()) => items,
            Some(_) => {
                let (least, most) = (kind.count.start(), kind.count.end());
                let message =
                    format!("takes a list of {least} to {most} ids, such as [102290129340398]");
                self.walker.error(place, message);
                return SourceValue::Refused;
            }
        };
        let mut ids = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let place = format!("{place}[{index}]");
            let Some(text) = self.walker.node_text(&place, item) else {
                continue;
            };
            match (kind.parse)(text) {
                Some(id) => ids.push((place, id)),
                None => self.walker.error(place, NOT_AN_ID),
            }
        }
        SourceValue::Value(ids)
    }

    fn variable_ids<T>(
        &mut self,
        setting: &Setting,
        places: Places<'a>,
        kind: &IdKind<T>,
    ) -> SourceValue<Ids<T>> {
        let (place, text) = self.variable(setting, places);
        let text = match text {
            SourceValue::Absent => return SourceValue::Absent,
            SourceValue::Refused => return SourceValue::Refused,
            SourceValue::Value(text) => text,
        };
        let is_separator = |character: char| character == ',' || character.is_whitespace();
        let entries: Vec<&str> = text
            .split(is_separator)
            .filter(|one| !one.is_empty())
            .collect();
        if !kind.count.contains(&entries.len()) {
            let (least, most) = (kind.count.start(), kind.count.end());
            let message = format!("takes {least} to {most} ids, separated by commas or spaces");
            self.walker.error(place, message);
            return SourceValue::Refused;
        }
        let mut ids = Vec::new();
        for (entry, number) in entries.into_iter().zip(1..) {
            match (kind.parse)(entry) {
                Some(id) => ids.push((place.clone(), id)),
                None => self
                    .walker
                    .error(&place, format!("entry {number} {NOT_AN_ID}")),
            }
        }
        SourceValue::Value(ids)
    }
}
