//! The declaration of attributes in tables, and the snapshot that is generated from a table.
//!
//! Each kind of object has one table: `number_attributes!`, `template_attributes!`, `account_attributes!`. A table
//! passes its rows to a macro of each layer, so that an attribute is declared only once:
//!
//! | layer | macro | generated from the rows |
//! |---|---|---|
//! | `domain` | `snapshot!` | `Snapshot`, and `ATTRIBUTES`, the names in the journal |
//! | `ingest::graph` | `node_reader!` | the requested fields, and the reader of a node |
//! | `state` | `attribute_state!` | the stored fields, and their update from a snapshot |
//!
//! A row of the section `polled` reads like this:
//!
//! ```text
//! /// Documentation, where the name does not say it all.
//! name: Kind<Type> = reader("field", "object.member"), shared;
//! ```
//!
//! `Kind` is an [`AttributeKind`]. `reader` is a function of `ingest::graph::wire::read`; it gets the paths of the
//! fields that it reads. `shared` marks an attribute that webhooks report too, so that drift is counted. Rows without
//! a reader are either `derived` by a method of the snapshot with the attribute's name, or `reported` only by
//! webhooks.
//!
//! A new attribute needs its row, its new words in `meta_words!`, its metric in `expose`, and its field in the
//! example of `tests/fixtures/graph`. Tests name what is missing. A `History` also needs its family in
//! `expose::backfill`.

/// How much of an attribute's past is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeKind {
    /// Only the latest value.
    Latest,
    /// The recent values. Changes are journalled.
    History,
}

/// An attribute of an account, a phone number or a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name in the journal, unique within a kind of entity.
    pub name: &'static str,
    /// How much of its past is stored.
    pub kind: AttributeKind,
    /// Whether both polls and webhooks report it, so that they can disagree.
    pub is_shared: bool,
}

impl Attribute {
    /// An attribute that only polls or only webhooks report, or that each reports in its own way.
    #[must_use]
    pub const fn new(name: &'static str, kind: AttributeKind) -> Self {
        Self {
            name,
            kind,
            is_shared: false,
        }
    }

    /// The same attribute, reported by both polls and webhooks.
    #[must_use]
    pub(super) const fn shared(self) -> Self {
        // Drift is a disagreement within a history. In a table, this is a compile-time error.
        assert!(
            matches!(self.kind, AttributeKind::History),
            "only a history can be shared"
        );
        Self {
            is_shared: true,
            ..self
        }
    }
}

/// Generates `Snapshot`, `Declarations` and `ATTRIBUTES` from a table of attributes.
macro_rules! snapshot {
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
        /// One object as a poll read it. A field is `None` if Meta did not send it.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Snapshot {
            $(
                /// The id of the node.
                pub id: $id,
            )?
            $(
                $(#[$doc])*
                #[doc = concat!("Read from" $(, " `", $path, "`")+, ".")]
                pub $name: Option<$type>,
            )+
        }

        impl Snapshot {
            /// A snapshot without any attribute.
            #[must_use]
            pub fn new($(id: $id)?) -> Self {
                Self {
                    $(id: std::convert::identity::<$id>(id),)?
                    $($name: None,)+
                }
            }
        }

        /// The declaration of each attribute, by name.
        #[derive(Clone, Copy, Debug)]
        pub struct Declarations {
            $(
                $(#[$doc])*
                #[doc = concat!("Polled as" $(, " `", $path, "`")+, ".")]
                pub $name: $crate::domain::Attribute,
            )+
            $($(#[$derived_doc])* pub $derived: $crate::domain::Attribute,)*
            $($(#[$reported_doc])* pub $reported: $crate::domain::Attribute,)*
        }

        /// The attributes that the table declares.
        pub const ATTRIBUTES: Declarations = Declarations {
            $($name: $crate::domain::Attribute::new(
                stringify!($name),
                $crate::domain::AttributeKind::$kind,
            )$(.$shared())?,)+
            $($derived: $crate::domain::Attribute::new(
                stringify!($derived),
                $crate::domain::AttributeKind::$derived_kind,
            )$(.$derived_shared())?,)*
            $($reported: $crate::domain::Attribute::new(
                stringify!($reported),
                $crate::domain::AttributeKind::$reported_kind,
            ),)*
        };

        impl Declarations {
            /// All declarations, in the order of the table.
            pub const ALL: &'static [$crate::domain::Attribute] = &[
                $(ATTRIBUTES.$name,)+
                $(ATTRIBUTES.$derived,)*
                $(ATTRIBUTES.$reported,)*
            ];
        }
    };
}
pub(super) use snapshot;
