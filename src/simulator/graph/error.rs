//! The error envelope of the Graph API. See <https://developers.facebook.com/docs/graph-api/guides/error-handling>.

use serde_json::{Value, json};

/// An error in the format of the Graph API.
#[derive(Debug, Clone, PartialEq)]
pub struct GraphError {
    /// HTTP status.
    pub status: u16,
    /// `type`, for example OAuthException.
    pub kind: &'static str,
    /// `code`, which callers should use for decisions.
    pub code: u32,
    /// `error_subcode`. `None` if Meta no longer sends one.
    pub subcode: Option<u32>,
    /// `message`.
    pub message: String,
    /// `error_data.details`, which errors of sent messages have.
    pub details: Option<String>,
    /// `is_transient`. `None` if Meta does not send it.
    pub is_transient: Option<bool>,
}

impl GraphError {
    /// An OAuthException with HTTP 400, Meta's most common kind.
    #[must_use]
    pub fn bad_request(code: u32, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            kind: "OAuthException",
            code,
            subcode: None,
            message: message.into(),
            details: None,
            is_transient: None,
        }
    }

    /// 100/33: the id does not exist, or the token may not read it. The response is the same.
    #[must_use]
    pub fn no_such_object(method: &str, id: &str) -> Self {
        Self {
            kind: "GraphMethodException",
            subcode: Some(33),
            ..Self::bad_request(
                100,
                format!(
                    "Unsupported {} request. Object with ID '{id}' does not exist, cannot be loaded due to missing permissions, \
                 or does not support this operation. Please read the Graph API documentation at \
                 https://developers.facebook.com/docs/graph-api",
                    method.to_lowercase(),
                ),
            )
        }
    }

    /// An unknown field, for which Meta rejects the whole call.
    #[must_use]
    pub fn nonexisting_field(field: &str, node_type: &str) -> Self {
        Self::bad_request(
            100,
            format!(
                "(#100) Tried accessing nonexisting field ({field}) on node type ({node_type})"
            ),
        )
    }

    /// A deprecated field: Meta's other wording, without the node type.
    #[must_use]
    pub fn deprecated_field(field: &str, version: &str) -> Self {
        Self::bad_request(
            12,
            format!("(#12) {field} field is deprecated for versions {version} and higher"),
        )
    }

    /// 190: the token is missing, unknown, revoked (no subcode) or expired (463).
    #[must_use]
    pub fn bad_token(message: &str, subcode: Option<u32>) -> Self {
        Self {
            status: 401,
            subcode,
            ..Self::bad_request(190, message)
        }
    }

    /// 104: `appsecret_proof` is missing or wrong.
    #[must_use]
    pub fn bad_proof(message: &str) -> Self {
        Self {
            kind: "GraphMethodException",
            ..Self::bad_request(104, message)
        }
    }

    /// 200: the token lacks a scope.
    #[must_use]
    pub fn missing_scope(scope: &str) -> Self {
        Self {
            status: 403,
            ..Self::bad_request(
                200,
                format!("(#200) Requires {scope} permission to access the resource."),
            )
        }
    }

    /// 80008, 80007 or 4: too many calls. HTTP 400, not 429.
    #[must_use]
    pub fn rate_limited(code: u32) -> Self {
        let message = match code {
            4 => "(#4) Application request limit reached".to_owned(),
            80_007 => {
                "(#80007) The WhatsApp Business Account has reached its rate limit.".to_owned()
            }
            _ => format!(
                "(#{code}) There have been too many calls to this WhatsApp Business account. Wait a bit and try again."
            ),
        };
        Self {
            is_transient: Some(code == 4),
            ..Self::bad_request(code, message)
        }
    }

    /// 131009: a parameter of a message has a value that is not valid.
    #[must_use]
    pub fn invalid_value(details: impl Into<String>) -> Self {
        Self {
            details: Some(details.into()),
            ..Self::bad_request(131_009, "(#131009) Parameter value is not valid")
        }
    }

    /// The envelope, with the trace id that the `X-Fb-Request-Id` header repeats.
    #[must_use]
    pub fn body(&self, trace_id: &str) -> Value {
        let mut error = json!({"message": self.message, "type": self.kind, "code": self.code, "fbtrace_id": trace_id});
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = subcode.into();
        }
        if let Some(details) = &self.details {
            error["error_data"] = json!({"messaging_product": "whatsapp", "details": details});
        }
        if let Some(is_transient) = self.is_transient {
            error["is_transient"] = is_transient.into();
        }
        json!({ "error": error })
    }
}
