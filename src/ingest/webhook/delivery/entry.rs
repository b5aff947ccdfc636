//! Reads one entry of a delivery: its account, its time and its changes.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{AccountActivity, Delivery, Hashers};
use crate::domain::{Timestamp, WabaId};
use crate::ingest::json::moment;
use crate::ingest::webhook::envelope::{EnvelopeEntry, Parts, present, scalar};

/// Account id in webhooks of the App Dashboard's Test button.
const TEST_ACCOUNT: &str = "0";

/// Data that the changes of one entry share.
pub(super) struct Origin<'a> {
    /// `id` as text. Empty if it is missing or is not text.
    pub(super) id: Cow<'a, str>,
    pub(super) is_test: bool,
    pub(super) waba_id: Option<WabaId>,
    /// `time` as written, for the delivery key. Empty if it is missing.
    pub(super) time_as_written: &'a [u8],
    pub(super) claimed_time: Option<Timestamp>,
    pub(super) time: Option<Timestamp>,
    pub(super) written: Written<'a>,
}

/// The received body, and the repaired text of the same length.
#[derive(Clone, Copy)]
pub(super) struct Written<'a> {
    received: &'a [u8],
    read: &'a str,
}

impl<'a> Written<'a> {
    pub(super) fn new(received: &'a [u8], read: &'a str) -> Self {
        Self { received, read }
    }

    /// The received bytes at the position of this part of the text. Retries repeat these bytes, whether they
    /// were repaired or not.
    pub(super) fn bytes_of(self, part: &'a RawValue) -> &'a [u8] {
        let part = part.get();
        let from = part.as_ptr().addr() - self.read.as_ptr().addr();
        &self.received[from..from + part.len()]
    }
}

impl Delivery {
    pub(super) fn read_entry(
        &mut self,
        entry: EnvelopeEntry<'_>,
        written: Written<'_>,
        hashers: Hashers<'_>,
    ) {
        let origin = self.origin_of(&entry, written);
        if let Some(waba_id) = origin.waba_id.clone() {
            self.accounts.push(AccountActivity {
                waba_id,
                entry_time: origin.time,
                claimed_time: origin.claimed_time,
            });
        }
        let Some(Parts(changes)) = entry.changes else {
            self.add_account_lane(&origin, None, hashers);
            return self.malformed("entry", "changes");
        };
        for change in changes {
            match change {
                Some(change) => self.read_change(&origin, &change, hashers),
                None => {
                    self.add_account_lane(&origin, None, hashers);
                    self.malformed("entry", "changes");
                }
            }
        }
    }

    fn origin_of<'a>(&mut self, entry: &EnvelopeEntry<'a>, written: Written<'a>) -> Origin<'a> {
        let id = entry.id.and_then(scalar).unwrap_or_default();
        let is_test = id == TEST_ACCOUNT;
        let waba_id = WabaId::parse(&id).filter(|_| !is_test);
        if waba_id.is_none() && !is_test {
            self.malformed("entry", "id");
        }
        let time = present(entry.time);
        let claimed_time = time.and_then(scalar).and_then(|text| moment(&text));
        let accepted_time = claimed_time.and_then(|time| self.accepted_time(time));
        if time.is_some() && (accepted_time.is_none() || accepted_time != claimed_time) {
            self.malformed("entry", "time");
        }
        Origin {
            id,
            is_test,
            waba_id,
            time_as_written: time.map_or(&[], |time| written.bytes_of(time)),
            claimed_time,
            time: accepted_time,
            written,
        }
    }
}
