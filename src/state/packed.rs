//! The packed form of values that millions of objects have: an integer takes as many bytes as it needs, and a row has
//! each stamp and each text once.
//!
//! Words are stored as Meta spells them, so a version that does not know one reads it as `OTHER`. The stamp of the
//! account's newest listing is not part of the row, so a refresh that changes nothing else does not change the row.

use std::collections::HashMap;

use compact_str::CompactString;

use super::Stamp;
use crate::domain::{Timestamp, Word};

/// Version of the layout, the first byte of a row.
const LAYOUT: u64 = 1;

/// Bits of an integer in one byte. The highest bit is set if more bytes follow.
const BITS: u32 = 7;

/// A value in the packed form.
pub(super) trait Packed: Sized {
    /// Appends it.
    fn pack<'a>(&'a self, out: &mut Packer<'a>);

    /// Reads it. `None` if the bytes are damaged.
    fn unpack(from: &mut Unpacker<'_>) -> Option<Self>;
}

/// Writes the columns of a row.
pub(super) struct Packer<'a> {
    newest_listing: Option<Stamp>,
    column: Vec<u8>,
    columns: Vec<u8>,
    stamps: Table<Stamp>,
    texts: Table<&'a str>,
}

/// Values in the order of their first use, with their places.
struct Table<T> {
    values: Vec<T>,
    places: HashMap<T, usize>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            places: HashMap::new(),
        }
    }
}

impl<T: Copy + Eq + std::hash::Hash> Table<T> {
    fn place(&mut self, value: T) -> usize {
        *self.places.entry(value).or_insert_with(|| {
            self.values.push(value);
            self.values.len() - 1
        })
    }
}

impl<'a> Packer<'a> {
    /// A row of an account whose newest listing this is.
    pub fn new(newest_listing: Option<Stamp>) -> Self {
        Self {
            newest_listing,
            column: Vec::new(),
            columns: Vec::new(),
            stamps: Table::default(),
            texts: Table::default(),
        }
    }

    /// Adds a column with one value for each object of the row. A column in which every object lacks a value (packed as
    /// zero) is omitted.
    pub fn add_column<T: Packed + 'a>(
        &mut self,
        name: &'static str,
        values: impl Iterator<Item = &'a T>,
    ) {
        values.for_each(|value| value.pack(self));
        let column = std::mem::take(&mut self.column);
        if column.iter().any(|byte| *byte != 0) {
            let name = self.texts.place(name);
            write_integer(&mut self.columns, name as u64);
            write_bytes(&mut self.columns, &column);
        }
    }

    /// The whole row.
    pub fn finish(self) -> Vec<u8> {
        let mut row = Vec::with_capacity(self.columns.len() + 512);
        write_integer(&mut row, LAYOUT);
        write_integer(&mut row, self.stamps.values.len() as u64);
        for stamp in self.stamps.values {
            let (order_ms, is_webhook) = stamp.into();
            write_integer(&mut row, zigzag(order_ms));
            row.push(is_webhook.into());
        }
        write_integer(&mut row, self.texts.values.len() as u64);
        for text in self.texts.values {
            write_bytes(&mut row, text.as_bytes());
        }
        row.extend(self.columns);
        row
    }

    pub fn integer(&mut self, value: u64) {
        write_integer(&mut self.column, value);
    }

    fn text(&mut self, text: &'a str) {
        let place = self.texts.place(text);
        self.integer(place as u64);
    }
}

/// Reads the columns of a row.
pub(super) struct Unpacker<'a> {
    newest_listing: Option<Stamp>,
    rest: &'a [u8],
    stamps: Vec<Stamp>,
    texts: Vec<&'a str>,
}

impl<'a> Unpacker<'a> {
    /// Begins to read a row of an account whose newest listing this is. `None` if the row is damaged, or if a newer
    /// version has written it.
    pub fn new(newest_listing: Option<Stamp>, row: &'a [u8]) -> Option<Self> {
        let mut from = Self {
            newest_listing,
            rest: row,
            stamps: Vec::new(),
            texts: Vec::new(),
        };
        if from.integer()? != LAYOUT {
            return None;
        }
        for _ in 0..from.integer()? {
            let order_ms = unzigzag(from.integer()?);
            let is_webhook = from.integer()? != 0;
            from.stamps.push((order_ms, is_webhook).into());
        }
        for _ in 0..from.integer()? {
            let text = std::str::from_utf8(from.bytes()?).ok()?;
            from.texts.push(text);
        }
        Some(from)
    }

    /// Reads each column by its name. `read` returns `None` if a value is damaged. It skips unknown columns, which are
    /// of another version.
    pub fn columns(&mut self, mut read: impl FnMut(&str, &mut Self) -> Option<()>) -> Option<()> {
        while !self.rest.is_empty() {
            let name = self.text()?;
            let column = self.bytes()?;
            let after = std::mem::replace(&mut self.rest, column);
            read(name, self)?;
            self.rest = after;
        }
        Some(())
    }

    pub fn integer(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..u64::BITS).step_by(BITS as usize) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            let (more, bits) = (byte >> BITS, u64::from(byte & 0x7f));
            value |= bits << shift;
            if more == 0 {
                return Some(value);
            }
        }
        None
    }

    fn place(&mut self) -> Option<usize> {
        usize::try_from(self.integer()?).ok()
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.place()?;
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        let place = self.place()?;
        self.texts.get(place).copied()
    }
}

fn write_integer(out: &mut Vec<u8>, mut value: u64) {
    while value >> BITS != 0 {
        out.push(value as u8 | 0x80);
        value >>= BITS;
    }
    out.push(value as u8);
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_integer(out, bytes.len() as u64);
    out.extend(bytes);
}

/// Small integers of either sign become small ones without a sign.
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

/// The integer that stands for the newest listing. Greater ones stand for the stamps of the row, and zero for none.
const NEWEST_LISTING: usize = 1;

impl Packed for Stamp {
    fn pack<'a>(&'a self, out: &mut Packer<'a>) {
        let place = if out.newest_listing == Some(*self) {
            NEWEST_LISTING
        } else {
            NEWEST_LISTING + 1 + out.stamps.place(*self)
        };
        out.integer(place as u64);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        match from.place()?.checked_sub(NEWEST_LISTING)? {
            0 => from.newest_listing,
            place => from.stamps.get(place - 1).copied(),
        }
    }
}

impl<W: Word> Packed for W {
    fn pack<'a>(&'a self, out: &mut Packer<'a>) {
        out.text(self.as_str());
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        from.text().map(W::parse)
    }
}

impl Packed for CompactString {
    fn pack<'a>(&'a self, out: &mut Packer<'a>) {
        out.text(self);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        from.text().map(Self::from)
    }
}

impl Packed for u64 {
    fn pack<'a>(&'a self, out: &mut Packer<'a>) {
        out.integer(*self);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        from.integer()
    }
}

impl Packed for Timestamp {
    fn pack<'a>(&'a self, out: &mut Packer<'a>) {
        out.integer(zigzag(self.as_millis()));
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        from.integer().map(unzigzag).map(Self::from_millis)
    }
}

impl<T: Packed> Packed for Option<T> {
    fn pack<'a>(&'a self, out: &mut Packer<'a>) {
        out.integer(self.is_some().into());
        self.iter().for_each(|value| value.pack(out));
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        match from.integer()? {
            0 => Some(None),
            _ => T::unpack(from).map(Some),
        }
    }
}

impl<T: Packed> Packed for Vec<T> {
    fn pack<'a>(&'a self, out: &mut Packer<'a>) {
        out.integer(self.len() as u64);
        self.iter().for_each(|value| value.pack(out));
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        (0..from.integer()?).map(|_| T::unpack(from)).collect()
    }
}

macro_rules! packed_tuple {
    ($($type:ident $value:ident),+) => {
        impl<$($type: Packed),+> Packed for ($($type,)+) {
            fn pack<'a>(&'a self, out: &mut Packer<'a>) {
                let ($($value,)+) = self;
                $($value.pack(out);)+
            }

            fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
                Some(($($type::unpack(from)?,)+))
            }
        }
    };
}

packed_tuple!(A a, B b);
packed_tuple!(A a, B b, C c, D d);
