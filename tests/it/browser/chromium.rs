//! Headless Chromium, controlled by flags. `make test` installs it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::process::Process;

/// It starts in a second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// How a page is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Light,
    Dark,
}

/// A page as the browser renders it, with the messages of the console.
pub struct Seen {
    pub dom: String,
    /// What stands in the browser's console: errors of the page and violations of its policy.
    pub console: Vec<String>,
}

/// Opens an address, and returns what became of it once it is loaded.
pub fn open(address: &str, scheme: Scheme) -> Seen {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let profile = format!("--user-data-dir={}", folder.path().display());
    let scheme = match scheme {
        Scheme::Light => "--blink-settings=preferredColorScheme=1",
        Scheme::Dark => "--blink-settings=preferredColorScheme=0",
    };
    let mut command = Command::new("chromium");
    // The pages are our own; without its sandbox it also runs as root and in containers.
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
    ]);
    command.args(["--enable-logging=stderr", &profile, scheme]);
    command.args(["--dump-dom", address]);
    let started = Process::start(&mut command);
    let mut chromium = started.unwrap_or_else(|error| {
        panic!("chromium does not start ({error}); install the package chromium")
    });
    let status = chromium.ended_within(PATIENCE);
    assert!(status.success(), "{chromium:?}");
    let log = chromium.log();
    let console = log.lines().filter(|line| line.contains(":CONSOLE:"));
    Seen {
        dom: chromium.out(),
        console: console.map(str::to_owned).collect(),
    }
}

/// Defects of this page at this width, and the number of checked elements.
#[derive(Debug, Default)]
pub struct Measured {
    pub width: u32,
    /// The page's background, such as `255,255,255`.
    pub ground: String,
    /// How many pieces of text there are.
    pub texts: u32,
    pub complaints: Vec<String>,
}

/// Measures a page at these widths. Each width uses a frame, because the browser window has a minimum width.
pub fn measure(page: &str, widths: &[u32], scheme: Scheme) -> Vec<Measured> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wrapper = folder.path().join("wrapper.html");
    let framed = page.replace('&', "&amp;").replace('"', "&quot;");
    let script = include_str!("measure.js");
    let frame = |width: &u32| {
        format!("<iframe srcdoc=\"{framed}\" width={width} height=800 style=\"border:0\"></iframe>")
    };
    let frames: String = widths.iter().map(frame).collect();
    let html =
        format!("<!doctype html><meta charset=utf-8><pre></pre>{frames}<script>{script}</script>");
    std::fs::write(&wrapper, html).expect("room");
    let seen = open(&address_of(&wrapper), scheme);
    let report = seen
        .dom
        .split_once("<pre>")
        .and_then(|(_, rest)| rest.split_once("</pre>"));
    let (report, _) = report.unwrap_or_else(|| panic!("no report: {:?}", seen.console));
    let measured = read(report);
    assert_eq!(measured.len(), widths.len(), "{report} {:?}", seen.console);
    measured
}

/// Parses the report: one entry for each frame, starting with its width.
fn read(report: &str) -> Vec<Measured> {
    let mut all: Vec<Measured> = Vec::new();
    for line in report.lines() {
        let (what, rest) = line.split_once(' ').expect("a word and its value");
        if what == "width" {
            all.push(Measured::default());
        }
        let one = all.last_mut().expect("the width comes first");
        match what {
            "width" => one.width = rest.parse().expect("a number"),
            "ground" => rest.clone_into(&mut one.ground),
            "texts" => one.texts = rest.parse().expect("a number"),
            "complaint" => one.complaints.push(rest.to_owned()),
            _ => panic!("{line}"),
        }
    }
    all
}

fn address_of(file: &Path) -> String {
    format!("file://{}", file.display())
}
