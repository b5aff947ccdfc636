//! Verifies passwords against bcrypt hashes.
//!
//! A hash takes a tenth of a second by design. A correct password is therefore cached, as a keyed hash, and guesses
//! are verified one at a time, in the order of [`turns`](super::turns), so they use at most one CPU core. A guess
//! costs the same for known and unknown names.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::turns::{Lane, Turns};
use crate::serve::client::unit;

type Digest = Hmac<Sha256>;

/// Users with the hashes of their passwords.
pub(super) struct Passwords {
    users: BTreeMap<String, SecretString>,
    /// The last correct password of each user, as a hash keyed with its bcrypt hash. Bounded by the number of
    /// users.
    known: Mutex<BTreeMap<String, Vec<u8>>>,
    turns: Arc<Turns>,
}

impl Passwords {
    /// `None` if no login is required.
    pub fn new(users: &BTreeMap<String, SecretString>) -> Option<Self> {
        (!users.is_empty()).then(|| Self {
            users: users.clone(),
            known: Mutex::default(),
            turns: Arc::default(),
        })
    }

    /// Whether the password of the user is correct.
    pub async fn are_valid(&self, client: Option<IpAddr>, name: String, password: String) -> bool {
        let client = client.map(unit);
        let known = self.users.get(&name);
        let (lane, hash) = match known {
            Some(hash) => (Lane::Known, hash),
            None => (Lane::Unknown, self.decoy(&name)),
        };
        let mut digest = keyed(hash);
        digest.update(name.as_bytes());
        digest.update(&[0]);
        digest.update(password.as_bytes());
        if self.is_remembered(&name, digest.clone()) {
            return true;
        }
        let Some(turn) = self.turns.take(lane, client).await else {
            return false;
        };
        let hash = hash.clone();
        let verified = tokio::task::spawn_blocking(move || {
            // Runs to completion even if the client disconnects: the next guess must not be verified concurrently.
            let _turn = turn;
            bcrypt::verify(password, hash.expose_secret()).unwrap_or(false)
        });
        let is_right = verified.await.unwrap_or(false) && lane == Lane::Known;
        if is_right {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(name, digest.finalize().into_bytes().to_vec());
        } else if lane == Lane::Known {
            // A wrong password waits as long as an unknown name does. Otherwise a flood would show which names are
            // known.
            drop(self.turns.take(Lane::Unknown, client).await);
        }
        is_right
    }

    /// The hash that an unknown name is verified against: that of some user, always the same one for a name, so that
    /// the cost does not show that the name is unknown.
    fn decoy(&self, name: &str) -> &SecretString {
        let hashes = || self.users.values();
        let chosen = hashes().max_by_key(|hash| {
            let mut digest = keyed(hash);
            digest.update(name.as_bytes());
            digest.finalize().into_bytes().to_vec()
        });
        chosen.expect("there are users")
    }

    fn is_remembered(&self, name: &str, digest: Digest) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let expected = known.get(name);
        // Compares in constant time.
        expected.is_some_and(|expected| digest.verify_slice(expected).is_ok())
    }
}

/// A digest that only the holder of the hash can compute.
fn keyed(hash: &SecretString) -> Digest {
    Digest::new_from_slice(hash.expose_secret().as_bytes()).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_pair_is_accepted_repeatedly() {
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
            let is_right = passwords.are_valid(None, name.to_owned(), password.to_owned());
            assert_eq!(is_right.await, expected, "{name} {password}");
        }
        assert!(Passwords::new(&BTreeMap::new()).is_none());
    }
}
