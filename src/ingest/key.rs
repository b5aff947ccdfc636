//! The key that identifies a repeated change. Meta assigns no id to deliveries or changes.

use sha2::{Digest, Sha256};

use crate::domain::DeliveryKey;

/// The first 128 bits of SHA-256 over the parts that identify a change, as they were written. Meta repeats its own
/// bytes, so two spellings of one value are two changes. Each part is preceded by its length, so that no two changes
/// give the same text.
///
/// An entry without a time has an empty one.
pub fn delivery_key(
    entry_id: &str,
    entry_time: &(impl AsRef<[u8]> + ?Sized),
    field: &str,
    value: &(impl AsRef<[u8]> + ?Sized),
) -> DeliveryKey {
    let mut hash = Sha256::new();
    let (entry_id, field) = (entry_id.as_bytes(), field.as_bytes());
    for part in [entry_id, entry_time.as_ref(), field, value.as_ref()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let (first, _) = digest
        .split_first_chunk()
        .expect("a SHA-256 has more than 16 bytes");
    DeliveryKey(u128::from_be_bytes(*first))
}

#[cfg(test)]
mod tests {
    use super::delivery_key;

    #[test]
    fn every_part_and_every_boundary_changes_the_key() {
        let key = delivery_key("1", "2", "f", "{}");
        assert_eq!(key, delivery_key("1", "2", "f", "{}"));
        for other in [
            delivery_key("12", "", "f", "{}"),
            delivery_key("", "12", "f", "{}"),
            delivery_key("1", "", "2f", "{}"),
            delivery_key("1", "2", "f{", "}"),
            delivery_key("1", "2", "f", "{ }"),
        ] {
            assert_ne!(key, other);
        }
    }
}
