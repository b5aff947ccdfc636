//! Why an account or a number cannot send: its health, and the errors of its entities.

use std::collections::BTreeSet;

use serde::Serialize;

use super::issue::Issue;
use super::level::Level;
use super::value::MetaWord;
use crate::domain::{
    CanSendMessage, Health, HealthDetails, HealthEntity, HealthError, PAYMENT_MISSING,
    PORTFOLIO_UNVERIFIED, SendingCause, Word,
};

/// An entity of `health_status` that restricts sending, or that has errors or remarks.
#[derive(Debug, Serialize)]
pub struct ShownEntity {
    pub entity_type: MetaWord<HealthEntity>,
    pub can_send_message: Option<MetaWord<CanSendMessage>>,
    pub errors: Vec<ShownError>,
    pub additional_info: Vec<String>,
}

/// An error in Meta's words.
#[derive(Debug, Serialize)]
pub struct ShownError {
    pub error_code: Option<u64>,
    pub error_description: Option<String>,
    pub possible_solution: Option<String>,
}

impl ShownError {
    fn new(error: &HealthError) -> Self {
        Self {
            error_code: error.code,
            error_description: error.description.clone(),
            possible_solution: error.solution.clone(),
        }
    }
}

/// The entities that restrict sending, or that have errors or remarks.
pub(super) fn entities(
    health: Option<&Health>,
    details: Option<&HealthDetails>,
) -> Vec<ShownEntity> {
    let known = health.map_or(&[][..], |health| &health.entities);
    let errors = details.map_or(&[][..], |details| &details.errors);
    let remarks = details.map_or(&[][..], |details| &details.remarks);
    let restricting = health.into_iter().flat_map(Health::in_the_way);
    let kinds: BTreeSet<HealthEntity> = restricting
        .map(|entity| entity.kind)
        .chain(errors.iter().map(|error| error.entity))
        .chain(remarks.iter().map(|remark| remark.entity))
        .collect();
    let entity = |kind| ShownEntity {
        entity_type: MetaWord(kind),
        can_send_message: known
            .iter()
            .filter(|entity| entity.kind == kind)
            .map(|entity| entity.can_send_message)
            .max()
            .map(MetaWord),
        errors: errors
            .iter()
            .filter(|error| error.entity == kind)
            .map(ShownError::new)
            .collect(),
        additional_info: remarks
            .iter()
            .filter(|remark| remark.entity == kind)
            .map(|remark| remark.text.clone())
            .collect(),
    };
    kinds.into_iter().map(entity).collect()
}

/// Severity of the word.
pub(super) fn level(word: Option<CanSendMessage>, cause: Option<SendingCause>) -> Level {
    word.map_or(Level::Neutral, |word| Level::from_sending(word, cause))
}

/// The issue of a word that restricts sending. Meta's texts are shown with the entities.
pub(super) fn issue(
    word: Option<CanSendMessage>,
    cause: Option<SendingCause>,
    details: Option<&HealthDetails>,
) -> Option<Issue> {
    let is_restricted =
        |word: &CanSendMessage| matches!(word, CanSendMessage::Limited | CanSendMessage::Blocked);
    let word = word.filter(is_restricted)?;
    let reason = match cause.unwrap_or(SendingCause::Other) {
        SendingCause::PaymentMissing => format!(
            ": no valid payment method ({PAYMENT_MISSING}); business-initiated messages fail"
        ),
        SendingCause::PortfolioUnverified => {
            format!(": the business portfolio is not verified ({PORTFOLIO_UNVERIFIED})")
        }
        SendingCause::Other => codes(details),
    };
    let text = format!("sending {}{reason}", word.as_str());
    Some(Issue::new(Level::from_sending(word, cause), text))
}

/// ` (WABA 141999, APP 138024)`; empty without codes.
fn codes(details: Option<&HealthDetails>) -> String {
    let errors = details.into_iter().flat_map(|details| &details.errors);
    let codes = errors.filter_map(|error| Some((error.entity.as_str(), error.code?)));
    let codes: Vec<String> = codes.map(|(kind, code)| format!("{kind} {code}")).collect();
    if codes.is_empty() {
        String::new()
    } else {
        format!(" ({})", codes.join(", "))
    }
}
