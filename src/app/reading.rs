//! Reads files without blocking the caller: a named pipe without a writer or a network file system that hangs never
//! returns. A separate thread waits for the file, and the caller waits for that thread only for a limited time.
//!
//! A blocked thread cannot be stopped. There is at most one: while it is blocked, no other file is read.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use crate::config::Environment;

/// Timeout of a read. Files of a configuration are small, so one that takes longer is blocked.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// The variables and files that a thread may read.
pub(super) type SharedEnvironment = Arc<dyn Environment + Send + Sync>;

/// Why reading failed.
#[derive(Debug, Error)]
pub(super) enum ReadError {
    /// A file does not respond, now or since an earlier attempt.
    #[error(
        "{} does not respond: it is a named pipe without a writer, or its file system hangs",
        .0.as_ref().map_or_else(|| "a file".to_owned(), |path| path.display().to_string())
    )]
    Blocked(Option<PathBuf>),
    /// The operating system cannot create a thread.
    #[error("cannot start a thread to read files: {0}")]
    NoThread(io::Error),
    /// The thread ended without a result.
    #[error("reading the configuration panicked; this is a bug")]
    Panicked,
}

/// Reads files, one set after the other.
#[derive(Clone, Debug)]
pub(super) struct FileReader {
    idle: Arc<Semaphore>,
    /// The file that is being read.
    current: Arc<Mutex<Option<PathBuf>>>,
}

impl FileReader {
    pub fn new() -> Self {
        Self {
            idle: Arc::new(Semaphore::new(1)),
            current: Arc::default(),
        }
    }

    /// The result of `read` with the variables and files.
    ///
    /// # Errors
    /// If a file does not respond in time, or has not responded since an earlier attempt.
    pub async fn read<T: Send + 'static>(
        &self,
        environment: SharedEnvironment,
        read: impl FnOnce(&dyn Environment) -> T + Send + 'static,
    ) -> Result<T, ReadError> {
        let Ok(busy) = Arc::clone(&self.idle).try_acquire_owned() else {
            return Err(self.blocked());
        };
        let (answer, outcome) = oneshot::channel();
        let current = Arc::clone(&self.current);
        let thread = std::thread::Builder::new().name("config".to_owned());
        let started = thread.spawn(move || {
            let tracked = Tracked {
                environment,
                current: &current,
            };
            let result = read(&tracked);
            drop(busy);
            // The caller may have stopped waiting.
            drop(answer.send(result));
        });
        started.map_err(ReadError::NoThread)?;
        match timeout(READ_TIMEOUT, outcome).await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(_)) => Err(ReadError::Panicked),
            Err(_) => Err(self.blocked()),
        }
    }

    fn blocked(&self) -> ReadError {
        let current = self.current.lock();
        ReadError::Blocked(current.unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// Records which file is being read. A path that blocks belongs to a file: only paths that cannot be read at all may
/// be secrets in the wrong place.
struct Tracked<'a> {
    environment: SharedEnvironment,
    current: &'a Mutex<Option<PathBuf>>,
}

impl Tracked<'_> {
    fn note(&self, path: Option<PathBuf>) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = path;
    }
}

impl Environment for Tracked<'_> {
    fn variable(&self, name: &str) -> Option<std::ffi::OsString> {
        self.environment.variable(name)
    }

    fn variable_names(&self) -> Vec<String> {
        self.environment.variable_names()
    }

    fn read_file(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        self.note(Some(path.to_owned()));
        let bytes = self.environment.read_file(path, limit);
        self.note(None);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::config::FixedEnvironment;

    /// Files that respond only on request.
    struct Pipe(Mutex<mpsc::Receiver<()>>);

    impl Environment for Pipe {
        fn variable(&self, _name: &str) -> Option<std::ffi::OsString> {
            None
        }

        fn variable_names(&self) -> Vec<String> {
            Vec::new()
        }

        fn read_file(&self, _path: &Path, _limit: usize) -> io::Result<Vec<u8>> {
            let writer = self.0.lock().expect("nobody panics");
            writer.recv().map_err(io::Error::other)?;
            Ok(b"late".to_vec())
        }
    }

    fn first_line(environment: &dyn Environment) -> Option<Vec<u8>> {
        environment.read_file(Path::new("/secret"), 10).ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_blocked_file_delays_no_caller_and_takes_one_thread() {
        let (writer, pipe) = mpsc::channel();
        let blocked: SharedEnvironment = Arc::new(Pipe(Mutex::new(pipe)));
        let reader = FileReader::new();
        let first = reader.read(Arc::clone(&blocked), first_line).await;
        assert!(matches!(first, Err(ReadError::Blocked(_))), "{first:?}");
        // The thread runs in real time, unlike this test.
        while !matches!(reader.blocked(), ReadError::Blocked(Some(_))) {
            std::thread::yield_now();
        }
        for _ in 0..3 {
            let error = reader.read(Arc::clone(&blocked), first_line).await;
            let error = error.expect_err("it is blocked").to_string();
            assert!(error.starts_with("/secret does not respond: "), "{error}");
        }
        // One read has been started; after it ends, files are read again. That takes real time.
        tokio::time::resume();
        writer.send(()).expect("one thread waits");
        let files: SharedEnvironment =
            Arc::new(FixedEnvironment::default().with_file("/secret", "now"));
        let read = loop {
            if let Ok(read) = reader.read(Arc::clone(&files), first_line).await {
                break read;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(read.as_deref(), Some(b"now".as_slice()));
        drop(writer);
    }
}
