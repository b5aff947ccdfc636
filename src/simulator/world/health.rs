//! The `health_status` of one node: whether it can send messages, and the reasons if not. See Meta's page "Messaging
//! Health Status".

use serde::{Deserialize, Serialize};

/// A node's own part of `health_status`; responses combine several of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Health {
    /// AVAILABLE, LIMITED or BLOCKED; any other word is sent unchanged.
    pub can_send_message: String,
    /// Reasons given with LIMITED.
    pub additional_info: Vec<String>,
    /// Reasons given with BLOCKED, and in captured responses also with LIMITED and AVAILABLE.
    pub errors: Vec<HealthError>,
}

/// One entry of `errors`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthError {
    /// Meta's error code, for example 141002.
    pub error_code: u32,
    /// Description of the problem.
    pub error_description: String,
    /// Description of the solution; `None` omits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub possible_solution: Option<String>,
}

/// The code in Meta's own example of a blocked portfolio.
const BLOCKED_CODE: u32 = 141_999;
/// No valid means of payment, at a BLOCKED account.
const PAYMENT_CODE: u32 = 141_006;

impl Health {
    /// Health without problems.
    #[must_use]
    pub fn available() -> Self {
        Self::new("AVAILABLE", "")
    }

    /// Health with one of Meta's words. The explanation is in `additional_info` for LIMITED, and in `errors` for
    /// BLOCKED.
    #[must_use]
    pub fn new(can_send_message: &str, explanation: &str) -> Self {
        let mut health = Self {
            can_send_message: can_send_message.into(),
            additional_info: Vec::new(),
            errors: Vec::new(),
        };
        match can_send_message {
            "LIMITED" => health.additional_info.push(explanation.into()),
            "BLOCKED" => health.errors.push(HealthError {
                error_code: BLOCKED_CODE,
                error_description: explanation.into(),
                possible_solution: Some("See WhatsApp Manager.".into()),
            }),
            _ => {}
        }
        health
    }

    /// Adds the error of an account without a valid means of payment.
    pub fn require_payment(&mut self) {
        self.settle_payment();
        "BLOCKED".clone_into(&mut self.can_send_message);
        self.errors.push(HealthError {
            error_code: PAYMENT_CODE,
            error_description:
                "The account has no valid payment method, so business-initiated messages fail."
                    .into(),
            possible_solution: Some("Add a payment method in WhatsApp Manager.".into()),
        });
    }

    /// Removes that error. Without another one, the account can send again.
    pub fn settle_payment(&mut self) {
        let count = self.errors.len();
        self.errors.retain(|error| error.error_code != PAYMENT_CODE);
        if self.errors.is_empty() && count > 0 {
            *self = Self::available();
        }
    }
}
