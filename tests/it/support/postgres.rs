//! Real PostgreSQL servers of Debian's package, each with its own data, port and socket. No server that runs already is
//! touched.
//!
//! PostgreSQL refuses to run as root, so the tests then start it as the package's user `postgres`. Each server ends with
//! its `PostgresServer`, and at the latest with the process of the tests, even if that is killed: a shell waits for the
//! end of its standard input and then stops the server by its process id.

mod installed;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use installed::{as_user, binaries, give_away};

use crate::process::until;
use crate::support::ports::unused_address;

/// The password of the superuser `postgres` over TCP; over the Unix socket it needs none.
pub const PASSWORD: &str = "not-a-secret-of-anyone";

/// To start, or to recover after a crash, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often another free port is tried if a program takes the one found.
const ATTEMPTS: usize = 5;

/// Starts "$@", and stops it at the end of standard input. An immediate stop, because the data is no longer needed. Then
/// removes the folder `$0`, if there is one: a static is never dropped, so the shared server's folder would remain.
const KEEPER: &str = r#""$@" < /dev/null & server=$!
cat > /dev/null
kill -QUIT "$server" 2> /dev/null
wait "$server"
[ -z "$0" ] || rm -rf "$0""#;

/// A running server, or one that a test has stopped.
pub struct PostgresServer {
    folder: tempfile::TempDir,
    port: Mutex<u16>,
    settings: Vec<String>,
    keeper: Mutex<Option<Child>>,
    is_shared: bool,
}

/// The server that tests share, each with its own database. It does not wait for the disk.
pub fn shared() -> &'static PostgresServer {
    static SHARED: LazyLock<PostgresServer> = LazyLock::new(|| {
        let mut server = PostgresServer::new(&["fsync=off", "full_page_writes=off"]);
        server.is_shared = true;
        server.initialize(&[]);
        server
    });
    &SHARED
}

impl PostgresServer {
    /// Starts another server with these settings, such as `fsync=off`.
    pub fn start(settings: &[&str]) -> Self {
        Self::start_with_files(settings, &[])
    }

    /// The same, with more files in its data folder, such as a certificate.
    pub fn start_with_files(settings: &[&str], files: &[(&str, &str)]) -> Self {
        let server = Self::new(settings);
        server.initialize(files);
        server
    }

    /// Creates the data, and starts the server.
    fn initialize(&self, files: &[(&str, &str)]) {
        let password = self.folder.path().join("password");
        fs::write(&password, PASSWORD).expect("the folder is ours");
        let mut initdb = self.tool("initdb");
        initdb.args([
            "--username=postgres",
            "--auth-host=scram-sha-256",
            "--auth-local=trust",
        ]);
        initdb.args(["--encoding=UTF8", "--locale=C", "--no-sync"]);
        initdb.arg(format!("--pwfile={}", password.display()));
        run(initdb.arg("--pgdata").arg(self.data()));
        for (name, text) in files {
            self.write_private(name, text);
        }
        self.begin();
    }

    /// Starts a hot standby of `primary`, which receives its changes.
    pub fn standby_of(primary: &Self, settings: &[&str]) -> Self {
        let server = Self::new(settings);
        let mut copy = server.tool("pg_basebackup");
        copy.args([
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--no-sync",
            "--username=postgres",
        ]);
        copy.arg("--host").arg(primary.folder.path());
        copy.arg(format!("--port={}", primary.port()));
        run(copy.arg("--pgdata").arg(server.data()));
        server.begin();
        server
    }

    /// A new database, and its URL with the superuser and its password.
    pub fn new_database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.execute("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// The URL of a database, with the superuser and its password.
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgres://postgres:{PASSWORD}@127.0.0.1:{}/{database}",
            self.port()
        )
    }

    /// The port of both TCP and the socket.
    pub fn port(&self) -> u16 {
        *self.port.lock().expect("no test panicked here")
    }

    /// The folder of the Unix socket, which requires no password.
    pub fn socket_folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs SQL as the superuser, and returns the rows, with columns separated by `|`.
    pub fn execute(&self, database: &str, sql: &str) -> String {
        self.try_execute(database, sql)
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    fn try_execute(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut psql = Command::new(binaries().join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
        psql.args([
            "--set=ON_ERROR_STOP=1",
            "--username=postgres",
            "--command",
            sql,
        ]);
        psql.arg("--host").arg(self.folder.path());
        psql.arg(format!("--port={}", self.port()));
        let done = psql.arg(database).env_remove("PGOPTIONS").output();
        let done = done.map_err(|error| error.to_string())?;
        if done.status.success() {
            Ok(String::from_utf8_lossy(&done.stdout).trim_end().to_owned())
        } else {
            Err(String::from_utf8_lossy(&done.stderr).into_owned())
        }
    }

    /// Stops the server as a crash does: without a checkpoint, and without waiting for clients.
    pub fn stop(&self) {
        let keeper = self.keeper.lock().expect("no test panicked here").take();
        let Some(mut keeper) = keeper else { return };
        drop(keeper.stdin.take());
        keeper.wait().expect("it is our child");
    }

    /// Starts the server again after [`Self::stop`], on the same port.
    pub fn start_again(&self) {
        // It would refuse to start if another process had its number by chance.
        drop(fs::remove_file(self.data().join("postmaster.pid")));
        let started = self.try_begin();
        started.unwrap_or_else(|log| panic!("PostgreSQL did not start again:\n{log}"));
    }

    /// What `pg_ctl restart -m immediate` does.
    pub fn restart_immediate(&self) {
        self.stop();
        self.start_again();
    }

    /// Stops or resumes the processes of the server: the server does not respond, but its host does.
    pub fn signal(&self, signal: Signal) {
        let pid = fs::read_to_string(self.data().join("postmaster.pid")).expect("it runs");
        let pid = pid.lines().next().and_then(|pid| pid.parse().ok());
        let pid = Pid::from_raw(pid.expect("a process id")).expect("not 0");
        kill_process(pid, signal).expect("it runs");
    }

    /// Makes a standby a primary, and waits until it accepts writes.
    pub fn promote(&self) {
        self.execute("postgres", "SELECT pg_promote(true, 60)");
        until("the promotion", PATIENCE, || {
            match self
                .execute("postgres", "SELECT pg_is_in_recovery()")
                .as_str()
            {
                "f" => Ok(()),
                other => Err(other.to_owned()),
            }
        });
    }

    /// The server's log.
    pub fn log(&self) -> String {
        let log = fs::read(self.folder.path().join("log"));
        String::from_utf8_lossy(&log.unwrap_or_default()).into_owned()
    }

    fn new(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        fs::create_dir(&data).expect("the folder is ours");
        for path in [folder.path(), &data] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).expect("ours");
            give_away(path);
        }
        Self {
            folder,
            port: Mutex::new(0),
            settings: settings.iter().map(|it| (*it).to_owned()).collect(),
            keeper: Mutex::new(None),
            is_shared: false,
        }
    }

    /// Starts the server on a free port. Another program can take the port before the server does.
    fn begin(&self) {
        let mut log = String::new();
        for _ in 0..ATTEMPTS {
            *self.port.lock().expect("no test panicked here") = unused_address().port();
            match self.try_begin() {
                Ok(()) => return,
                Err(text) => log = text,
            }
            assert!(
                log.contains("already in use"),
                "PostgreSQL did not start:\n{log}"
            );
        }
        panic!("no free port in {ATTEMPTS} attempts:\n{log}");
    }

    /// Starts the server, and waits until it responds. Returns its log if it ends.
    fn try_begin(&self) -> Result<(), String> {
        let log = fs::File::create(self.folder.path().join("log")).expect("the folder is ours");
        let mut server = as_user(Command::new("/bin/sh"));
        server.current_dir(self.folder.path());
        server
            .args(["-c", KEEPER])
            .arg(if self.is_shared {
                self.folder.path()
            } else {
                Path::new("")
            })
            .arg(binaries().join("postgres"));
        server
            .arg("-D")
            .arg(self.data())
            .arg("-k")
            .arg(self.folder.path());
        server.args([
            "-p",
            &self.port().to_string(),
            "-c",
            "listen_addresses=127.0.0.1",
        ]);
        // Less memory than the default of 100, and enough for several replicas.
        server.args(["-c", "max_connections=100", "-c", "max_wal_senders=4"]);
        for setting in &self.settings {
            server.args(["-c", setting]);
        }
        server
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log);
        let keeper = server.spawn().expect("a shell");
        *self.keeper.lock().expect("no test panicked here") = Some(keeper);
        until("PostgreSQL to start", PATIENCE, || {
            let log = self.log();
            if log.contains("is shut down")
                || log.contains("FATAL:  could not")
                || log.contains("FATAL:  configuration")
            {
                return Ok(Err(log));
            }
            match self.try_execute("postgres", "SELECT 1") {
                Ok(_) => Ok(Ok(())),
                Err(error) => Err(format!("{error}\n{log}")),
            }
        })
        .inspect_err(|_| self.stop())
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Writes a file that only the server may read.
    fn write_private(&self, name: &str, text: &str) {
        let path = self.data().join(name);
        let mut file = fs::File::create(&path).expect("the folder is ours");
        file.write_all(text.as_bytes()).expect("room");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
        give_away(&path);
    }

    /// A tool that writes to the data folder.
    fn tool(&self, name: &str) -> Command {
        let mut tool = as_user(Command::new(binaries().join(name)));
        // The reader of the password is not the owner of the folder if the tests run as root.
        fs::set_permissions(self.folder.path(), fs::Permissions::from_mode(0o755)).expect("ours");
        tool.current_dir(self.folder.path());
        tool
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let keeper = self.keeper.get_mut().map(Option::take);
        if let Ok(Some(mut keeper)) = keeper {
            drop(keeper.stdin.take());
            // A destructor cannot report the error.
            let _ = keeper.wait();
        }
    }
}

fn run(command: &mut Command) {
    let done = command.output().expect("the tool is installed");
    let log = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {log}");
}
