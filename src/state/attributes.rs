//! The stored attributes of an entity, generated from its table in [`domain::attribute`](crate::domain::attribute).

use super::journal::JournalValue;
use super::observation::Observation;
use super::{History, Latest, Observed};
use crate::domain::Attribute;

/// The stored form of an attribute, by its kind in the table.
pub(super) trait Register {
    /// The attribute's values.
    type Value;
    /// The effect of an observation.
    type Outcome;

    /// Observes the value in a snapshot, if it has one.
    fn observe_polled(
        &mut self,
        attribute: Attribute,
        value: Option<&Self::Value>,
        observation: &mut Observation<'_>,
    ) -> Self::Outcome;
}

impl<T: Ord + Clone> Register for Latest<T> {
    type Value = T;
    type Outcome = ();

    fn observe_polled(
        &mut self,
        _: Attribute,
        value: Option<&T>,
        observation: &mut Observation<'_>,
    ) {
        self.observe_some(value.cloned(), observation.stamp);
    }
}

impl<T: Copy + Ord + JournalValue> Register for History<T> {
    type Value = T;
    type Outcome = Option<Observed<T>>;

    fn observe_polled(
        &mut self,
        attribute: Attribute,
        value: Option<&T>,
        observation: &mut Observation<'_>,
    ) -> Option<Observed<T>> {
        observation.observe(attribute, self, value.copied())
    }
}

/// Generates `Attributes` and `Outcomes` from a table. The calling module imports the types that the rows name.
macro_rules! attribute_state {
    (
        $(node $id:ty;)?
        polled {$(
            $(#[$doc:meta])*
            $name:ident: $kind:ident<$type:ty> = $reader:ident($($path:literal),+) $(, $shared:ident)?;
        )+}
        derived {$(
            $(#[$derived_doc:meta])*
            $derived:ident: $derived_kind:ident<$derived_type:ty> $(, $derived_shared:ident)?;
        )*}
        reported {$(
            $(#[$reported_doc:meta])*
            $reported:ident: $reported_kind:ident<$reported_type:ty>;
        )*}
    ) => {
        /// The attributes of the table.
        // Stored by name. An attribute that an older version did not store has no value yet.
        #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct Attributes {
            $(
                $(#[$doc])*
                #[doc = concat!("Polled as" $(, " `", $path, "`")+, ".")]
                pub $name: $kind<$type>,
            )+
            $($(#[$derived_doc])* pub $derived: $derived_kind<$derived_type>,)*
            $($(#[$reported_doc])* pub $reported: $reported_kind<$reported_type>,)*
        }

        $crate::state::redate::dated! { Attributes: $($name)+ $($derived)* $($reported)* }

        /// The effect of a snapshot on each attribute.
        #[expect(dead_code, reason = "few outcomes are counted")]
        struct Outcomes {
            $($name: <$kind<$type> as $crate::state::attributes::Register>::Outcome,)+
            $($derived: <$derived_kind<$derived_type> as $crate::state::attributes::Register>::Outcome,)*
        }

        impl Attributes {
            /// Observes every attribute that the snapshot contains.
            fn observe(
                &mut self,
                snapshot: &Snapshot,
                observation: &mut $crate::state::observation::Observation<'_>,
            ) -> Outcomes {
                use $crate::state::attributes::Register as _;
                Outcomes {
                    $($name: self.$name.observe_polled(
                        ATTRIBUTES.$name,
                        snapshot.$name.as_ref(),
                        observation,
                    ),)+
                    $($derived: self.$derived.observe_polled(
                        ATTRIBUTES.$derived,
                        snapshot.$derived().as_ref(),
                        observation,
                    ),)*
                }
            }
        }
    };
}
pub(super) use attribute_state;
