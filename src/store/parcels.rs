//! Deliveries on their way to the upstreams: what a commit adds of them, and what must go for it.
//!
//! Bounded by bytes and by count, whatever the upstreams do: beyond that the oldest are dropped, so
//! that a relay that is down costs neither the disk nor an acknowledgement.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::domain::{Timestamp, WabaId};

/// Most deliveries that wait, however small. Each takes some hundred bytes of memory for each upstream
/// beside what it takes in the store.
const MAX_PARCELS: usize = 100_000;

/// A verified delivery as it is to be passed on. Its body is customers' data: no `Debug`.
pub struct Parcel {
    /// When it came.
    pub received_at: Timestamp,
    /// The accounts it speaks of; their order is kept.
    pub waba_ids: Vec<WabaId>,
    /// The signature's header.
    pub signature: String,
    /// Byte for byte.
    pub body: Bytes,
}

/// One that waits, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its number; later ones have larger ones.
    pub parcel: i64,
    /// When it came.
    pub received_at: Timestamp,
    /// The accounts it speaks of.
    pub waba_ids: Vec<WabaId>,
}

/// What to send.
pub struct Content {
    /// The signature's header.
    pub signature: String,
    /// Byte for byte.
    pub body: Vec<u8>,
}

/// Which parcels there are: those from the oldest to the newest, as far as they are not delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Those before it are gone.
    pub oldest: i64,
    /// The last one.
    pub newest: i64,
}

/// Where deliveries go, and how much of them may wait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwarding {
    /// The upstreams' names; none is off.
    pub upstreams: Vec<String>,
    /// Most bytes of all that wait.
    pub max_bytes: u64,
}

/// The books of what is stored.
#[derive(Debug, Default)]
pub(super) struct Books {
    sizes: BTreeMap<i64, u64>,
    bytes: u64,
    newest: i64,
}

impl Books {
    /// What is stored, number and size of each.
    pub fn restore(&mut self, stored: impl IntoIterator<Item = (i64, u64)>) {
        self.sizes = stored.into_iter().collect();
        self.bytes = self.sizes.values().sum();
        self.newest = self.newest.max(self.last());
    }

    /// The number that the next one gets.
    pub fn next(&self) -> i64 {
        self.newest + 1
    }

    /// The oldest that may stay once these have come, so that neither bound is broken.
    pub fn oldest_beside(&self, coming: &[u64], max_bytes: u64) -> i64 {
        let mut bytes = self.bytes + coming.iter().sum::<u64>();
        let mut count = self.sizes.len() + coming.len();
        let all = self.sizes.iter().map(|(parcel, size)| (*parcel, *size));
        let all = all.chain((self.next()..).zip(coming.iter().copied()));
        for (parcel, size) in all {
            if bytes <= max_bytes && count <= MAX_PARCELS {
                return parcel;
            }
            bytes -= size;
            count -= 1;
        }
        self.next() + number(coming.len())
    }

    /// These have come, and those before `oldest` are gone.
    pub fn add(&mut self, coming: &[u64], oldest: i64) {
        let first = self.next();
        self.newest += number(coming.len());
        self.sizes.extend((first..).zip(coming.iter().copied()));
        self.bytes += coming.iter().sum::<u64>();
        while let Some(entry) = self.sizes.first_entry().filter(|it| *it.key() < oldest) {
            self.bytes -= entry.remove();
        }
    }

    /// These are gone.
    pub fn remove(&mut self, gone: &[i64]) {
        for parcel in gone {
            self.bytes -= self.sizes.remove(parcel).unwrap_or(0);
        }
    }

    /// Which there are.
    pub fn span(&self) -> Span {
        let first = self.sizes.first_key_value();
        Span {
            oldest: first.map_or(self.next(), |(parcel, _)| *parcel),
            newest: self.newest,
        }
    }

    fn last(&self) -> i64 {
        self.sizes.last_key_value().map_or(0, |(parcel, _)| *parcel)
    }
}

impl Parcel {
    /// What it takes in the store, near enough.
    pub(super) fn size(&self) -> u64 {
        let ids: usize = self.waba_ids.iter().map(|id| id.as_str().len() + 1).sum();
        (self.body.len() + self.signature.len() + ids) as u64
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn books(sizes: &[u64]) -> Books {
        let mut books = Books::default();
        books.add(sizes, 0);
        books
    }

    #[test]
    fn the_oldest_go_when_bytes_run_out() {
        let mut books = books(&[10, 20, 30]);
        assert_eq!(books.oldest_beside(&[], 60), 1);
        assert_eq!(books.oldest_beside(&[5], 60), 2);
        assert_eq!(books.oldest_beside(&[5, 40], 60), 4);
        books.add(&[5, 40], 4);
        assert_eq!(
            (books.bytes, books.span()),
            (
                45,
                Span {
                    oldest: 4,
                    newest: 5
                }
            )
        );
        books.remove(&[4, 4, 1]);
        assert_eq!(
            (books.bytes, books.span()),
            (
                40,
                Span {
                    oldest: 5,
                    newest: 5
                }
            )
        );
    }

    #[test]
    fn what_is_larger_than_all_room_goes_itself() {
        let mut books = books(&[10]);
        let oldest = books.oldest_beside(&[70], 60);
        assert_eq!(oldest, 3);
        books.add(&[70], oldest);
        assert_eq!(
            (books.bytes, books.span()),
            (
                0,
                Span {
                    oldest: 3,
                    newest: 2
                }
            )
        );
    }

    #[test]
    fn however_small_there_are_not_more_than_the_ceiling() {
        let books = books(&vec![1; MAX_PARCELS]);
        assert_eq!(books.oldest_beside(&[1], u64::MAX), 2);
    }

    #[test]
    fn numbers_go_on_after_everything_is_gone() {
        let mut books = books(&[10, 20]);
        books.remove(&[1, 2]);
        books.restore([]);
        assert_eq!(books.next(), 3);
        books.restore([(7, 70)]);
        assert_eq!((books.next(), books.bytes), (8, 70));
    }
}
