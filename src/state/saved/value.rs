//! How single values are stored. Meta's words need no line of their own here: every [`Word`] is stored as it is spelt.
//!
//! A trait beside serde's, because serde's traits cannot be implemented for all words at once. A field that contains
//! words says `#[serde(with = "Saved")]`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::{BusinessId, MessagingLimit, PhoneNumberId, Word};
use crate::state::Stamp;

/// A value that is stored with the state.
pub trait Saved: Sized {
    /// Writes it.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    /// Reads it.
    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// A word that this version does not know reads as `OTHER`.
impl<W: Word> Saved for W {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text: Cow<'de, str> = Deserialize::deserialize(deserializer)?;
        Ok(Self::parse(&text))
    }
}

macro_rules! saved_by_serde {
    ($($type:ty),+ $(,)?) => {$(
        impl Saved for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Serialize::serialize(self, serializer)
            }

            fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Deserialize::deserialize(deserializer)
            }
        }
    )+};
}

saved_by_serde! {
    bool, i64, u64, String, Stamp, BusinessId, PhoneNumberId, MessagingLimit,
}

/// Carries a value through serde's own containers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct As<T>(pub T);

impl<T: Saved> Serialize for As<&T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::serialize(self.0, serializer)
    }
}

impl<'de, T: Saved> Deserialize<'de> for As<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(As)
    }
}

impl<T: Saved> Saved for Option<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Serialize::serialize(&self.as_ref().map(As), serializer)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value: Option<As<T>> = Deserialize::deserialize(deserializer)?;
        Ok(value.map(|As(value)| value))
    }
}

impl<T: Saved> Saved for Vec<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(As))
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values: Vec<As<T>> = Deserialize::deserialize(deserializer)?;
        Ok(values.into_iter().map(|As(value)| value).collect())
    }
}

/// A map by word; serde stores its values.
impl<K, V> Saved for BTreeMap<K, V>
where
    K: Saved + Ord,
    V: Serialize + for<'any> Deserialize<'any>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(key, value)| (As(key), value)))
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map: BTreeMap<As<K>, V> = Deserialize::deserialize(deserializer)?;
        Ok(map
            .into_iter()
            .map(|(As(key), value)| (key, value))
            .collect())
    }
}

macro_rules! saved_tuple {
    ($($type:ident $value:ident),+) => {
        impl<$($type: Saved),+> Saved for ($($type,)+) {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let ($($value,)+) = self;
                Serialize::serialize(&($(As($value),)+), serializer)
            }

            fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let ($(As($value),)+): ($(As<$type>,)+) = Deserialize::deserialize(deserializer)?;
                Ok(($($value,)+))
            }
        }
    };
}

saved_tuple!(A a, B b);
saved_tuple!(A a, B b, C c);
saved_tuple!(A a, B b, C c, E e);
