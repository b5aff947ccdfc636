//! The rows of the queues of the relay and of notifications.

use crate::domain::{Timestamp, WabaId};
use crate::state::Stamp;
use crate::store::engine::{RelayRow, SignalRow};
use crate::store::history::HistoryRow;
use crate::store::notify_queue::Signal;
use crate::store::relay_queue::{QueuedDelivery, lanes_from_text};

/// The waiting delivery of a row.
pub fn to_waiting(row: &RelayRow) -> QueuedDelivery {
    QueuedDelivery {
        delivery: row.delivery,
        received_at: Timestamp::from_millis(row.received_ms),
        waba_ids: row.waba_ids.split(' ').filter_map(WabaId::parse).collect(),
        lanes: lanes_from_text(row.lanes.as_deref()),
        bytes: usize::try_from(row.bytes).unwrap_or(0),
        is_parked: row.is_parked,
    }
}

/// The row of a change.
pub fn for_signal(signal: &Signal) -> SignalRow {
    let Signal {
        number,
        recorded_at,
        row,
        account_name,
        name,
        display_phone_number,
        language,
    } = signal.clone();
    SignalRow {
        number,
        recorded_ms: recorded_at.as_millis(),
        waba_id: row.waba_id,
        entity: row.entity,
        entity_id: row.entity_id,
        attribute: row.attribute,
        order_ms: row.order_ms,
        source: row.source,
        from_value: row.from,
        to_value: row.to,
        account_name,
        name,
        display_phone_number,
        language,
    }
}

/// The change of a row.
pub fn to_signal(row: SignalRow) -> Signal {
    let stamp = Stamp::from((row.order_ms, row.source == "webhook"));
    Signal {
        number: row.number,
        recorded_at: Timestamp::from_millis(row.recorded_ms),
        row: HistoryRow {
            waba_id: row.waba_id,
            entity: row.entity,
            entity_id: row.entity_id,
            attribute: row.attribute,
            at: stamp.at(),
            source: row.source,
            from: row.from_value,
            to: row.to_value,
            order_ms: row.order_ms,
        },
        account_name: row.account_name,
        name: row.name,
        display_phone_number: row.display_phone_number,
        language: row.language,
    }
}
