//! The installed PostgreSQL, and the user that runs it.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use rustix::process::getuid;

/// The programs of the newest installed version.
pub fn binaries() -> &'static Path {
    static BINARIES: LazyLock<PathBuf> = LazyLock::new(|| {
        let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
        let versions = versions.filter_map(|version| {
            let path = version.ok()?.path();
            let number: u32 = path.file_name()?.to_str()?.parse().ok()?;
            let binaries = path.join("bin");
            binaries
                .join("initdb")
                .exists()
                .then_some((number, binaries))
        });
        let newest = versions.max().map(|(_, binaries)| binaries);
        newest.expect("no PostgreSQL: install Debian's package `postgresql`, or run `make test`")
    });
    &BINARIES
}

/// The user and group of the package, if the tests run as root.
fn owner() -> Option<(u32, u32)> {
    static OWNER: LazyLock<Option<(u32, u32)>> = LazyLock::new(|| {
        getuid().is_root().then(|| {
            let users = fs::read_to_string("/etc/passwd").expect("a list of users");
            let line = users
                .lines()
                .find_map(|line| line.strip_prefix("postgres:"));
            let line = line.expect("no user `postgres`: install Debian's package `postgresql`");
            let mut ids = line
                .split(':')
                .skip(1)
                .map(|id| id.parse().expect("a number"));
            let id = |id: Option<u32>| id.expect("a user and a group");
            (id(ids.next()), id(ids.next()))
        })
    });
    *OWNER
}

/// A command of that user, without variables.
pub fn as_user(mut command: Command) -> Command {
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C");
    if let Some((user, group)) = owner() {
        command.uid(user).gid(group);
    }
    command
}

/// Gives a file or folder to that user.
pub fn give_away(path: &Path) {
    if let Some((user, group)) = owner() {
        chown(path, Some(user), Some(group)).expect("root may");
    }
}
