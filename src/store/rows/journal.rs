//! The lines of the journal: transitions, and corrections of their times.

use std::borrow::Cow;

use crate::domain::WabaId;
use crate::state::{Entity, Redating, Transition};
use crate::store::engine::{JournalInsert, Moves};
use crate::store::history::HistoryRow;

/// The journal line of a transition.
pub fn for_transition(waba_id: &WabaId, transition: &Transition) -> JournalInsert {
    let entity_id = match &transition.entity {
        Entity::Account => waba_id.to_string(),
        Entity::Number(id) => id.to_string(),
        Entity::Template(id) => id.to_string(),
    };
    JournalInsert {
        waba_id: waba_id.to_string(),
        entity: transition.entity.kind(),
        entity_id,
        attribute: transition.attribute,
        order_ms: transition.at.order_ms(),
        source: if transition.at.is_webhook() {
            "webhook"
        } else {
            "poll"
        },
        from: transition.from.clone(),
        to: transition.to.clone(),
    }
}

/// The journal line of a transition, as readers get it.
pub fn to_history(waba_id: &WabaId, transition: &Transition) -> HistoryRow {
    let line = for_transition(waba_id, transition);
    HistoryRow {
        waba_id: line.waba_id,
        entity: line.entity.to_owned(),
        entity_id: line.entity_id,
        attribute: line.attribute.to_owned(),
        at: transition.at.at(),
        source: line.source.to_owned(),
        from: line.from.map(Cow::into_owned),
        to: line.to.into_owned(),
        order_ms: line.order_ms,
    }
}

/// Corrections of an account's times in the journal.
pub fn for_redating(waba_id: &WabaId, redating: &Redating) -> Moves {
    Moves {
        waba_id: waba_id.to_string(),
        times: redating
            .moves
            .iter()
            .map(|(old, new)| (*old, *new))
            .collect(),
        latest_ms: redating.latest.as_millis(),
    }
}
