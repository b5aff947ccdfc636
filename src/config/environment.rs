//! The external sources of the configuration: variables and files, behind a trait, so that tests set no process
//! variables. Contains no keys.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Variables and files.
pub trait Environment {
    /// The variable's value. `None` if it is not set; it may be empty, and may not be UTF-8.
    fn variable(&self, name: &str) -> Option<OsString>;

    /// The names of all variables that are set. Names that are not UTF-8 are omitted.
    fn variable_names(&self) -> Vec<String>;

    /// Reads up to `limit` bytes of the file.
    ///
    /// # Errors
    /// The errors of opening and reading it.
    fn read_file(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>>;
}

/// The process's own variables and the file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn variable(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    fn variable_names(&self) -> Vec<String> {
        let names = std::env::vars_os().map(|(name, _)| name);
        names.filter_map(|name| name.into_string().ok()).collect()
    }

    fn read_file(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?
            .take(limit as u64)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// Variables and files in memory, for the demo and for tests. It has no `Debug`, because variables contain secrets.
#[derive(Clone, Default)]
pub struct FixedEnvironment {
    variables: BTreeMap<String, OsString>,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl FixedEnvironment {
    /// Adds a variable.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// Returns the environment without this variable.
    #[must_use]
    pub fn without_variable(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn with_file(mut self, path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.into(), bytes.into());
        self
    }
}

impl Environment for FixedEnvironment {
    fn variable(&self, name: &str) -> Option<OsString> {
        self.variables.get(name).cloned()
    }

    fn variable_names(&self) -> Vec<String> {
        self.variables.keys().cloned().collect()
    }

    fn read_file(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        let bytes = self.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(bytes.iter().copied().take(limit).collect())
    }
}

/// The variable's text, or an error message without its subject. A blank variable counts as unset, because
/// `${NAME:-}` in a compose file leaves one unintentionally.
pub(super) fn read_variable(
    environment: &dyn Environment,
    name: &str,
) -> Option<Result<String, String>> {
    let text = environment.variable(name)?.into_string();
    let text = text.map_err(|_| "is not UTF-8 text; set it again".to_owned());
    let is_blank = text.as_ref().is_ok_and(|text| text.trim().is_empty());
    (!is_blank).then_some(text)
}

/// The file's text, or the end of a sentence with the error. It contains neither the path nor the content, because a
/// secret may have been set in place of the path.
pub(super) fn read_text(
    environment: &dyn Environment,
    path: &Path,
    limit: usize,
) -> Result<String, String> {
    // One byte above the limit distinguishes a file of that size from a longer one.
    let bytes = environment
        .read_file(path, limit.saturating_add(1))
        .map_err(|error| format!("cannot be read ({})", reason(&error)))?;
    if bytes.len() > limit {
        return Err(format!("is larger than {limit} bytes"));
    }
    if is_utf16(&bytes) {
        return Err("is UTF-16 text; save it as UTF-8".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8 text; save it as UTF-8".to_owned())
}

/// PowerShell's `>` and Windows editors write UTF-16, recognizable by a byte order mark or by a NUL in each
/// character.
fn is_utf16(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [0xff, 0xfe, ..]
            | [0xfe, 0xff, ..]
            | [0, 1..=0xff, 0, 1..=0xff, ..]
            | [1..=0xff, 0, 1..=0xff, 0, ..]
    )
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        kind => kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_bounded_utf8_text() {
        let environment = FixedEnvironment::default()
            .with_file("/four", "four")
            .with_file("/bytes", [0xff_u8])
            .with_file("/little", [0xff_u8, 0xfe, b'a', 0])
            .with_file("/big", [0xfe_u8, 0xff, 0, b'a'])
            .with_file("/unmarked", "a\0b\0")
            .with_file("/unmarked-big", "\0a\0b");
        let read = |path: &str, limit| read_text(&environment, Path::new(path), limit);
        assert_eq!(read("/four", 4).as_deref(), Ok("four"));
        assert_eq!(read("/four", 3), Err("is larger than 3 bytes".to_owned()));
        assert_eq!(
            read("/bytes", 4),
            Err("is not UTF-8 text; save it as UTF-8".to_owned())
        );
        for path in ["/little", "/big", "/unmarked", "/unmarked-big"] {
            let error = Err("is UTF-16 text; save it as UTF-8".to_owned());
            assert_eq!(read(path, 4), error, "{path}");
        }
        assert_eq!(
            read("/none", 4),
            Err("cannot be read (no such file)".to_owned())
        );
    }

    #[test]
    fn a_blank_variable_is_not_set() {
        let read = |value: &str| {
            let environment = FixedEnvironment::default().with_variable("NAME", value);
            read_variable(&environment, "NAME")
        };
        for blank in ["", " ", "\t\r\n", "\u{a0}"] {
            assert_eq!(read(blank), None, "{blank:?}");
        }
        assert_eq!(read(" x "), Some(Ok(" x ".to_owned())));
        assert_eq!(read_variable(&FixedEnvironment::default(), "NAME"), None);
    }

    #[test]
    fn the_process_reads_no_more_than_the_limit() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("secret");
        std::fs::write(&path, "0123456789").expect("a writable file");
        let read = ProcessEnvironment
            .read_file(&path, 4)
            .expect("a readable file");
        assert_eq!(read, b"0123");
        assert_eq!(
            read_text(&ProcessEnvironment, directory.path(), 4),
            Err("cannot be read (it is a directory)".to_owned())
        );
    }
}
