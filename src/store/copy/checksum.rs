//! The checksum of a table, which does not depend on the engine or on the order of rows.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::store::engine::{CopiedRow, CopiedValue};

/// Number of rows, and the sum of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checksum {
    /// Number of rows.
    pub rows: u64,
    sum: u128,
}

impl Checksum {
    /// Adds a row.
    pub fn add(&mut self, row: &CopiedRow) {
        let mut hash = Sha256::new();
        for value in row {
            match value {
                CopiedValue::Null => hash.update([0]),
                CopiedValue::Integer(number) => {
                    hash.update([1]);
                    hash.update(number.to_be_bytes());
                }
                CopiedValue::Flag(flag) => hash.update([2, u8::from(*flag)]),
                CopiedValue::Text(text) => add_bytes(&mut hash, 3, text.as_bytes()),
                CopiedValue::Bytes(bytes) => add_bytes(&mut hash, 4, bytes),
            }
        }
        let hash = hash.finalize();
        let (first, _) = hash.split_first_chunk().expect("a hash has 32 bytes");
        self.sum = self.sum.wrapping_add(u128::from_be_bytes(*first));
        self.rows += 1;
    }
}

/// With the length, so that a value cannot continue in the next one.
fn add_bytes(hash: &mut Sha256, kind: u8, bytes: &[u8]) {
    hash.update([kind]);
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

impl fmt::Display for Checksum {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:032x}", self.sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[CopiedRow]) -> Checksum {
        let mut checksum = Checksum::default();
        rows.iter().for_each(|row| checksum.add(row));
        checksum
    }

    #[test]
    fn the_order_of_rows_does_not_count_and_everything_else_does() {
        let text = |text: &str| CopiedValue::Text(text.to_owned());
        let one = vec![text("ab"), text("c")];
        let other = vec![text("a"), text("bc")];
        assert_eq!(
            of(&[one.clone(), other.clone()]),
            of(&[other.clone(), one.clone()])
        );
        let only_one = of(std::slice::from_ref(&one));
        assert_ne!(only_one, of(&[other]));
        assert_ne!(only_one, of(&[one.clone(), one]));
        let empty = |value| of(&[vec![value]]);
        assert_ne!(empty(CopiedValue::Null), empty(text("")));
        assert_ne!(
            empty(CopiedValue::Integer(0)),
            empty(CopiedValue::Flag(false))
        );
    }
}
