//! Steps of a schedule.

use whatsapp_business_exporter::cluster::Permit;

use super::super::scraper::Scraped;
use super::super::wire::{Request, Response};

/// A step of a process.
#[derive(Debug)]
pub enum Task {
    Receive(u64, Response),
    GiveUp(u64),
    Wake,
    Hint,
    Deliver(usize),
    Scrape(u64),
    Check(Scraped, Permit),
    Write(Scraped),
}

#[derive(Debug)]
pub enum Step {
    Run(usize, u64, Task),
    Arrive {
        slot: usize,
        process: u64,
        pid: i32,
        request: u64,
        statement: Request,
    },
    Finish {
        slot: usize,
        process: u64,
        pid: i32,
        request: u64,
    },
    EndSession(i32),
    Send(usize),
    Resume(usize),
    Start(usize),
    DatabaseStarts,
    Scrape(usize),
    Scraped(Scraped),
    Fault(usize),
}

/// A step with its time, and a number that orders steps of the same time.
pub struct Scheduled(pub u64, pub u64, pub Step);

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}
impl Eq for Scheduled {}
impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}
