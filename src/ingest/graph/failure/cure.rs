//! Messages for operators: what each kind of failure means and how to fix it.

use std::fmt;

use super::{Details, Failure, FailureKind};

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.details.wrong_node {
            Some(wrong) => write!(
                out,
                "this is the id of {}, not of {}; {}",
                wrong.found.described(),
                wrong.expected.described(),
                wrong.expected.expected_setting()
            )?,
            None if self.details.lacks_proof => out.write_str(LACKS_PROOF)?,
            None if self.is_rate_limit_of_app() => out.write_str(APP_LIMIT)?,
            None => out.write_str(cure(self.kind))?,
        }
        write_details(out, &self.details)
    }
}

const LACKS_PROOF: &str =
    "Meta requires appsecret_proof for this app; configure the app secret (apps[].app_secret)";

const APP_LIMIT: &str = "Meta rate-limits the whole app; polls of all its accounts are paused";

fn cure(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Token => {
            "Meta refuses the access token: it is wrong, expired or revoked; create a new token"
        }
        FailureKind::AppSecret => {
            "the app secret does not belong to the access token's app; copy it from the App Dashboard of that app, Settings, Basic"
        }
        FailureKind::Permission => {
            "the token lacks a permission: it needs whatsapp_business_management for this account"
        }
        FailureKind::RateLimit => {
            "Meta rate-limits calls for this account; waiting as long as Meta asks"
        }
        FailureKind::NotFoundOrHidden => {
            "Meta found no such object: the id is wrong, or the token's user has no access to it"
        }
        FailureKind::WrongNode => "this is the id of another kind of object; check the id",
        FailureKind::Blocked => "Meta has blocked or locked this account; see WhatsApp Manager",
        FailureKind::Transient => "Meta has a temporary problem; retrying",
        FailureKind::UnknownField => "Meta no longer supports a requested field",
        FailureKind::InvalidParameter => {
            "Meta does not understand the request; check that graph.api_version is still served"
        }
        FailureKind::Malformed => {
            "the response is not what the Graph API sends; check for a proxy in between"
        }
        FailureKind::TooLarge => {
            "the response is larger than graph.max_answer_bytes, or has more values than a page of the Graph API"
        }
        FailureKind::TooMany => {
            "the listing has more objects than an account can have; the rest was not read, and nothing is removed; check graph.base_url and the account"
        }
        FailureKind::Timeout => "no response within graph.request_timeout",
        FailureKind::NameResolution => {
            "the host name cannot be resolved; check graph.base_url and this machine's DNS"
        }
        FailureKind::Tls => {
            "the TLS handshake failed; install the CA certificates (Debian: ca-certificates), and the CA of a proxy that inspects TLS"
        }
        FailureKind::Proxy => {
            "the proxy does not connect to the host; check HTTPS_PROXY and NO_PROXY, and the proxy's log"
        }
        FailureKind::Connection => {
            "cannot connect; check graph.base_url, the firewall and the routes of this machine"
        }
        FailureKind::BudgetSpent => {
            "poll.calls_per_hour is used up, or Meta's quota nearly is; waiting"
        }
        FailureKind::Other => "Meta responded with an error that this version does not know",
    }
}

fn write_details(out: &mut fmt::Formatter<'_>, details: &Details) -> fmt::Result {
    let code = details.code.map(|code| format!("code {code}"));
    let subcode = details.subcode.map(|subcode| format!("subcode {subcode}"));
    let trace = details.trace.as_ref();
    let trace = trace.map(|trace| format!("fbtrace_id {trace}"));
    let cause = details.cause.clone();
    let parts: Vec<String> = [code, subcode, trace, cause]
        .into_iter()
        .flatten()
        .collect();
    if parts.is_empty() {
        return Ok(());
    }
    write!(out, " ({})", parts.join(", "))
}
