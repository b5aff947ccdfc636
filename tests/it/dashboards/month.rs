//! A month of a large fleet, as blocks for Prometheus: one account of the demo many times over, with its number, and
//! its templates even more times.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;

use regex::Regex;

pub const ACCOUNTS: usize = 30;

/// Templates of each account.
pub const TEMPLATES: usize = 500;

/// Those of them that are paused.
const PAUSED: usize = 10;

pub const DAYS: i64 = 30;

/// Seconds between two samples of accounts, numbers, paused templates and the exporter. A tenth of the samples of real
/// scrapes or less, so that the blocks are made within minutes.
pub const INTERVAL: i64 = 30 * 60;

/// Seconds between two samples of the other templates. No panel reads their past.
const TEMPLATE_INTERVAL: i64 = 6 * 3600;

/// One series of a scrape.
#[derive(Clone, Debug)]
struct Series {
    /// Name and labels.
    name: String,
    value: f64,
    is_counter: bool,
}

impl Series {
    fn label(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.name.split_once(&format!("{name}=\""))?;
        Some(rest.split_once('"')?.0)
    }

    /// The same series of something else.
    fn renamed(&self, ids: &[(&str, &str)]) -> Self {
        let mut name = self.name.clone();
        for (label, id) in ids {
            if let Some(old) = self.label(label) {
                let (old, new) = (format!("{label}=\"{old}\""), format!("{label}=\"{id}\""));
                name = name.replace(&old, &new);
            }
        }
        Self {
            name,
            ..self.clone()
        }
    }
}

/// The series of a page, with the labels of a scrape.
fn series(page: &str) -> Vec<Series> {
    let counter = Regex::new(r"(?m)^# TYPE (\S+) (?:counter|histogram)$").expect("a good pattern");
    let counters: Vec<&str> = counter
        .captures_iter(page)
        .filter_map(|found| Some(found.get(1)?.as_str()))
        .collect();
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let read = |line: &str| {
        let (name, value) = line.rsplit_once(' ')?;
        let scrape = r#"job="whatsapp",instance="exporter:10131""#;
        let metric = name.split('{').next().unwrap_or_default();
        let name = match name.split_once('{') {
            Some((metric, labels)) => format!("{metric}{{{scrape},{labels}"),
            None => format!("{name}{{{scrape}}}"),
        };
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| metric.strip_suffix(suffix))
            .filter(|family| counters.contains(family))
            .unwrap_or(metric);
        Some(Series {
            name,
            value: value.parse().ok()?,
            is_counter: counters.contains(&family),
        })
    };
    lines.filter_map(read).collect()
}

/// The fleet made from one account: its series with a short and with a long interval of samples.
struct Fleet {
    often: Vec<Series>,
    seldom: Vec<Series>,
}

impl Fleet {
    fn grown_from(page: &str) -> Self {
        let all = series(page);
        let template = |status: &str| {
            let has_status = |one: &&Series| {
                one.name.starts_with("whatsapp_message_template_status{")
                    && one.label("status") == Some(status)
                    && one.value > 0.0
            };
            let found = all.iter().find(has_status);
            let id = found.and_then(|one| one.label("template_id"));
            let id = id.unwrap_or_else(|| panic!("no template is {status}"));
            let its = all
                .iter()
                .filter(|one| one.label("template_id") == Some(id));
            its.cloned().collect::<Vec<Series>>()
        };
        let (approved, paused) = (template("APPROVED"), template("PAUSED"));
        let mut conversations: BTreeMap<&str, usize> = BTreeMap::new();
        for number in all.iter().filter_map(|one| one.label("phone_number_id")) {
            *conversations.entry(number).or_default() += 1;
        }
        let most = conversations.iter().max_by_key(|(_, count)| **count);
        let (number, _) = most.expect("a number");
        let of_number = |one: &&Series| one.label("phone_number_id") == Some(number);
        let waba_id = all
            .iter()
            .find(of_number)
            .and_then(|one| one.label("waba_id"));
        let of_account = |one: &&Series| {
            one.label("waba_id") == waba_id
                && one.label("template_id").is_none()
                && one
                    .label("phone_number_id")
                    .is_none_or(|id| id == *number || id.is_empty())
        };
        let account: Vec<&Series> = all.iter().filter(of_account).collect();

        let exporter = all.iter().filter(|one| one.label("waba_id").is_none());
        let mut fleet = Self {
            often: exporter.cloned().collect(),
            seldom: Vec::new(),
        };
        for index in 0..ACCOUNTS {
            let waba_id = (800_200_000_000_000 + index).to_string();
            let number = (900_200_000_000_000 + index).to_string();
            let ids = [("waba_id", &*waba_id), ("phone_number_id", &*number)];
            let renamed = account.iter().map(|one| {
                let has_number = one
                    .label("phone_number_id")
                    .is_some_and(|id| !id.is_empty());
                one.renamed(&ids[..1 + usize::from(has_number)])
            });
            fleet.often.extend(renamed);
            for template in 0..TEMPLATES {
                let (base, into) = match template {
                    0..PAUSED => (&paused, &mut fleet.often),
                    _ => (&approved, &mut fleet.seldom),
                };
                let id = (700_200_000_000_000 + index * TEMPLATES + template).to_string();
                let name = format!("offer_{template}");
                let ids = [
                    ("waba_id", &*waba_id),
                    ("template_id", &*id),
                    ("template_name", &*name),
                ];
                into.extend(base.iter().map(|one| one.renamed(&ids)));
            }
        }
        fleet
    }

    fn write(&self, to: &mut impl Write, end: i64) -> std::io::Result<()> {
        for (some, interval) in [(&self.often, INTERVAL), (&self.seldom, TEMPLATE_INTERVAL)] {
            let count = DAYS * 86_400 / interval;
            for one in some {
                for back in (0..count).rev() {
                    let counted = if one.is_counter {
                        (count - back) as f64
                    } else {
                        0.0
                    };
                    let (value, at) = (one.value + counted, end - back * interval);
                    writeln!(to, "{} {value} {at}", one.name)?;
                }
            }
        }
        writeln!(to, "# EOF")
    }
}

/// Writes the month before `end`, in seconds, as blocks; gives the number of series.
pub fn write_blocks(page: &str, folder: &Path, end: i64) -> usize {
    let fleet = Fleet::grown_from(page);
    let text = folder.join("month.txt");
    let file = File::create(&text).expect("the folder is ours");
    let mut file = BufWriter::with_capacity(1 << 20, file);
    fleet.write(&mut file, end).expect("there is room");
    file.flush().expect("there is room");
    let status = Command::new("promtool")
        .args([
            "tsdb",
            "create-blocks-from",
            "--max-block-duration=486h",
            "--quiet",
            "openmetrics",
        ])
        .arg(&text)
        .arg(folder.join("data"))
        .status()
        .unwrap_or_else(|error| {
            panic!("{error}; install Debian's package `prometheus`, or run `make test`")
        });
    assert!(status.success(), "promtool made no blocks");
    std::fs::remove_file(text).expect("the folder is ours");
    fleet.often.len() + fleet.seldom.len()
}
