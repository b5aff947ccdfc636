//! Checks that the token is valid, when it expires, and which permissions it has.

use std::time::Duration;

use super::credentials::{self, RENEW, TOKEN};
use super::{CheckedApp, Finding};
use crate::clock;
use crate::domain::Timestamp;
use crate::domain::access::{End, Token};

const END: &str = "token_expiry";
const DATA_ACCESS: &str = "data_access_expiry";
const SCOPES: &str = "token_permissions";

/// The threshold of the alert WhatsAppTokenExpiring.
const NOTICE: Duration = Duration::from_secs(14 * 86_400);

pub(super) async fn check(app: &CheckedApp<'_>) -> (Option<Token>, Vec<Finding>) {
    let name = &app.config.name;
    let token = match app.client.read_token(app.calls).await {
        Ok(token) => token,
        Err(failure) if failure.is_about_credentials() => {
            let finding = credentials::refused(&failure);
            return (None, vec![finding.about(name)]);
        }
        Err(failure) => {
            let finding = Finding::unknown(
                TOKEN,
                format!("Meta does not report whether it is valid: {failure}"),
                "Set the app's id and secret, so that the app can inspect the token. If they are set, run `doctor` again.",
            );
            return (None, vec![finding.about(name)]);
        }
    };
    let findings = token_findings(&token, clock::now()).into_iter();
    let findings = findings.map(|finding| finding.about(name)).collect();
    (Some(token), findings)
}

fn token_findings(token: &Token, now: Timestamp) -> Vec<Finding> {
    if !token.is_valid {
        let message = "Meta rejects it";
        let cure = format!("It has expired, was revoked, or is mistyped. {RENEW}");
        return vec![Finding::problem(TOKEN, message, cure)];
    }
    let kind = token.kind.as_deref().unwrap_or("type not reported by Meta");
    let mut findings = vec![Finding::fine(TOKEN, format!("valid ({kind})"))];
    findings.extend(token.expires.map(|end| ends(END, "the token", end, now)));
    let data_access = token.data_access_expires;
    findings.extend(data_access.map(|end| ends(DATA_ACCESS, "access to data", end, now)));
    findings.extend(scopes(token));
    findings
}

fn ends(check: &'static str, what: &str, end: End, now: Timestamp) -> Finding {
    let End::At(at) = end else {
        return Finding::fine(check, format!("{what} never expires"));
    };
    let days = at.since(now).as_secs() / 86_400;
    if at <= now {
        Finding::problem(check, format!("{what} has expired"), RENEW)
    } else if at.since(now) < NOTICE {
        Finding::problem(check, format!("{what} expires in {days} days"), RENEW)
    } else {
        Finding::fine(check, format!("{what} expires in {days} days"))
    }
}

fn scopes(token: &Token) -> Option<Finding> {
    token.scopes.as_ref()?;
    let missing = token.missing_scopes();
    Some(if missing.is_empty() {
        Finding::fine(SCOPES, "all required permissions are granted")
    } else {
        Finding::problem(
            SCOPES,
            format!("missing: {}", missing.join(", ")),
            "Create a new token of the system user with these permissions.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn an_expired_or_expiring_token_is_a_problem() {
        let now = Timestamp::from_seconds(1_775_000_000);
        let days = |days: u64| now.plus(Duration::from_secs(days * 86_400));
        for (at, message) in [
            (now, "the token has expired"),
            (days(1), "the token expires in 1 days"),
            (days(13), "the token expires in 13 days"),
        ] {
            let finding = ends(END, "the token", End::At(at), now);
            assert_eq!(finding.verdict, Verdict::Problem);
            assert_eq!(finding.message, message);
            assert_eq!(finding.cure.as_deref(), Some(RENEW));
        }
        assert!(ends(END, "the token", End::At(days(14)), now).is_fine());
        assert!(ends(END, "the token", End::Never, now).is_fine());
    }
}
