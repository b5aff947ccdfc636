//! Rate-limits log lines about refusals: a client that is refused a hundred times a second is one condition,
//! not a hundred lines. The caller passes the time.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::Timestamp;

/// Minimum interval between lines about one reason, similar to a scrape interval.
const LINE_EVERY: Duration = Duration::from_secs(60);

/// Kind of what was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refused {
    /// A webhook delivery or handshake.
    Webhook,
    /// A batch of the event API.
    EventBatch,
    /// A request, before routing.
    Request,
    /// A connection, closed before its first request or in favour of other connections.
    Connection,
}

/// One refusal. All texts are constants, so that the number of reasons is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The refused request or connection.
    pub refused: Refused,
    /// The listener that refused it.
    pub listener: &'static str,
    /// The label value of its counter.
    pub reason: &'static str,
    /// The likely cure, in one sentence.
    pub cure: &'static str,
    /// The peer address of the socket, never of a header.
    pub peer: Option<IpAddr>,
}

type RefusalKey = (Refused, &'static str, &'static str);

/// Rate limiter and log of refusals.
#[derive(Debug, Default)]
pub struct RefusalLog(Mutex<Limiter>);

impl RefusalLog {
    /// Logs the refusal, or counts it for the next line about the same reason.
    pub fn record(&self, refusal: Refusal, now: Timestamp) {
        let line = self.limiter().observe(refusal, now);
        line.iter().for_each(PendingLine::write);
    }

    /// Logs counted refusals whose interval is over. Without it, the end of a burst would stay unlogged.
    pub fn flush(&self, now: Timestamp) {
        let lines = self.limiter().due(now);
        lines.iter().for_each(PendingLine::write);
    }

    /// Logs all counted refusals at shutdown.
    pub fn flush_all(&self) {
        let lines = self.limiter().rest();
        lines.iter().for_each(PendingLine::write);
    }

    fn limiter(&self) -> MutexGuard<'_, Limiter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pending log line: the last refusal of its reason, and the count since the previous line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PendingLine {
    last: Refusal,
    count: u64,
}

impl PendingLine {
    fn write(&self) {
        let Self {
            last:
                Refusal {
                    refused,
                    listener,
                    reason,
                    cure,
                    peer,
                },
            count,
        } = *self;
        let peer = peer.map(|peer| peer.to_canonical().to_string());
        let peer = peer.as_deref();
        match refused {
            Refused::Webhook => {
                tracing::warn!(reason, count, peer, listener, cure, "webhook refused");
            }
            Refused::EventBatch => {
                tracing::warn!(reason, count, peer, listener, cure, "event batch refused");
            }
            Refused::Request => {
                tracing::warn!(reason, count, peer, listener, cure, "request refused");
            }
            Refused::Connection => {
                tracing::warn!(reason, count, peer, listener, cure, "connection closed");
            }
        }
    }
}

/// Time of the last line of each reason, and the refusals since.
#[derive(Debug, Default)]
struct Limiter(BTreeMap<RefusalKey, (Timestamp, Option<PendingLine>)>);

impl Limiter {
    fn observe(&mut self, refusal: Refusal, now: Timestamp) -> Option<PendingLine> {
        let reason = (refusal.refused, refusal.listener, refusal.reason);
        let known = self.0.get(&reason);
        let is_early = known.is_some_and(|(logged_at, _)| now.since(*logged_at) < LINE_EVERY);
        let before = known.and_then(|(_, waiting)| *waiting);
        let line = PendingLine {
            last: refusal,
            count: before.map_or(0, |line| line.count).saturating_add(1),
        };
        if is_early {
            self.0
                .entry(reason)
                .and_modify(|(_, waiting)| *waiting = Some(line));
            return None;
        }
        self.0.insert(reason, (now, None));
        Some(line)
    }

    /// The lines whose interval is over. Drops reasons without refusals in that time.
    fn due(&mut self, now: Timestamp) -> Vec<PendingLine> {
        let mut lines = Vec::new();
        self.0.retain(|_, (logged_at, waiting)| {
            if now.since(*logged_at) < LINE_EVERY {
                return true;
            }
            *logged_at = now;
            let line = waiting.take();
            lines.extend(line);
            line.is_some()
        });
        lines
    }

    fn rest(&mut self) -> Vec<PendingLine> {
        let waiting = std::mem::take(&mut self.0).into_values();
        waiting.filter_map(|(_, waiting)| waiting).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_775_000_000);

    fn refusal(reason: &'static str, last_byte: u8) -> Refusal {
        Refusal {
            refused: Refused::Webhook,
            listener: "web",
            reason,
            cure: "set the secret",
            peer: Some(IpAddr::from([192, 0, 2, last_byte])),
        }
    }

    fn after(seconds: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn a_burst_is_one_immediate_line_and_one_summary_after_a_minute() {
        let mut limiter = Limiter::default();
        let lines: Vec<PendingLine> = (0..550)
            .filter_map(|which| {
                limiter.observe(
                    refusal("bad_signature", (which % 250) as u8),
                    after(which / 100),
                )
            })
            .collect();
        assert_eq!(lines.iter().map(|line| line.count).collect::<Vec<_>>(), [1]);
        assert_eq!(limiter.due(after(59)), []);
        let rest = limiter.due(after(60));
        assert_eq!(rest.len(), 1);
        assert_eq!(rest[0].count, 549);
        assert_eq!(rest[0].last, refusal("bad_signature", 49));
        assert_eq!(limiter.due(after(300)), [], "nothing came since");
    }

    #[test]
    fn sustained_refusals_are_one_line_a_minute_with_the_full_count() {
        let mut limiter = Limiter::default();
        let mut counts = Vec::new();
        for second in 0..600 {
            counts.extend(
                limiter
                    .observe(refusal("rate_limit", 1), after(second))
                    .map(|line| line.count),
            );
            counts.extend(limiter.due(after(second)).iter().map(|line| line.count));
        }
        counts.extend(limiter.rest().iter().map(|line| line.count));
        assert_eq!(counts.iter().sum::<u64>(), 600);
        assert!(counts.len() <= 11, "{counts:?}");
    }

    #[test]
    fn reasons_listeners_and_kinds_are_limited_separately() {
        let mut limiter = Limiter::default();
        let other_listener = Refusal {
            listener: "webhook",
            ..refusal("unauthorized", 1)
        };
        let other_kind = Refusal {
            refused: Refused::EventBatch,
            ..refusal("unauthorized", 1)
        };
        for one in [
            refusal("unauthorized", 1),
            refusal("too_large", 1),
            other_listener,
            other_kind,
        ] {
            assert!(limiter.observe(one, NOW).is_some(), "{one:?}");
            assert!(limiter.observe(one, NOW).is_none(), "{one:?}");
        }
        assert_eq!(limiter.rest().len(), 4);
        assert_eq!(limiter.rest(), []);
    }
}
