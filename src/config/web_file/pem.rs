//! What may stand in the file itself or in a file of its own: certificates, a key, authorities.

use std::path::Path;

use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::super::environment::read_text;
use super::super::setting::Setting;
use super::super::walker::Walker;

/// All certificate authorities of an operating system take some 200 KiB.
const MAX_PEM_BYTES: usize = 1024 * 1024;

/// The text at `inline`, or in the file that `file` names, relative to `folder`. No message shows any of it.
pub(super) fn read(
    walker: &mut Walker<'_>,
    inline: &Setting,
    file: &Setting,
    folder: &Path,
    seen: &mut Sha256,
) -> Option<SecretString> {
    let given = walker.secret_text(inline);
    let named = walker.secret_text(file);
    match (given, named) {
        (None, None) => None,
        (Some((place, _)), Some((other, _))) => {
            let message = format!("is given together with {other}; keep one of them");
            walker.error(place, message);
            None
        }
        (Some((_, text)), None) => Some(text.into()),
        (None, Some((place, path))) => {
            let text = read_text(walker.environment(), &folder.join(path), MAX_PEM_BYTES);
            let text = text.map_err(|problem| {
                let message =
                    format!("the file it names {problem}; check its path and permissions");
                walker.error(place, message);
            });
            let text = text.ok()?;
            seen.update(&text);
            Some(text.into())
        }
    }
}
