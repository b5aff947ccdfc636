//! `basic_auth_users`: names, and what bcrypt made of their passwords.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::SecretString;

use super::super::error::shown_key;
use super::super::setting::Setting;
use super::super::walker::Walker;
use super::super::yaml::Node;

const USERS: Setting = Setting::new("basic_auth_users", "Names and bcrypt hashes");

/// More belong behind a proxy that knows them.
const MAX_USERS: usize = 1_000;

/// At 15 each login costs some three seconds of a processor.
const MAX_COST: u32 = 15;

/// Who may log in. `Debug` shows how many.
#[derive(Clone, Default)]
pub struct Users(pub BTreeMap<String, SecretString>);

impl fmt::Debug for Users {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} users", self.0.len())
    }
}

/// Reads them; no message shows a hash.
pub(super) fn read(walker: &mut Walker<'_>) -> Users {
    walker.note(&USERS);
    let place = "basic_auth_users";
    let entries = match walker.node(place) {
        None | Some(Node::Empty) => return Users::default(),
        Some(Node::Map(entries)) => entries,
        Some(_) => {
            walker.error(place, "takes names below it, each with a bcrypt hash");
            return Users::default();
        }
    };
    if entries.len() > MAX_USERS {
        walker.error(place, format!("has more than {MAX_USERS} users"));
        return Users::default();
    }
    let mut users = BTreeMap::new();
    for (name, node) in entries {
        let place = format!("{place}.{}", shown_key(name));
        if name.is_empty() || name.contains(':') || name.chars().any(char::is_control) {
            let message = "is not a name to log in with; a colon ends a name";
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
                    "costs {cost}, and each login would take seconds; make it {MAX_COST} at most"
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

/// What the hash says that it costs, where it is one: `$2y$10$`, salt and hash in 53 characters.
fn bcrypt_cost(hash: &str) -> Option<u32> {
    let parts = hash.parse::<bcrypt::HashParts>().ok()?;
    Some(parts.get_cost()).filter(|cost| (4..=31).contains(cost))
}
