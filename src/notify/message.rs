//! What one request contains: a change, several alike, or a test.

use sha2::{Digest as _, Sha256};

use crate::domain::Severity;
use crate::store::{HistoryRow, Signal};

/// Bytes of an id: enough that no two changes of a fleet share one.
const ID_BYTES: usize = 16;

/// The content of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// One change.
    Change(Box<Signal>),
    /// Changes of one attribute to the same value, at least two.
    Digest(Vec<Signal>),
    /// A test, with its time as text.
    Test(String),
}

impl Message {
    /// Identifies the message at every attempt: from the key of the journal's line, which two exporters that see the
    /// same webhook share.
    pub fn id(&self) -> String {
        let mut hash = Sha256::new();
        match self {
            Self::Change(signal) => hash.update(key(&signal.row)),
            Self::Digest(signals) => {
                hash.update(b"digest");
                signals.iter().for_each(|one| hash.update(key(&one.row)));
            }
            Self::Test(at) => hash.update(format!("test\0{at}")),
        }
        hex::encode(&hash.finalize()[..ID_BYTES])
    }

    /// The highest severity of its changes.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Change(signal) => signal.severity(),
            Self::Digest(signals) => {
                let severities = signals.iter().map(Signal::severity);
                severities.max().unwrap_or(Severity::Info)
            }
            Self::Test(_) => Severity::Info,
        }
    }

    /// Its changes.
    pub fn signals(&self) -> &[Signal] {
        match self {
            Self::Change(signal) => std::slice::from_ref(signal.as_ref()),
            Self::Digest(signals) => signals,
            Self::Test(_) => &[],
        }
    }
}

/// The primary key of the line. No part contains a NUL character.
fn key(row: &HistoryRow) -> String {
    let HistoryRow {
        waba_id,
        entity,
        entity_id,
        attribute,
        source,
        to,
        order_ms,
        ..
    } = row;
    [
        waba_id,
        entity,
        entity_id,
        attribute,
        &order_ms.to_string(),
        source,
        to,
        "",
    ]
    .join("\0")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::Timestamp;

    pub fn signal(entity: &str, attribute: &str, from: Option<&str>, to: &str) -> Signal {
        let at = Timestamp::from_seconds(1_775_000_000);
        Signal {
            number: 1,
            recorded_at: at,
            row: HistoryRow {
                waba_id: "800100200300400".to_owned(),
                entity: entity.to_owned(),
                entity_id: "900100200300400".to_owned(),
                attribute: attribute.to_owned(),
                at,
                source: "webhook".to_owned(),
                from: from.map(str::to_owned),
                to: to.to_owned(),
                order_ms: at.as_millis() + 999,
            },
            account_name: Some("Fern & Moss".to_owned()),
            name: Some("Fern & Moss <Service>".to_owned()),
            display_phone_number: Some("+1 555-010-0101".to_owned()),
            language: None,
        }
    }

    #[test]
    fn an_id_is_of_the_journals_line_and_not_of_names_or_numbers() {
        let one = signal("phone_number", "quality_rating", Some("GREEN"), "RED");
        let id = |signal: &Signal| Message::Change(Box::new(signal.clone())).id();
        let renamed = Signal {
            number: 7,
            name: None,
            recorded_at: Timestamp::default(),
            ..one.clone()
        };
        assert_eq!(id(&one), id(&renamed));
        assert_eq!(id(&one).len(), 2 * ID_BYTES);
        let mut other = one.clone();
        other.row.order_ms += 1;
        assert_ne!(id(&one), id(&other));
        let digest = Message::Digest(vec![one.clone(), other.clone()]);
        assert_ne!(digest.id(), Message::Digest(vec![other, one]).id());
    }
}
