//! Names and passwords, held against bcrypt hashes.
//!
//! A hash takes a tenth of a second on purpose. So who has logged in is remembered, by a keyed hash of
//! what was said, and wrong passwords wait for one another: they take one processor at most.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use tokio::sync::Semaphore;

type Digest = Hmac<Sha256>;

/// Who may log in.
pub(super) struct Passwords {
    users: BTreeMap<String, SecretString>,
    /// Stands in for a name that is not known, so that its answer takes as long.
    any: SecretString,
    /// What the last right password of a name came to, keyed with its hash.
    known: Mutex<BTreeMap<String, Vec<u8>>>,
    one_at_a_time: Semaphore,
}

impl Passwords {
    /// None where nobody has to log in.
    pub fn new(users: &BTreeMap<String, SecretString>) -> Option<Self> {
        Some(Self {
            any: users.values().next()?.clone(),
            users: users.clone(),
            known: Mutex::default(),
            one_at_a_time: Semaphore::new(1),
        })
    }

    /// Is this the password of this name?
    pub async fn are_right(&self, name: String, password: String) -> bool {
        let hash = self.users.get(&name).unwrap_or(&self.any);
        let mut digest = Digest::new_from_slice(hash.expose_secret().as_bytes())
            .expect("a key of any length will do");
        digest.update(name.as_bytes());
        digest.update(&[0]);
        digest.update(password.as_bytes());
        if self.is_remembered(&name, digest.clone()) {
            return true;
        }
        let Ok(_turn) = self.one_at_a_time.acquire().await else {
            return false;
        };
        let hash = hash.clone();
        let verified = tokio::task::spawn_blocking(move || {
            bcrypt::verify(password, hash.expose_secret()).unwrap_or(false)
        });
        let is_right = verified.await.unwrap_or(false) && self.users.contains_key(&name);
        if is_right {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(name, digest.finalize().into_bytes().to_vec());
        }
        is_right
    }

    fn is_remembered(&self, name: &str, digest: Digest) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let expected = known.get(name);
        // Compares in constant time.
        expected.is_some_and(|expected| digest.verify_slice(expected).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_pair_opens_and_again() {
        let hash = bcrypt::hash("open sesame", 4).expect("a hash");
        let users = BTreeMap::from([("ali".to_owned(), SecretString::from(hash))]);
        let passwords = Passwords::new(&users).expect("one user");
        let tries = [
            ("ali", "open sesame", true),
            ("ali", "open sesame", true),
            ("ali", "open barley", false),
            ("ali", "", false),
            ("cassim", "open sesame", false),
            ("cassim", "open sesame", false),
        ];
        for (name, password, expected) in tries {
            let is_right = passwords.are_right(name.to_owned(), password.to_owned());
            assert_eq!(is_right.await, expected, "{name} {password}");
        }
        assert!(Passwords::new(&BTreeMap::new()).is_none());
    }
}
