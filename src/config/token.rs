//! The kind of a token that clients send, given as its value or as the path of a file.

use secrecy::SecretString;

use super::kind::{SettingKind, presence};
use super::secret;
use super::secret_kind::SecretKind;
use super::setting::Setting;
use super::walker::Walker;

/// A token from one of its four sources: its two variables, or else two keys of the file.
pub(super) struct Token {
    /// The setting that names the file.
    pub(super) file: &'static Setting,
}

impl SettingKind for Token {
    type Value = Option<SecretString>;

    fn read(&self, setting: &Setting, walker: &mut Walker<'_>) -> Option<SecretString> {
        let in_variables = (
            walker.variable_text(setting),
            walker.variable_text(self.file),
        );
        let given = match in_variables {
            (None, None) => (walker.file_text(setting), walker.file_text(self.file)),
            given => given,
        };
        let (place, secret) = match given {
            (None, None) => return None,
            (Some(given), Some(named)) => {
                let message = format!("is given together with {}; keep one of them", named.place);
                (given.place, Err(message))
            }
            (Some(given), None) => {
                let secret = secret::from_text(SecretKind::ClientToken, &given.text);
                (given.place, secret)
            }
            (None, Some(named)) => {
                let path = walker.path(&named);
                let environment = walker.environment();
                let secret = secret::from_file(SecretKind::ClientToken, &path, environment);
                (named.place, secret)
            }
        };
        secret.map_err(|message| walker.error(place, message)).ok()
    }

    fn show(&self, value: &Option<SecretString>) -> String {
        presence(value.as_ref())
    }
}
