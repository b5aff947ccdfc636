//! Reads certificates, keys and authorities, from the file itself or from a separate file.

use std::path::Path;

use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::super::environment::read_text;
use super::super::setting::Setting;
use super::super::walker::Walker;

/// All certificate authorities of an operating system take some 200 KiB.
const MAX_PEM_BYTES: usize = 1024 * 1024;

/// The text at `inline`, or in the file that `file` names, relative to `folder`. Errors contain none of it.
pub(super) fn read(
    walker: &mut Walker<'_>,
    inline: &Setting,
    file: &Setting,
    folder: &Path,
    seen: &mut Sha256,
) -> Option<SecretString> {
    let given = walker.file_text(inline);
    let named = walker.file_text(file);
    match (given, named) {
        (None, None) => None,
        (Some(given), Some(named)) => {
            let message = format!("is given together with {}; keep one of them", named.place);
            walker.error(given.place, message);
            None
        }
        (Some(given), None) => Some(given.text.into()),
        (None, Some(named)) => {
            let path = folder.join(&named.text);
            let text = read_text(walker.environment(), &path, MAX_PEM_BYTES);
            let text = text.map_err(|problem| {
                let message =
                    format!("the file it names {problem}; check its path and permissions");
                walker.error(named.place, message);
            });
            let text = text.ok()?;
            seen.update(&text);
            Some(text.into())
        }
    }
}
