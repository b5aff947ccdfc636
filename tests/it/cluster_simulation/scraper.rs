//! A Prometheus that scrapes all replicas, and sees one time series of each account.

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

#[derive(Debug, Default)]
pub struct Scraper {
    /// The samples of each account, by timestamp.
    series: BTreeMap<usize, BTreeMap<u64, u64>>,
    /// The largest value that each replica has exported of each account, with the time of the check.
    largest: BTreeMap<(usize, usize), Vec<(u64, u64)>>,
}

impl Scraper {
    /// Takes in a response, and says which counter went down.
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
        for ((exported, replica), values) in &self.largest {
            let is_other = *exported == account && *replica != scraped.replica;
            let larger = values.iter().find(|(checked, other)| {
                is_other
                    && ((*checked < scraped.checked && *other > value)
                        || (*checked > scraped.checked && *other < value))
            });
            if let Some((checked, other)) = larger {
                return Err(format!(
                    "account {account} was {other} on replica {replica} at {checked}, and {value} on replica {} at {}",
                    scraped.replica, scraped.checked
                ));
            }
        }
        let key = (account, scraped.replica);
        let values = self.largest.entry(key).or_default();
        if values.last().is_none_or(|(_, last)| *last != value) {
            values.push((scraped.checked, value));
        }
        Ok(())
    }
}
