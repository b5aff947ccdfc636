//! The alerts of the account's Flows: error rates, latency and availability, as Meta measures them.

use serde::{Deserialize, Serialize};

use super::super::redate::{Dated, Redating, dated};
use super::super::saved::Saved;
use super::super::{Latest, Stamp};
use crate::domain::account::{FlowAlertState, FlowEventKind};
use crate::domain::{FlowId, Timestamp};

/// Maximum number of alerts, active or over. Accounts have a few Flows with four alerts each; beyond the maximum, the
/// alert that was reported first is forgotten.
const MAX_KEPT: usize = 256;

/// One alert of one Flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowAlert {
    /// The Flow.
    pub flow_id: FlowId,
    /// `event`.
    #[serde(with = "Saved")]
    pub event: FlowEventKind,
    state: Latest<FlowAlertState>,
}

/// The newest state of each alert, by Flow and event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowAlerts(Vec<FlowAlert>);

dated! { FlowAlert: state }

impl Dated for FlowAlerts {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.0.times(see);
    }

    fn redate(&mut self, to: &Redating) {
        self.0.redate(to);
    }
}

impl FlowAlert {
    /// Time of the activation. `None` while the alert is not active.
    #[must_use]
    pub fn active_since(&self) -> Option<Timestamp> {
        let is_active = self.state.value() == Some(&FlowAlertState::Activated);
        self.state.stamp().map(Stamp::at).filter(|_| is_active)
    }
}

impl FlowAlerts {
    /// Keeps the newest state of each alert, regardless of arrival order.
    pub(super) fn observe(
        &mut self,
        flow_id: &FlowId,
        event: FlowEventKind,
        state: FlowAlertState,
        stamp: Stamp,
    ) {
        let place = self
            .0
            .binary_search_by(|known| (&known.flow_id, known.event).cmp(&(flow_id, event)));
        let place = place.unwrap_or_else(|place| {
            let alert = FlowAlert {
                flow_id: flow_id.clone(),
                event,
                state: Latest::default(),
            };
            self.0.insert(place, alert);
            place
        });
        self.0[place].state.observe(state, stamp);
        if self.0.len() > MAX_KEPT {
            let alerts = self.0.iter().enumerate();
            let oldest = alerts.min_by_key(|(place, alert)| (alert.state.stamp(), *place));
            let oldest = oldest.map(|(place, _)| place);
            oldest.map(|place| self.0.remove(place));
        }
    }

    /// The alerts that are active, with the time of their activation.
    pub fn active(&self) -> impl Iterator<Item = (&FlowAlert, Timestamp)> {
        let alerts = self.0.iter();
        alerts.filter_map(|alert| Some((alert, alert.active_since()?)))
    }
}
