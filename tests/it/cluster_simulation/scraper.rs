//! A Prometheus that scrapes all replicas, with one time series for each account.

use std::collections::BTreeMap;

/// A response that takes longer is discarded.
const TIMEOUT: u64 = 10_000;

/// The response to a scrape.
#[derive(Clone, Debug)]
pub struct Scraped {
    pub replica: usize,
    /// When the scrape began: the timestamp of its samples.
    pub start: u64,
    /// When the replica checked its lease for the last time.
    pub checked: u64,
    pub samples: Vec<(usize, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Exported {
    replica: usize,
    checked: u64,
    value: u64,
}

#[derive(Debug, Default)]
pub struct Scraper {
    /// The samples of each account, by timestamp.
    series: BTreeMap<usize, BTreeMap<u64, u64>>,
    /// The values of each account, with the replica that exported them and the time of its last check.
    values: BTreeMap<usize, Vec<Exported>>,
}

impl Scraper {
    /// Records a response. Returns the counter that went down, if any.
    pub fn receive(&mut self, scraped: &Scraped, now: u64) -> Result<(), String> {
        if now - scraped.start > TIMEOUT {
            return Ok(());
        }
        for (account, value) in &scraped.samples {
            self.by_timestamp(*account, scraped.start, *value)?;
            self.by_check(*account, scraped, *value)?;
        }
        Ok(())
    }

    /// By the timestamps of samples, also if they arrive out of order.
    fn by_timestamp(&mut self, account: usize, start: u64, value: u64) -> Result<(), String> {
        let series = self.series.entry(account).or_default();
        let before = series.range(..start).next_back();
        let after = series.range(start + 1..).next();
        if let Some((other, larger)) = before.filter(|(_, before)| **before > value) {
            return Err(format!(
                "account {account} went down from {larger} at {other} to {value} at {start}"
            ));
        }
        if let Some((other, smaller)) = after.filter(|(_, after)| **after < value) {
            return Err(format!(
                "account {account} went down from {value} at {start} to {smaller} at {other}"
            ));
        }
        let sample = series.entry(start).or_insert(value);
        *sample = value.max(*sample);
        Ok(())
    }

    /// By the moments of the last checks: no replica exports less than another has before.
    fn by_check(&mut self, account: usize, scraped: &Scraped, value: u64) -> Result<(), String> {
        let values = self.values.entry(account).or_default();
        let (replica, checked) = (scraped.replica, scraped.checked);
        let contradicts = |other: &&Exported| {
            other.replica != replica
                && ((other.checked < checked && other.value > value)
                    || (other.checked > checked && other.value < value))
        };
        if let Some(other) = values.iter().find(contradicts) {
            return Err(format!(
                "account {account} was exported as {value} by {replica} at {checked}, and as {other:?}"
            ));
        }
        let is_known = |other: &Exported| other.replica == replica && other.value == value;
        if !values.last().is_some_and(is_known) {
            values.push(Exported {
                replica,
                checked,
                value,
            });
        }
        Ok(())
    }
}
