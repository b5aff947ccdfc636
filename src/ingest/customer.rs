//! Whose conversation it is, without who that is: a keyed hash in place of a customer's number or id.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::domain::{ConversationKey, PhoneNumberId};

/// So that what the same secret signs elsewhere tells nothing about these hashes.
const PURPOSE: &[u8] = b"whatsapp-business-exporter: conversations";

/// Hashes customers with a secret of the installation. A plain hash of a telephone number would be
/// undone by trying all of them; without the secret, these cannot be.
#[derive(Clone)]
pub struct Customers {
    keyed: Hmac<Sha256>,
}

impl fmt::Debug for Customers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Customers")
    }
}

impl Customers {
    /// With a key that is made from this secret.
    #[must_use]
    pub fn new(secret: &SecretString) -> Self {
        let derived = keyed(secret.expose_secret().as_bytes()).chain_update(PURPOSE);
        Self {
            keyed: keyed(&derived.finalize().into_bytes()),
        }
    }

    /// The conversation of this customer with this number of the business.
    #[must_use]
    pub fn conversation(&self, number: &PhoneNumberId, customer: &str) -> ConversationKey {
        let mac = self.keyed.clone();
        // An id is digits alone, so that no two pairs make one text.
        let mac = mac.chain_update(number.as_str()).chain_update("\n");
        let digest: [u8; 32] = mac.chain_update(customer).finalize().into_bytes().into();
        let (first, _) = digest
            .split_first_chunk()
            .expect("a SHA-256 has more than 16 bytes");
        ConversationKey(u128::from_be_bytes(*first))
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_depends_on_the_secret_the_number_and_the_customer() {
        let number = |text: &str| PhoneNumberId::parse(text).expect("an id");
        let key = |secret: &str, id: &str, customer: &str| {
            Customers::new(&secret.into()).conversation(&number(id), customer)
        };
        let one = key("secret", "1", "15550100111");
        assert_eq!(one, key("secret", "1", "15550100111"));
        for other in [
            key("Secret", "1", "15550100111"),
            key("secret", "2", "15550100111"),
            key("secret", "1", "15550100112"),
            key("secret", "11", "5550100111"),
        ] {
            assert_ne!(one, other);
        }
    }
}
