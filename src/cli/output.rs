//! Writes the output of commands, as opposed to the log.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes a line to standard output. A closed pipe (`… | head -1`) is not an error.
pub(super) fn print(line: &dyn Display) -> io::Result<()> {
    write_line(&mut io::stdout().lock(), line)
}

/// Writes a line to standard error. Errors are ignored, because there is nowhere to report them.
pub fn print_error(line: &dyn Display) {
    let _ = write_line(&mut io::stderr().lock(), line);
}

fn write_line(out: &mut dyn Write, line: &dyn Display) -> io::Result<()> {
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A writer whose writes all fail with this kind of error.
    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_not_an_error() {
        assert!(write_line(&mut Broken(io::ErrorKind::BrokenPipe), &"text").is_ok());
        assert!(write_line(&mut Broken(io::ErrorKind::StorageFull), &"text").is_err());
    }
}
