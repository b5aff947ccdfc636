//! The history of a store as OpenMetrics text, and copies of a store.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};

use super::settings;
use crate::clock;
use crate::config::{StoreConfig, StoreUrl};
use crate::domain::WabaId;
use crate::expose::EntityLabels;
use crate::expose::backfill::{self, PastInsights, PastNumber, PastTemplate, TimeRange, Timeline};
use crate::store::{HistoryQuery, HistoryReader, HistoryRow, StoredInsights};

/// A label that Prometheus adds to scraped series, so that the imported past continues the same series.
#[derive(Clone, Debug)]
pub struct Label {
    name: String,
    value: String,
}

/// Labels that the exporter itself adds to its series.
const OWN_LABELS: [&str; 3] = ["waba_id", "phone_number_id", "template_id"];

impl Label {
    /// Parses `name=value`.
    ///
    /// # Errors
    /// Why the label is not valid.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("write it like NAME=VALUE")?;
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let starts_well =
            name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        if !starts_well || !name.bytes().all(is_word) {
            return Err(format!("{name:?} is not a label name"));
        }
        if OWN_LABELS.contains(&name) {
            return Err(format!(
                "{name} is a label that the exporter sets; choose another name"
            ));
        }
        let (name, value) = (name.to_owned(), value.to_owned());
        Ok(Self { name, value })
    }
}

/// The requested series.
#[derive(Clone, Debug)]
pub struct BackfillRequest {
    window: TimeRange,
    waba_id: Option<WabaId>,
    labels: Vec<Label>,
}

impl BackfillRequest {
    /// Parses the times and the id.
    ///
    /// # Errors
    /// Which of them is invalid, and how to write it.
    pub fn parse(
        since: &str,
        until: &str,
        step: Duration,
        waba_id: Option<&str>,
        labels: Vec<Label>,
    ) -> anyhow::Result<Self> {
        let now = clock::now();
        let moment = |flag: &str, text| {
            clock::moment(text, now).map_err(|error| anyhow::anyhow!("--{flag}: {error}"))
        };
        let (since, until) = (moment("since", since)?, moment("until", until)?);
        if since >= until {
            bail!("--since must be before --until");
        }
        let waba_id = match waba_id {
            Some(id) => {
                Some(WabaId::parse(id).context("--waba-id must be the digits of an account's id")?)
            }
            None => None,
        };
        let window = TimeRange { since, until, step };
        Ok(Self {
            window,
            waba_id,
            labels,
        })
    }
}

/// The journal of the requested time range.
pub struct PastJournal {
    timelines: Vec<Timeline>,
    insights: PastInsights,
    window: TimeRange,
}

impl PastJournal {
    /// Writes the history as OpenMetrics text.
    ///
    /// # Errors
    /// The errors of the writer.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        backfill::write(&self.timelines, &self.insights, self.window, |piece| {
            out.write_all(piece.as_bytes())
        })?;
        out.flush()
    }
}

/// Reads the requested history. The exporter may be running.
///
/// # Errors
/// If the history does not exist or cannot be read.
pub async fn read(store: &StoreConfig, request: BackfillRequest) -> anyhow::Result<PastJournal> {
    let history = HistoryReader::open(&settings::location_of(store)).await?;
    let question = HistoryQuery {
        waba_id: request.waba_id.clone(),
        entity: None,
        entity_id: None,
        attribute: None,
        since: request.window.since,
        until: request.window.until,
        after: None,
    };
    let rows = history.timelines(&question).await?;
    let stored = history.insights(request.waba_id.as_ref()).await?;
    history.close().await;
    let timelines = timelines(&rows, &request.labels);
    let insights = past_insights(stored, &request.labels);
    if timelines.is_empty() && insights.is_empty() {
        bail!("the store has no history in that time range");
    }
    let window = request.window;
    Ok(PastJournal {
        timelines,
        insights,
        window,
    })
}

/// Copies the current store to a new file. The exporter may be running.
///
/// # Errors
/// If the store cannot be read, or if the file exists or cannot be written.
pub async fn backup(store: &StoreConfig, copy: &Path) -> anyhow::Result<()> {
    if copy.exists() {
        bail!(
            "{} exists already; give the copy a new name",
            copy.display()
        );
    }
    if let StoreUrl::Server(_) = store.url {
        bail!(
            "store.url is a PostgreSQL database; copy its schema {} with pg_dump",
            store.schema
        );
    }
    let history = HistoryReader::open(&settings::location_of(store)).await?;
    history.copy_to(copy).await?;
    history.close().await;
    Ok(())
}

/// One timeline for each attribute of each entity; the rows are in that order.
fn timelines(rows: &[HistoryRow], labels: &[Label]) -> Vec<Timeline> {
    let same = |one: &HistoryRow, other: &HistoryRow| {
        one.entity_id == other.entity_id
            && one.entity == other.entity
            && one.attribute == other.attribute
            && one.waba_id == other.waba_id
    };
    let runs = rows.chunk_by(same);
    runs.map(|run| timeline(run, labels)).collect()
}

fn timeline(run: &[HistoryRow], labels: &[Label]) -> Timeline {
    let first = &run[0];
    let id_label = match first.entity.as_str() {
        "phone_number" => Some("phone_number_id"),
        "template" => Some("template_id"),
        _ => None,
    };
    let id = id_label.map(|name| (name, first.entity_id.as_str()));
    let steps = run.iter().map(|row| (row.at, row.to.clone()));
    Timeline {
        entity: first.entity.clone(),
        attribute: first.attribute.clone(),
        labels: labels_of(&first.waba_id, id, labels),
        steps: steps.collect(),
    }
}

fn labels_of(waba_id: &str, id: Option<(&str, &str)>, labels: &[Label]) -> EntityLabels {
    let mut all = vec![("waba_id", waba_id)];
    all.extend(id);
    all.extend(
        labels
            .iter()
            .map(|label| (label.name.as_str(), label.value.as_str())),
    );
    EntityLabels::new(&all)
}

/// The daily figures with the labels of their series.
fn past_insights(stored: Vec<StoredInsights>, labels: &[Label]) -> PastInsights {
    let mut past = PastInsights::default();
    for account in stored {
        let waba_id = account.waba_id.as_str();
        let currency = account.currency.unwrap_or_default();
        let templates = account.templates.into_iter().map(|insights| PastTemplate {
            labels: labels_of(waba_id, Some(("template_id", insights.id.as_str())), labels),
            currency: currency.clone(),
            insights,
        });
        past.templates.extend(templates);
        let numbers = account.numbers.into_iter().map(|insights| PastNumber {
            labels: labels_of(
                waba_id,
                Some(("phone_number_id", insights.id.as_str())),
                labels,
            ),
            currency: currency.clone(),
            insights,
        });
        past.numbers.extend(numbers);
    }
    past
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_names_that_prometheus_takes_and_not_our_own() {
        assert!(Label::parse("job=whatsapp").is_ok() && Label::parse("_x1=").is_ok());
        for bad in ["job", "=x", "1x=y", "a-b=c", "waba_id=1", ""] {
            assert!(Label::parse(bad).is_err(), "{bad:?}");
        }
    }
}
