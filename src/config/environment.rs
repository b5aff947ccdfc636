//! What configuration reads from outside: variables and files, behind a trait, so that no test sets
//! a process variable. Knows nothing of keys.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Variables and files.
pub trait Environment {
    /// The variable's value, if it is set; possibly empty, possibly not text.
    fn variable(&self, name: &str) -> Option<OsString>;

    /// The first `limit` bytes of the file.
    ///
    /// # Errors
    /// Those of opening and reading it.
    fn read_file(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>>;
}

/// The process's own variables and the file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn variable(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    fn read_file(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?
            .take(limit as u64)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// Variables and files held in memory: for the demo, which is configured by nobody, and for tests.
/// It has no `Debug`, since variables hold secrets.
#[derive(Clone, Default)]
pub struct FixedEnvironment {
    variables: BTreeMap<String, OsString>,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl FixedEnvironment {
    /// With one more variable.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// Without a variable.
    #[must_use]
    pub fn without_variable(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// With one more file.
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

    fn read_file(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        let bytes = self.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(bytes.iter().copied().take(limit).collect())
    }
}

/// The file's text, or the end of a sentence that says why there is none. The sentence names neither
/// path nor content: a secret put where its file's path belongs must not be printed.
pub(super) fn read_text(
    environment: &dyn Environment,
    path: &Path,
    limit: usize,
) -> Result<String, String> {
    // One byte more than allowed tells a full file from one that goes on.
    let bytes = environment
        .read_file(path, limit.saturating_add(1))
        .map_err(|error| format!("cannot be read ({})", reason(&error)))?;
    if bytes.len() > limit {
        return Err(format!("is larger than {limit} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())
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
            .with_file("/bytes", [0xff_u8]);
        let read = |path: &str, limit| read_text(&environment, Path::new(path), limit);
        assert_eq!(read("/four", 4).as_deref(), Ok("four"));
        assert_eq!(read("/four", 3), Err("is larger than 3 bytes".to_owned()));
        assert_eq!(read("/bytes", 4), Err("is not UTF-8 text".to_owned()));
        assert_eq!(
            read("/none", 4),
            Err("cannot be read (no such file)".to_owned())
        );
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
