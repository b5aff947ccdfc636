//! The response of the send gate, as the route writes it and the command reads it.

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::domain::MessagingLimit;
use crate::insight::send_gate::{LimitUse, SendDecision, SendReason};

/// The response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateAnswer {
    /// `go`, `caution`, `stop` or `unknown`.
    pub verdict: String,
    /// The reasons, strongest effect first.
    pub reasons: Vec<GateReason>,
    /// The use of the messaging limit.
    pub limit: GateLimit,
    /// Age of the oldest data that the decision rests on. `None` if some of it has never been read.
    pub data_age_seconds: Option<u64>,
    /// The accounts that the decision is about.
    pub waba_ids: Vec<String>,
}

/// A reason for the verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateReason {
    /// Its stable code.
    pub code: String,
    /// Its effect on the verdict: `stop`, `unknown`, `caution` or `ignore`.
    pub effect: String,
    /// Description of the finding.
    pub message: String,
    /// RFC 3339 time at which the condition ends, or an announced change happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// The use of the messaging limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateLimit {
    /// Customers in 24 hours. `None` if unlimited or unknown.
    pub limit: Option<u64>,
    /// Customers who count towards it now. `None` if unknown.
    pub used: Option<u64>,
    /// Customers who can still be reached. `None` if unlimited or unknown.
    pub left: Option<u64>,
    /// Whether there is no limit. `None` if unknown.
    pub unlimited: Option<bool>,
}

impl From<&SendDecision> for GateAnswer {
    fn from(decision: &SendDecision) -> Self {
        Self {
            verdict: decision.verdict.as_str().to_owned(),
            reasons: decision.reasons.iter().map(GateReason::from).collect(),
            limit: GateLimit::from(&decision.limit),
            data_age_seconds: decision.data_age.map(|age| age.as_secs()),
            waba_ids: decision.waba_ids.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<&SendReason> for GateReason {
    fn from(reason: &SendReason) -> Self {
        Self {
            code: reason.code.as_str().to_owned(),
            effect: reason.effect.as_str().to_owned(),
            message: reason.message.clone(),
            until: reason.until.map(clock::calendar),
        }
    }
}

impl From<&LimitUse> for GateLimit {
    fn from(limit: &LimitUse) -> Self {
        let number = match limit.limit {
            Some(MessagingLimit::Customers(customers)) => Some(customers),
            Some(MessagingLimit::Unlimited) | None => None,
        };
        Self {
            limit: number,
            used: limit.used,
            left: limit.left(),
            unlimited: limit.is_unlimited(),
        }
    }
}
