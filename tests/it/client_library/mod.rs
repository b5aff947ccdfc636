//! A third-party client library reads the simulated Meta: `pywa` from PyPI, in the version that the Makefile pins.
//!
//! It lists accounts, numbers and templates, and receives a whole story behind the exporter's relay.

mod graph;
mod receiver;

use std::path::{Path, PathBuf};
use std::process::Command;

/// How to install what a test misses.
const REMEDY: &str = "run `make test`, or: python3 -m venv target/venv && \
                      target/venv/bin/pip install pywa (Debian's package `python3-venv`)";

/// A script of this folder under the Python that `make test` sets up. Panics if `pywa` is missing.
fn script(name: &str) -> Command {
    let python = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../venv/bin/python3");
    let import = Command::new(&python).args(["-c", "import pywa"]).output();
    let is_there = import.is_ok_and(|output| output.status.success());
    assert!(is_there, "pywa is not installed; {REMEDY}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/client_library");
    let mut command = Command::new(python);
    // No proxy of the machine: everything stays on loopback.
    command.env_clear().arg("-I").arg(folder.join(name));
    command
}
