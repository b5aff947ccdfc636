//! Identifies conversations without identifying customers: a keyed hash replaces a customer's number or id.
//!
//! A hash has a scope, and hashes of different scopes cannot be compared. [`Scope`] defines all of them:
//!
//! - **phone number**: a customer in the conversation with one of the business's numbers. Conversations and the lanes
//!   of the relay have this scope, so that the hashes do not show which customers two numbers have in common.
//! - **portfolio**: a customer in the count of recipients, in which all numbers of a portfolio share its messaging
//!   limit. A webhook does not name the portfolio, so the scope is the whole installation. User ids differ between
//!   portfolios anyway; the hash of a telephone number is the same in all of them.
//! - **message**: a message, so that a reply finds the step that it answers.
//!
//! The key belongs to the installation. It does not depend on any app secret, so that rotating a secret or
//! re-ordering the apps ends no conversation.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::Sha256;
use thiserror::Error;

use crate::domain::{ConversationKey, MessageKey, PhoneNumberId, RecipientKey};

/// Separates these hashes from other uses of the same secret.
const PURPOSE: &[u8] = b"whatsapp-business-exporter: conversations";

/// Separates the check value from hashes of customers.
const CHECK: &[u8] = b"whatsapp-business-exporter: check value of the customers' key";

/// Bytes of a check value: enough to distinguish keys.
const CHECK_BYTES: usize = 8;

/// Length of a key in bytes, that of a SHA-256 hash.
const KEY_BYTES: usize = 32;

/// The key that customers are hashed with. `Debug` does not show it.
#[derive(Debug)]
pub struct CustomerKey(SecretBox<[u8; KEY_BYTES]>);

/// Why a text is not a valid key. No message contains the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The text is empty or only white space.
    #[error("is empty")]
    Empty,
    /// Wrong length.
    #[error("has {0} characters instead of 64 hexadecimal digits")]
    Length(usize),
    /// Invalid characters.
    #[error("contains characters other than hexadecimal digits")]
    NotHex,
    /// All bytes are the same, as in a placeholder.
    #[error("repeats one byte")]
    Constant,
}

impl CustomerKey {
    /// Creates a key from the system's random source.
    ///
    /// # Errors
    /// If the system cannot provide random numbers.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key)?;
        Ok(Self(SecretBox::new(Box::new(key))))
    }

    /// The key that versions before 0.2 made from the secret of the first app.
    #[must_use]
    pub fn from_app_secret(secret: &SecretString) -> Self {
        let derived = keyed(secret.expose_secret().as_bytes()).chain_update(PURPOSE);
        Self(SecretBox::new(Box::new(
            derived.finalize().into_bytes().into(),
        )))
    }

    /// Parses 64 hexadecimal digits; ignores white space around them.
    ///
    /// # Errors
    /// Why the text is not a valid key.
    pub fn parse(text: &[u8]) -> Result<Self, KeyError> {
        let digits = text.trim_ascii();
        if digits.is_empty() {
            return Err(KeyError::Empty);
        }
        if digits.len() != 2 * KEY_BYTES {
            return Err(KeyError::Length(digits.len()));
        }
        let mut key = [0; KEY_BYTES];
        hex::decode_to_slice(digits, &mut key).map_err(|_| KeyError::NotHex)?;
        if key.iter().all(|byte| *byte == key[0]) {
            return Err(KeyError::Constant);
        }
        Ok(Self(SecretBox::new(Box::new(key))))
    }

    /// The content of its file: 64 hexadecimal digits and a line break.
    #[must_use]
    pub fn file_text(&self) -> SecretString {
        format!("{}\n", hex::encode(self.0.expose_secret())).into()
    }

    /// Identifies the key. The key cannot be computed from it.
    #[must_use]
    pub fn check_value(&self) -> String {
        let digest = keyed(self.0.expose_secret()).chain_update(CHECK);
        hex::encode(&digest.finalize().into_bytes()[..CHECK_BYTES])
    }
}

/// The scope of a hash.
enum Scope<'a> {
    PhoneNumber(&'a PhoneNumberId),
    Portfolio,
    Message,
}

impl Scope<'_> {
    /// The text that is hashed before the customer or message, followed by a line break. An id consists of digits,
    /// which the words do not, so no two pairs of scope and id give the same text.
    fn prefix(&self) -> &str {
        match self {
            Self::PhoneNumber(id) => id.as_str(),
            Self::Portfolio => "portfolio",
            Self::Message => "message",
        }
    }
}

/// Hashes customers with the key of the installation. A plain hash of a telephone number could be reversed by trying
/// all numbers; with a secret key it cannot.
#[derive(Clone)]
pub struct CustomerHasher {
    keyed: Hmac<Sha256>,
}

impl fmt::Debug for CustomerHasher {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Customers")
    }
}

impl CustomerHasher {
    /// A hasher with this key.
    #[must_use]
    pub fn new(key: &CustomerKey) -> Self {
        Self {
            keyed: keyed(key.0.expose_secret()),
        }
    }

    /// The conversation of this customer with this number of the business.
    #[must_use]
    pub fn conversation(&self, number: &PhoneNumberId, customer: &str) -> ConversationKey {
        ConversationKey(self.hash(&Scope::PhoneNumber(number), customer))
    }

    /// This customer, independent of the number of the business.
    #[must_use]
    pub fn recipient(&self, customer: &str) -> RecipientKey {
        RecipientKey(self.hash(&Scope::Portfolio, customer))
    }

    /// This message. Its id contains the customer's telephone number.
    #[must_use]
    pub fn message(&self, id: &str) -> MessageKey {
        MessageKey(self.hash(&Scope::Message, id))
    }

    fn hash(&self, scope: &Scope<'_>, id: &str) -> u128 {
        let mac = self.keyed.clone();
        let mac = mac.chain_update(scope.prefix()).chain_update("\n");
        let digest: [u8; 32] = mac.chain_update(id).finalize().into_bytes().into();
        let (first, _) = digest
            .split_first_chunk()
            .expect("a SHA-256 has more than 16 bytes");
        u128::from_be_bytes(*first)
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_depends_on_the_key_the_number_and_the_customer() {
        let number = |text: &str| PhoneNumberId::parse(text).expect("an id");
        let key = |secret: &str, id: &str, customer: &str| {
            let key = CustomerKey::from_app_secret(&secret.into());
            CustomerHasher::new(&key).conversation(&number(id), customer)
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

    /// With the key below, `openssl dgst -sha256 -mac HMAC -macopt hexkey:…` of `portfolio\n15550100111`.
    #[test]
    fn a_recipient_is_hashed_in_a_scope_of_its_own() {
        let hasher = CustomerHasher::new(&CustomerKey::from_app_secret(&"autumn".into()));
        let RecipientKey(hash) = hasher.recipient("15550100111");
        assert_eq!(format!("{hash:032x}"), "4be72701a25df7b9281468c5c39d2e0b");
        let number = PhoneNumberId::parse("1").expect("an id");
        assert_ne!(hasher.conversation(&number, "15550100111").0, hash);
    }

    /// `openssl dgst -sha256 -hmac autumn` of the purpose is the key that version 0.1.0 derived. With this key as
    /// `-macopt hexkey:`, the hash of `1\n15550100111` begins with these digits.
    #[test]
    fn the_key_of_an_app_secret_gives_the_hashes_of_0_1_0() {
        let text = "dc556df02492d935d3d3badf38e5e6bb00f8f5b9bfce8ca94e53160cbc577a95";
        let derived = CustomerKey::from_app_secret(&"autumn".into());
        assert_eq!(derived.file_text().expose_secret(), format!("{text}\n"));
        let read = CustomerKey::parse(text.as_bytes()).expect("a key");
        let number = PhoneNumberId::parse("1").expect("an id");
        let ConversationKey(hash) = CustomerHasher::new(&read).conversation(&number, "15550100111");
        assert_eq!(format!("{hash:032x}"), "558fe400702b98b53d3cd03cb1ce9232");
    }

    #[test]
    fn a_key_is_read_as_it_was_written_and_other_text_is_refused() {
        let key = CustomerKey::generate().expect("random numbers");
        let text = key.file_text().expose_secret().to_owned();
        for same in [&text, &text.to_uppercase(), &text.replace('\n', "\r\n\n")] {
            let read = CustomerKey::parse(same.as_bytes()).expect("a key");
            assert_eq!(read.check_value(), key.check_value());
        }
        let other = CustomerKey::generate().expect("random numbers");
        assert_ne!(other.check_value(), key.check_value());
        let digits = text.trim_end();
        for (bad, error) in [
            (String::new(), KeyError::Empty),
            (" \r\n".to_owned(), KeyError::Empty),
            (digits[1..].to_owned(), KeyError::Length(63)),
            (format!("{digits}0"), KeyError::Length(65)),
            (format!("{digits}\n{digits}"), KeyError::Length(129)),
            (format!("\u{feff}{}", &digits[3..]), KeyError::NotHex),
            (format!("g{}", &digits[1..]), KeyError::NotHex),
            ("00".repeat(KEY_BYTES), KeyError::Constant),
        ] {
            assert_eq!(
                CustomerKey::parse(bad.as_bytes()).err(),
                Some(error),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn debug_does_not_show_the_key() {
        let key = CustomerKey::from_app_secret(&"autumn".into());
        let text = key.file_text();
        let printed = format!("{key:?} {:?}", CustomerHasher::new(&key));
        assert!(!printed.contains(&text.expose_secret()[..8]), "{printed}");
        assert!(!text.expose_secret().contains(&key.check_value()));
    }
}
