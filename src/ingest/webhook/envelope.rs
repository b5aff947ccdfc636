//! Parses the envelope around webhook changes in one pass, in any of its shapes.
//!
//! A `changes[].value` remains text: most are never parsed, and the delivery key hashes its bytes. Skipping it needs no
//! recursion, so deep nesting cannot overflow the stack. Keys may appear in any order and repeatedly (the last one
//! counts). Does not depend on the meaning of fields.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The whole body of a delivery.
#[derive(Default)]
pub struct Body<'a> {
    /// The type of the entries' objects: `whatsapp_business_account`.
    pub object: Option<&'a RawValue>,
    /// One entry for each account and time.
    pub entries: Option<Parts<EnvelopeEntry<'a>>>,
}

/// The changes of one account at one time.
#[derive(Default)]
pub struct EnvelopeEntry<'a> {
    /// Id of the account; in partner events, of the portfolio.
    pub id: Option<&'a RawValue>,
    /// Time of sending. Absent with fields of the `messages` kind.
    pub time: Option<&'a RawValue>,
    /// The changes.
    pub changes: Option<Parts<EnvelopeChange<'a>>>,
}

/// One change.
#[derive(Default)]
pub struct EnvelopeChange<'a> {
    /// The webhook field.
    pub field: Option<&'a RawValue>,
    /// The field's payload.
    pub value: Option<&'a RawValue>,
    /// Belongs inside `value`, but the syntax block of Meta's page has it here.
    pub rejection_info: Option<&'a RawValue>,
}

/// An object that reads its keys one by one.
pub trait Part<'de>: Default {
    /// Keeps or skips the value of `key`, which is next in `map`.
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;
}

impl<'de> Part<'de> for Body<'de> {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "object" => self.object = Some(map.next_value()?),
            "entry" => self.entries = Some(map.next_value()?),
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Part<'de> for EnvelopeEntry<'de> {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "id" => self.id = Some(map.next_value()?),
            "time" => self.time = Some(map.next_value()?),
            "changes" => self.changes = Some(map.next_value()?),
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Part<'de> for EnvelopeChange<'de> {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "field" => self.field = Some(map.next_value()?),
            "value" => self.value = Some(map.next_value()?),
            "rejection_info" => self.rejection_info = Some(map.next_value()?),
            _ => skip(map)?,
        }
        Ok(())
    }
}

fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(drop)
}

/// The objects of a list, or a single one in its place; `None` for each element that is no object.
pub struct Parts<T>(pub Vec<Option<T>>);

/// An object, or `None` for anything else.
pub struct OneOrNone<T>(pub Option<T>);

impl<'de, T: Part<'de>> Deserialize<'de> for Parts<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(PartsVisitor(PhantomData)).map(Self)
    }
}

impl<'de, T: Part<'de>> Deserialize<'de> for OneOrNone<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(OneOrNoneVisitor(PhantomData))
            .map(Self)
    }
}

/// Visitor methods for values that are neither list nor object, which are never valid here.
macro_rules! scalars {
    ($warnings:expr) => {
        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("anything")
        }
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($warnings)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($warnings)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($warnings)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($warnings)
        }
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok($warnings)
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($warnings)
        }
    };
}

struct PartsVisitor<T>(PhantomData<T>);

impl<'de, T: Part<'de>> Visitor<'de> for PartsVisitor<T> {
    type Value = Vec<Option<T>>;

    scalars!(vec![None]);

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut parts = Vec::new();
        while let Some(OneOrNone(part)) = list.next_element()? {
            parts.push(part);
        }
        Ok(parts)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Ok(vec![Some(part_in(map)?)])
    }
}

struct OneOrNoneVisitor<T>(PhantomData<T>);

impl<'de, T: Part<'de>> Visitor<'de> for OneOrNoneVisitor<T> {
    type Value = Option<T>;

    scalars!(None);

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        part_in(map).map(Some)
    }
}

fn part_in<'de, T: Part<'de>, A: MapAccess<'de>>(mut map: A) -> Result<T, A::Error> {
    let mut part = T::default();
    while let Some(BorrowedText(key)) = map.next_key()? {
        part.take(&key, &mut map)?;
    }
    Ok(part)
}

/// Text that is borrowed from the body unless it has escapes.
#[derive(serde::Deserialize)]
struct BorrowedText<'a>(#[serde(borrow)] Cow<'a, str>);

/// The text of a string or an integer, borrowed unless it has escapes.
pub fn scalar(raw: &RawValue) -> Option<Cow<'_, str>> {
    let written = raw.get();
    if written.starts_with('"') {
        return serde_json::from_str(written)
            .ok()
            .map(|BorrowedText(text)| text);
    }
    let is_integer = |byte: u8| byte.is_ascii_digit() || byte == b'-';
    written
        .bytes()
        .all(is_integer)
        .then_some(Cow::Borrowed(written))
}

/// Null counts as absent.
pub fn present(raw: Option<&RawValue>) -> Option<&RawValue> {
    raw.filter(|raw| raw.get() != "null")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes_in(entry: &str) -> Vec<Option<String>> {
        let OneOrNone(entry) =
            serde_json::from_str::<OneOrNone<EnvelopeEntry<'_>>>(entry).expect("well-formed JSON");
        let Parts(changes) = entry.and_then(|entry| entry.changes).expect("changes");
        let fields = changes.into_iter().map(|change| {
            change.map(|change| {
                change
                    .field
                    .map_or_else(String::new, |raw| raw.get().to_owned())
            })
        });
        fields.collect()
    }

    #[test]
    fn a_single_object_is_a_list_and_an_invalid_element_is_none() {
        assert_eq!(
            changes_in(r#"{"changes":{"value":{},"field":"a"}}"#),
            [Some("\"a\"".to_owned())]
        );
        assert_eq!(
            changes_in(r#"{"changes":[null,true,-1,1,1.5,"x",[{"field":"b"}],{"field":"a"}]}"#),
            [
                None,
                None,
                None,
                None,
                None,
                None,
                None,
                Some("\"a\"".to_owned())
            ]
        );
        assert_eq!(changes_in(r#"{"changes":7}"#), [None]);
    }

    #[test]
    fn the_last_of_two_equal_keys_counts_and_unknown_ones_are_skipped() {
        let fields = changes_in(r#"{"x":[{}],"changes":[{"field":"a","\u0066ield":"b","y":{}}]}"#);
        assert_eq!(fields, [Some("\"b\"".to_owned())]);
    }

    #[test]
    fn text_and_integers_are_scalars() {
        for (json, text) in [
            (r#""800""#, Some("800")),
            ("800", Some("800")),
            ("-1", Some("-1")),
            (r#""a\/b""#, Some("a/b")),
            ("1.5", None),
            ("1e3", None),
            ("true", None),
            ("{}", None),
        ] {
            let raw: &RawValue = serde_json::from_str(json).expect("well-formed JSON");
            assert_eq!(scalar(raw).as_deref(), text, "{json}");
        }
    }
}
