//! Standard error is a pipe whose reader has ended, such as a `tee` that was killed: log lines are lost, and nothing else.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::durability::service::{NO_META, variables};
use crate::http::until_metric;
use crate::process::{SOON, until};

/// Killed when dropped.
struct Exporter(Child);

impl Drop for Exporter {
    fn drop(&mut self) {
        // It may have ended before, which is no error.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_log_without_a_reader_affects_nothing_else() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let child = Command::new(env!("CARGO_BIN_EXE_whatsapp-business-exporter"))
        .args(["serve", NO_META, "--web.listen-address=127.0.0.1:0"])
        .args(["--webhook.listen-address=127.0.0.1:0"])
        .args(["--store.url=sqlite:state.db"])
        .env_clear()
        .envs(variables())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cargo has built it");
    let mut exporter = Exporter(child);
    let log = BufReader::new(exporter.0.stderr.take().expect("it is piped"));
    // The reader ends with this line.
    let serving = log.lines().map_while(Result::ok).find_map(|line| {
        let (_, address) = line.split_once("the status page address=")?;
        address.parse().ok()
    });
    let address = serving.expect("an address");
    let signal = |signal| kill_process(Pid::from_child(&exporter.0), signal).expect("it runs");
    let reloaded = "whatsapp_exporter_config_last_reload_successful 1";
    until_metric(address, reloaded);
    signal(Signal::HUP);
    until_metric(address, reloaded);
    signal(Signal::TERM);
    let status = until("the exporter to stop", SOON, || {
        let ended = exporter.0.try_wait().expect("it is our child");
        ended.ok_or_else(|| "it runs".to_owned())
    });
    assert_eq!(status.code(), Some(0));
}
