//! The real program and third-party tools as child processes. They get only the settings of the test, their output is
//! captured, and they end with the test.
//!
//! Tests wait for conditions with a time limit: [`until`] checks a condition repeatedly, and panics with its name at the
//! limit.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Time limit for what takes milliseconds on an idle machine. Only a failure reaches it, also while other tests and a
/// compiler use the processors.
pub const SOON: Duration = Duration::from_secs(240);

/// Time limit for the start of a demo, which first stores a month.
const A_MONTH_STORED: Duration = Duration::from_secs(600);

/// Any free port of the loopback address.
const ANY_PORT: &str = "127.0.0.1:0";

/// Between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(10);

/// Calls `ask` until it succeeds.
///
/// Panics with `what` and the last error at the time limit.
pub fn until<T>(what: &str, patience: Duration, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let end = Instant::now() + patience;
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(complaint) if Instant::now() > end => {
                panic!("waited {patience:?} for {what}: {complaint}")
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// The output of a child so far. A thread reads it, so that no pipe fills up.
struct Written {
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Written {
    fn by(pipe: impl Read + Send + 'static) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines() {
                let Ok(line) = line else { return };
                lock(&sink).push(line);
            }
        });
        Self {
            lines,
            reader: Some(reader),
        }
    }

    fn text(&self) -> String {
        lock(&self.lines).join("\n")
    }

    /// After the end of the child: waits until its last line is read.
    fn finish(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader does not panic");
        }
    }
}

fn lock(lines: &Mutex<Vec<String>>) -> MutexGuard<'_, Vec<String>> {
    lines.lock().expect("no reader panicked")
}

/// A child process; killed when dropped.
pub struct Process {
    child: Child,
    out: Written,
    log: Written,
    /// Its working directory, if it ends with the process.
    _folder: Option<TempDir>,
}

impl Process {
    /// Starts `command` with its output captured and nothing to read.
    pub fn start(command: &mut Command) -> Result<Self, std::io::Error> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let out = Written::by(child.stdout.take().expect("it is piped"));
        let log = Written::by(child.stderr.take().expect("it is piped"));
        Ok(Self {
            child,
            out,
            log,
            _folder: None,
        })
    }

    /// What it wrote to standard output.
    pub fn out(&self) -> String {
        self.out.text()
    }

    /// What it wrote to standard error.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Its number, while it runs.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it is running");
    }

    /// Waits for its log to hold `text`.
    pub fn until_logged(&self, text: &str) {
        until(&format!("{text:?} in the log"), SOON, || {
            let log = self.log();
            if log.contains(text) { Ok(()) } else { Err(log) }
        });
    }

    /// Waits for what follows `before` in standard output or the log, up to the next space, slash
    /// or end of line, to be an address.
    pub fn address_after(&self, before: &str) -> SocketAddr {
        self.address_within(SOON, before)
    }

    /// Waits for the address of `/metrics` that a demo prints.
    pub fn address_of_demo(&self) -> SocketAddr {
        self.address_within(A_MONTH_STORED, "metrics         http://")
    }

    /// The same as [`Self::address_after`] with another time limit.
    fn address_within(&self, patience: Duration, before: &str) -> SocketAddr {
        until(&format!("an address after {before:?}"), patience, || {
            let written = format!("{}\n{}", self.out(), self.log());
            let rest = written.split_once(before).map(|(_, rest)| rest);
            let word = rest.and_then(|rest| rest.split([' ', '/', '\n', '"']).next());
            word.and_then(|word| word.parse().ok()).ok_or(written)
        })
    }

    /// Waits for its end, and for the last line of its output.
    pub fn ended_within(&mut self, patience: Duration) -> ExitStatus {
        let status = until("the process to end", patience, || {
            let ended = self.child.try_wait().expect("it is our child");
            ended.ok_or_else(|| self.log.text())
        });
        self.out.finish();
        self.log.finish();
        status
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}\n{}", self.out(), self.log())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended before, which is no error.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program with these arguments and variables and no others, such as those of the shell or of CI. Its working
/// directory is removed when it ends.
pub fn program(arguments: &[&str], variables: &[(String, String)]) -> Process {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut process = program_in(folder.path(), arguments, variables);
    process._folder = Some(folder);
    process
}

/// The program in a folder that outlives it.
pub fn program_in(folder: &Path, arguments: &[&str], variables: &[(String, String)]) -> Process {
    let variables = variables.iter().map(|(name, value)| (name, value));
    let mut command = Command::new(env!("CARGO_BIN_EXE_whatsapp-business-exporter"));
    // Its temporary files are removed with the folder.
    command.args(arguments).env_clear().env("TMPDIR", folder);
    // Most templates of the simulated Meta have no problems, and tests look at them.
    command.env("WHATSAPP_EXPORTER_TEMPLATES_DETAIL", "all");
    command.envs(variables);
    if shares_port(arguments) {
        command.arg(format!("--webhook.listen-address={ANY_PORT}"));
    }
    Process::start(command.current_dir(folder)).expect("cargo has built it")
}

/// Whether both listeners share a free port. Most tests need one address, and tests that run at the same time cannot all
/// have the default port for webhooks.
fn shares_port(arguments: &[&str]) -> bool {
    let any_port = format!("--web.listen-address={ANY_PORT}");
    let names_public = |it: &&str| it.starts_with("--webhook.listen-address");
    arguments.contains(&any_port.as_str())
        && arguments.first() != Some(&"demo")
        && !arguments.iter().any(names_public)
}

/// Output and exit code of a command.
pub struct Outcome {
    pub code: Option<i32>,
    pub out: String,
    pub log: String,
}

/// Runs the program to its end.
pub fn outcome(arguments: &[&str], variables: &[(String, String)]) -> Outcome {
    let mut process = program(arguments, variables);
    let code = process.ended_within(SOON).code();
    Outcome {
        code,
        out: process.out(),
        log: process.log(),
    }
}

/// The demo on any port, at a speed, and where it serves.
pub fn demo(speed: &str) -> (Process, SocketAddr) {
    demo_with(speed, &[])
}

/// The demo with more flags.
pub fn demo_with(speed: &str, more: &[&str]) -> (Process, SocketAddr) {
    let arguments = ["demo", "--web.listen-address=127.0.0.1:0", "--speed", speed];
    let demo = program(&[&arguments, more].concat(), &[]);
    let address = demo.address_of_demo();
    (demo, address)
}

/// A simulated Meta without a story, with its address.
pub fn quiet_meta(more: &[&str]) -> (Process, SocketAddr) {
    let arguments = ["simulate", "--listen-address=127.0.0.1:0", "--story=none"];
    let meta = program(&[&arguments, more].concat(), &[]);
    let address = meta.address_after("For game days, http://");
    (meta, address)
}

/// The variables that the simulated Meta prints as `export` lines.
pub fn exported_by(meta: &Process) -> Vec<(String, String)> {
    let out = meta.out();
    let exports = out
        .lines()
        .filter_map(|line| line.trim().strip_prefix("export "));
    let pairs = exports.filter_map(|export| export.split_once('='));
    let owned = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    owned.collect()
}
