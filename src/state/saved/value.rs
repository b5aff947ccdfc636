//! How single values are stored. Meta's words need no implementation each: every [`Word`] is stored as it is
//! spelt.
//!
//! A trait beside serde's, because serde's traits cannot be implemented for all words at once. A field that
//! contains words is declared with `#[serde(with = "Saved")]`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

use crate::domain::{
    BusinessId, CallbackUrl, DeliveryKey, FlowId, MessagingLimit, PhoneNumberId, Word,
};
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

impl Saved for CompactString {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text: Cow<'de, str> = Deserialize::deserialize(deserializer)?;
        Ok(Self::from(text))
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
    bool, i64, u32, u64, String, Stamp, BusinessId, PhoneNumberId, MessagingLimit, CallbackUrl, DeliveryKey, FlowId,
}

/// Adapts a value for serde's own containers.
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

impl<T: Saved, const N: usize> Saved for SmallVec<[T; N]> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(As))
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(<Vec<T> as Saved>::deserialize(deserializer)?
            .into_iter()
            .collect())
    }
}

/// A map with words as keys; serde stores its values.
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

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::account::{Ban, BanState, Restriction, RestrictionType};
    use crate::domain::template::{Category, Status};
    use crate::domain::{
        CallbackOverride, CanSendMessage, EntityHealth, Health, HealthDetails, HealthEntity,
        HealthError, HealthRemark, Timestamp, WebhookConfiguration,
    };
    use crate::state::template::Attributes;
    use crate::state::{History, Latest, PollTimes};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn latest<T: Ord>(value: T) -> Latest<T> {
        let mut latest = Latest::default();
        latest.observe(value, Stamp::polled(at(1)));
        latest
    }

    /// Asserts the stored form, and that reading it gives the same value.
    #[track_caller]
    fn assert_form<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, form: &Value) {
        let text = serde_json::to_string(value).expect("it is written");
        let written: Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(written, *form);
        let read: T = serde_json::from_str(&text).expect("it is read");
        assert_eq!(read, *value);
    }

    #[test]
    fn the_stored_forms_stay_as_they_are() {
        assert_form(
            &latest(Category::Utility),
            &json!([[1000, false], "UTILITY"]),
        );
        assert_form(&Latest::<Category>::default(), &json!(null));
        let change = Some((Category::Marketing, Some(at(2))));
        assert_form(
            &latest(change),
            &json!([[1000, false], ["MARKETING", 2000]]),
        );
        let none: Option<(Category, Option<Timestamp>)> = None;
        assert_form(&latest(none), &json!([[1000, false], null]));
        let health = Health {
            can_send_message: CanSendMessage::Limited,
            entities: vec![EntityHealth {
                kind: HealthEntity::Waba,
                can_send_message: CanSendMessage::Limited,
            }],
        };
        let form = json!([[1000, false], ["LIMITED", [["WABA", "LIMITED"]]]]);
        assert_form(&latest(health), &form);
        let errors = vec![HealthError {
            entity: HealthEntity::Waba,
            code: Some(141_006),
            description: Some("No payment".to_owned()),
            solution: None,
        }];
        let remarks = vec![HealthRemark {
            entity: HealthEntity::App,
            text: "Wait".to_owned(),
        }];
        let details = HealthDetails::new(errors, remarks);
        let error = json!(["WABA", 141_006, "No payment", null]);
        let form = json!([[1000, false], [[error], [["APP", "Wait"]], 0]]);
        assert_form(&latest(details), &form);

        let url = |text| CallbackUrl::new(text);
        let over = CallbackOverride(url("https://hub.example/"));
        let form = json!([[1000, false], "https://hub.example/"]);
        assert_form(&latest(over), &form);
        let none = CallbackOverride(None);
        assert_form(&latest(none), &json!([[1000, false], null]));
        let levels = WebhookConfiguration {
            application: url("https://watch.example/hook"),
            ..WebhookConfiguration::default()
        };
        let form = json!([[1000, false], [null, null, "https://watch.example/hook"]]);
        assert_form(&latest(levels), &form);

        let polls = PollTimes::default();
        let mut status = History::default();
        status.observe(Status::Approved, Stamp::polled(at(1)), &polls);
        status.observe(Status::Paused, Stamp::from_webhook(at(2)), &polls);
        let seen = json!([[[1000, false], "APPROVED"], [[2999, true], "PAUSED"]]);
        assert_form(&status, &json!({"seen": seen, "forgot": false}));
        let mut ban = History::default();
        let (state, date) = (BanState::Disable, None);
        ban.observe(Ban { state, date }, Stamp::from_webhook(at(2)), &polls);
        let seen = json!([[[2999, true], ["DISABLE", null]]]);
        assert_form(&ban, &json!({"seen": seen, "forgot": false}));
    }

    #[test]
    fn a_word_may_be_a_key() {
        let kind = RestrictionType::UtilityTemplates;
        let restriction = Restriction {
            kind,
            expires_at: None,
        };
        let map = BTreeMap::from([(kind, latest(restriction))]);
        let text = serde_json::to_string(&As(&map)).expect("it is written");
        let word = kind.as_str();
        assert_eq!(
            text,
            format!(r#"{{"{word}":[[1000,false],["{word}",null]]}}"#)
        );
        let As(read): As<BTreeMap<RestrictionType, Latest<Restriction>>> =
            serde_json::from_str(&text).expect("it is read");
        assert_eq!(read, map);
    }

    #[test]
    fn an_attribute_that_was_not_stored_has_no_value_and_an_unknown_word_is_other() {
        let read = |stored: Value| serde_json::from_value::<Attributes>(stored);
        assert_eq!(read(json!({})).expect("it is read"), Attributes::default());
        let stored = json!({"correct_category": [[1000, false], "SOMETHING_OF_TOMORROW"]});
        let attributes = read(stored).expect("it is read");
        let category = attributes.correct_category.value();
        assert_eq!(category, Some(&Category::Other));
        assert!(read(json!({"correct_category": [[1000, false], 7]})).is_err());
    }
}
