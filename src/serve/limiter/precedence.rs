//! The precedence of requests, and the share of the connections that each may protect.

/// Precedence of a request, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::serve) enum Precedence {
    /// Pages, APIs and unknown paths.
    Ordinary,
    /// Deliveries with a signature header of the right form and a length within the limit.
    Delivery,
    /// `/metrics`.
    Scrape,
    /// Health and readiness.
    Probe,
}

impl Precedence {
    /// Number of connections, of `limit`, that working handlers can protect from being closed.
    pub(super) fn share(self, limit: usize) -> usize {
        match self {
            Self::Ordinary => limit / 2,
            Self::Delivery => limit * 3 / 4,
            Self::Scrape => limit * 7 / 8,
            Self::Probe => limit * 15 / 16,
        }
    }
}
