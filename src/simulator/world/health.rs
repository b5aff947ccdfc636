//! The `health_status` of one node: whether it can send messages, and the reasons if not. See Meta's page "Messaging
//! Health Status".

use serde::Serialize;

/// A node's own part of `health_status`; responses combine several of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Health {
    /// AVAILABLE, LIMITED or BLOCKED; any other word is sent unchanged.
    pub can_send_message: String,
    /// Reasons given with LIMITED.
    pub additional_info: Vec<String>,
    /// Reasons given with BLOCKED.
    pub errors: Vec<HealthError>,
}

/// One reason for BLOCKED.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HealthError {
    /// Meta's error code, for example 141002.
    pub error_code: u32,
    /// Description of the problem.
    pub error_description: String,
    /// Description of the solution.
    pub possible_solution: String,
}

/// The code in Meta's own example of a blocked portfolio.
const BLOCKED_CODE: u32 = 141_999;

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
                possible_solution: "See WhatsApp Manager.".into(),
            }),
            _ => {}
        }
        health
    }
}
