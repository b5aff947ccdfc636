//! Values of JSON objects, by the rules that [`super`] lists.

use serde_json::{Map, Value};
use whatsapp_business_exporter::domain::{MessagingLimit, Timestamp, Word};

use super::times::{Moment, moment};

/// Longest name in bytes. The rest is cut off.
const LONGEST: usize = 512;

pub(super) type Object = Map<String, Value>;

/// An object, and whether each value that was read had a known format.
pub(super) struct Reading<'a> {
    pub(super) object: &'a Object,
    pub(super) is_sure: bool,
}

impl Reading<'_> {
    pub(super) fn has(&self, key: &str) -> bool {
        self.object.get(key).is_some_and(|value| !value.is_null())
    }

    pub(super) fn text(&self, key: &str) -> Option<String> {
        text(self.object.get(key)?)
    }

    pub(super) fn short(&self, key: &str) -> Option<String> {
        let mut text = self.text(key)?;
        while text.len() > LONGEST {
            text.pop();
        }
        Some(text)
    }

    pub(super) fn word<W: Word>(&self, key: &str) -> Option<W> {
        word(self.object.get(key)?)
    }

    pub(super) fn limit(&self, key: &str) -> Option<MessagingLimit> {
        MessagingLimit::parse(&self.text(key)?).ok()?
    }

    pub(super) fn moment(&self, key: &str) -> Moment {
        self.text(key).map_or(Moment::Absent, |text| moment(&text))
    }

    pub(super) fn time(&mut self, key: &str) -> Option<Timestamp> {
        match self.moment(key) {
            Moment::Absent => None,
            Moment::At(at) => Some(at),
            Moment::Unsure => {
                self.is_sure = false;
                None
            }
        }
    }

    pub(super) fn within<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut Reading<'_>) -> Option<T>,
    ) -> Option<T> {
        let mut inner = Reading {
            object: first_object(self.object.get(key))?,
            is_sure: true,
        };
        let found = read(&mut inner);
        self.is_sure &= inner.is_sure;
        found
    }
}

pub(super) fn first_object(value: Option<&Value>) -> Option<&Object> {
    match value? {
        Value::Array(list) => list.first()?.as_object(),
        value => value.as_object(),
    }
}

pub(super) fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let single = value.filter(|value| !value.is_array());
    let many = value.and_then(Value::as_array).into_iter().flatten();
    many.chain(single)
}

pub(super) fn objects(value: Option<&Value>) -> impl Iterator<Item = &Object> {
    list(value).filter_map(Value::as_object)
}

pub(super) fn word<W: Word>(value: &Value) -> Option<W> {
    let text = text(value)?;
    (!text.is_empty()).then(|| W::parse(&text))
}

/// The text of a value of the envelope, unchanged.
pub(super) fn scalar(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// The text of a value, without the white space around it.
pub(super) fn text(value: &Value) -> Option<String> {
    scalar(Some(value)).map(|text| text.trim().to_owned())
}
