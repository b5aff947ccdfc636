//! The stored form of a page of templates: a column for each attribute of the table, by its name.
//!
//! A column that an older version did not store leaves its attribute without a value, and one that this version does not
//! know is left out.

use super::packed::{Packed, Packer, Unpacker};
use super::template::Notices;
use super::{Stamp, Template, TemplatePage};
use crate::domain::TemplateId;
use crate::domain::template::template_attributes;

/// Generates the columns of the table's attributes.
macro_rules! attribute_columns {
    (
        node $id:ty;
        polled {$(
            $(#[$doc:meta])*
            $name:ident: $kind:ident<$type:ty> = $reader:ident($($path:literal),+) $(, $shared:ident)?;
        )+}
        derived {}
        reported {$(
            $(#[$reported_doc:meta])*
            $reported:ident: $reported_kind:ident<$reported_type:ty>;
        )*}
    ) => {
        fn pack_attributes<'a>(page: &'a [Template], out: &mut Packer<'a>) {
            $(out.add_column(stringify!($name), page.iter().map(|one| &one.attributes.$name));)+
            $(out.add_column(stringify!($reported), page.iter().map(|one| &one.attributes.$reported));)*
        }

        fn unpack_attribute(name: &str, page: &mut [Template], from: &mut Unpacker<'_>) -> Option<()> {
            match name {
                $(stringify!($name) => unpack(page, from, |one| &mut one.attributes.$name),)+
                $(stringify!($reported) => unpack(page, from, |one| &mut one.attributes.$reported),)*
                _ => Some(()),
            }
        }
    };
}

template_attributes!(attribute_columns);

/// Reads the values of a column into a field of each template.
fn unpack<T: Packed>(
    page: &mut [Template],
    from: &mut Unpacker<'_>,
    field: impl Fn(&mut Template) -> &mut T,
) -> Option<()> {
    for template in page {
        *field(template) = T::unpack(from)?;
    }
    Some(())
}

/// Reads a column of notices. A template has notices only if one of them has a value.
fn unpack_notices<T: Packed + Default + PartialEq>(
    page: &mut [Template],
    from: &mut Unpacker<'_>,
    field: impl Fn(&mut Notices) -> &mut T,
) -> Option<()> {
    for template in page {
        let value = T::unpack(from)?;
        if value != T::default() {
            *field(template.notices_mut()) = value;
        }
    }
    Some(())
}

impl TemplatePage {
    /// Packs the page, without its ids, for an account whose newest listing of templates this is.
    pub(crate) fn pack(&self, newest_listing: Option<Stamp>) -> Vec<u8> {
        static NOTHING: Notices = Notices::NONE;
        let page = self.templates();
        let mut out = Packer::new(newest_listing);
        out.add_column("known_at", page.iter().map(|one| &one.known_at));
        pack_attributes(page, &mut out);
        out.add_column(
            "last_polled_category",
            page.iter().map(|one| &one.last_polled_category),
        );
        let notices = page.iter().map(|one| one.notices().unwrap_or(&NOTHING));
        out.add_column("disable_at", notices.clone().map(|one| &one.disable_at));
        out.add_column(
            "category_change",
            notices.clone().map(|one| &one.category_change),
        );
        out.add_column("category_moves", notices.map(|one| &one.category_moves));
        out.finish()
    }

    /// The templates of a packed page with these ids. `None` if it is damaged.
    pub(crate) fn unpack(
        ids: impl IntoIterator<Item = TemplateId>,
        row: &[u8],
        newest_listing: Option<Stamp>,
    ) -> Option<Vec<Template>> {
        let mut page: Vec<Template> = ids.into_iter().map(Template::new).collect();
        if !page.is_sorted_by(|one, next| one.id < next.id) {
            return None;
        }
        let all = &mut page[..];
        Unpacker::new(newest_listing, row)?.columns(|name, from| match name {
            "known_at" => unpack(all, from, |one| &mut one.known_at),
            "last_polled_category" => unpack(all, from, |one| &mut one.last_polled_category),
            "disable_at" => unpack_notices(all, from, |one| &mut one.disable_at),
            "category_change" => unpack_notices(all, from, |one| &mut one.category_change),
            "category_moves" => unpack_notices(all, from, |one| &mut one.category_moves),
            _ => unpack_attribute(name, all, from),
        })?;
        Some(page)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::template::{
        Category, EventKind, Identity, PauseTitle, RejectedReason, Update, WebhookUpdate,
    };
    use crate::domain::{
        Collector, DeliveryKey, Event, Fact, Listing, QualityRating, Source, Timestamp, WabaId,
        Word, template,
    };
    use crate::state::{Account, State};

    const START: Timestamp = Timestamp::from_seconds(1_795_000_000);

    fn id(which: u32) -> TemplateId {
        TemplateId::parse(&format!("70010020030{which:04}")).expect("digits")
    }

    fn word<W: Word>() -> impl Strategy<Value = W> {
        prop::sample::select(W::ALL)
    }

    fn snapshot(which: u32) -> impl Strategy<Value = template::Snapshot> {
        let words = (
            prop::option::of(word()),
            prop::option::of(word()),
            prop::option::of(word()),
            prop::option::of(word()),
            prop::option::of(word::<QualityRating>()),
        );
        (
            words,
            prop::option::of(-9_000_000_000_000..9_000_000_000_000_i64),
            ".{0,40}",
        )
            .prop_map(
                move |(
                    (status, category, correct_category, last_reason, quality_rating),
                    date,
                    name,
                )| {
                    template::Snapshot {
                        name: Some(name.into()),
                        language: (which > 1).then(|| "pt_BR".into()),
                        status,
                        category,
                        correct_category,
                        last_reason,
                        quality_rating,
                        quality_rating_date: date.map(Timestamp::from_millis),
                        ..template::Snapshot::new(id(which))
                    }
                },
            )
    }

    fn listing() -> impl Strategy<Value = Fact> {
        let snapshots: Vec<_> = (0..5).map(snapshot).collect();
        (snapshots, 0..5_usize, any::<bool>()).prop_map(|(mut objects, gone, complete)| {
            objects.remove(gone);
            Fact::TemplatesListed(Listing { objects, complete }, template::Totals::default())
        })
    }

    fn webhook() -> impl Strategy<Value = Fact> {
        let status = (
            word::<EventKind>(),
            word::<RejectedReason>(),
            word::<PauseTitle>(),
            any::<bool>(),
        );
        let status = status.prop_map(|(event, reason, pause, is_dated)| Update::Status {
            event,
            reason: Some(reason),
            category: None,
            pause: Some(pause),
            disable_at: is_dated.then(|| START.plus(Duration::from_secs(86_400))),
        });
        let (announced, changed) = (
            (word::<Category>(), word::<Category>()).prop_map(|(present, coming)| {
                Update::CategoryAnnounced {
                    present: Some(present),
                    coming,
                    at: Some(START),
                }
            }),
            (word::<Category>(), word::<Category>()).prop_map(|(previous, new)| {
                Update::CategoryChanged {
                    previous: Some(previous),
                    new,
                }
            }),
        );
        (0..6_u32, prop_oneof![status, announced, changed]).prop_map(|(which, update)| {
            let identity = Identity {
                id: id(which),
                name: None,
                language: None,
            };
            Fact::Template(WebhookUpdate { identity, update })
        })
    }

    /// The account after these facts, one per second.
    fn account_after(facts: &[Fact]) -> Account {
        let waba_id = WabaId::parse("800100200300400").expect("digits");
        let mut state = State::default();
        state.watch([waba_id.clone()]);
        for (second, fact) in facts.iter().enumerate() {
            let source = if matches!(fact, Fact::Template(_)) {
                Source::Webhook(DeliveryKey(second as u128))
            } else {
                Source::Poll
            };
            let observed_at = START.plus(Duration::from_secs(second as u64));
            state.apply(&Event {
                waba_id: waba_id.clone(),
                observed_at,
                source,
                fact: fact.clone(),
            });
        }
        state.accounts()[&waba_id].as_ref().clone()
    }

    fn packed(account: &Account) -> Vec<Vec<u8>> {
        let listed = account.newest_template_listing();
        let pages = account.templates.pages().values();
        pages.map(|page| page.pack(listed)).collect()
    }

    fn unpacked(account: &Account, rows: &[Vec<u8>]) -> Vec<Template> {
        let listed = account.newest_template_listing();
        let pages = account.templates.pages().values().zip(rows);
        let pages = pages.map(|(page, row)| {
            let ids = page.templates().iter().map(|one| one.id.clone());
            TemplatePage::unpack(ids, row, listed).expect("it was packed")
        });
        pages.flatten().collect()
    }

    proptest! {
        #[test]
        fn a_page_is_read_as_it_was_packed(
            facts in prop::collection::vec(prop_oneof![listing(), webhook()], 0..12),
        ) {
            let account = account_after(&facts);
            let read = unpacked(&account, &packed(&account));
            let known: Vec<Template> = account.templates.iter().cloned().collect();
            prop_assert_eq!(read, known);
        }

        /// Bytes of any length and content give a page or nothing.
        #[test]
        fn damaged_bytes_are_no_page(
            facts in prop::collection::vec(listing(), 1..4),
            place in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            invented in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let account = account_after(&facts);
            let listed = account.newest_template_listing();
            for mut row in packed(&account) {
                let place = place.index(row.len());
                TemplatePage::unpack([id(0), id(1)], &row[..place], listed);
                row[place] = byte;
                TemplatePage::unpack((0..5).map(id), &row, listed);
            }
            TemplatePage::unpack([id(0)], &invented, listed);
        }
    }

    #[test]
    fn a_listing_that_finds_nothing_new_leaves_the_packed_pages_as_they_are() {
        let snapshot = |which| template::Snapshot {
            name: Some("spring_offer".into()),
            status: Some(template::Status::Approved),
            quality_rating: Some(QualityRating::Green),
            ..template::Snapshot::new(id(which))
        };
        let listed = |count: u32| {
            let objects = (0..count).map(snapshot).collect();
            let complete = true;
            Fact::TemplatesListed(Listing { objects, complete }, template::Totals::default())
        };
        let twice = account_after(&[listed(100), listed(100)]);
        let later = account_after(&[listed(100), listed(100), listed(100)]);
        assert_ne!(
            twice.last_success(Collector::Templates),
            later.last_success(Collector::Templates)
        );
        assert_eq!(packed(&twice), packed(&later));
        let without_some = account_after(&[listed(100), listed(100), listed(90)]);
        assert_ne!(packed(&twice), packed(&without_some));
        let bytes: usize = packed(&later).iter().map(Vec::len).sum();
        assert!(bytes < 100 * 60, "{bytes}");
    }

    #[test]
    fn a_column_of_another_version_is_left_out_and_a_missing_one_has_no_values() {
        let stamp = Stamp::polled(START);
        let (unknown, mut latest) = (Some(stamp), crate::state::Latest::default());
        latest.observe(stamp.at(), stamp);
        let mut out = Packer::new(None);
        out.add_column("a_field_of_tomorrow", [&unknown].into_iter());
        out.add_column("quality_rating_date", [&latest].into_iter());
        let read = TemplatePage::unpack([id(1)], &out.finish(), None).expect("it is readable");
        assert_eq!(read[0].quality_rating_date, latest);
        assert_eq!(read[0].status.value(), None);
    }
}
