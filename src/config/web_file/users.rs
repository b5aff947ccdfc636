//! `basic_auth_users`: user names and bcrypt hashes.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::SecretString;

use super::super::error::shown_key;
use super::super::setting::Setting;
use super::super::walker::Walker;
use crate::yaml::{Entry, Node};

const USERS: Setting = Setting::new(
    "basic_auth_users",
    "User names and bcrypt hashes of their passwords",
);

/// More users need a reverse proxy with its own user database.
const MAX_USERS: usize = 1_000;

/// With a cost of 15, each login takes some three seconds of CPU time.
const MAX_COST: u32 = 15;

/// Users who may log in. `Debug` shows only their number.
#[derive(Clone, Default)]
pub struct Users(pub BTreeMap<String, SecretString>);

impl fmt::Debug for Users {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} users", self.0.len())
    }
}

/// Reads the users. Errors never contain a hash.
pub(super) fn read(walker: &mut Walker<'_>) -> Users {
    walker.note(&USERS);
    let place = "basic_auth_users";
    let entries = match walker.node(place) {
        None | Some(Node::Empty) => return Users::default(),
        Some(Node::Map(entries)) => entries,
        Some(_) => {
            walker.error(place, "must contain user names, each with a bcrypt hash");
            return Users::default();
        }
    };
    if entries.len() > MAX_USERS {
        walker.error(
            place,
            format!("has more than {MAX_USERS} users; authenticate them in a reverse proxy"),
        );
        return Users::default();
    }
    let mut users = BTreeMap::new();
    for Entry {
        key: name, node, ..
    } in entries
    {
        let place = format!("{place}.{}", shown_key(name));
        if name.is_empty() || name.contains(':') || name.chars().any(char::is_control) {
            let message = "is not a user name; give one without colons and control characters";
            walker.error(place, message);
            continue;
        }
        let Some(hash) = walker.node_text(&place, node) else {
            continue;
        };
        match bcrypt_cost(hash) {
            Some(cost) if cost <= MAX_COST => {
                users.insert(name.clone(), hash.into());
            }
            Some(cost) => walker.error(
                place,
                format!(
                    "has the bcrypt cost {cost}, with which a login takes seconds; use at most {MAX_COST}"
                ),
            ),
            None => walker.error(
                place,
                "is not a bcrypt hash; make one with `htpasswd -nBC 10 \"\" | tr -d ':\\n'`",
            ),
        }
    }
    Users(users)
}

/// The cost of a bcrypt hash, such as 10 in `$2y$10$…`; `None` if the text is not one.
fn bcrypt_cost(hash: &str) -> Option<u32> {
    let parts = hash.parse::<bcrypt::HashParts>().ok()?;
    Some(parts.get_cost()).filter(|cost| (4..=31).contains(cost))
}
