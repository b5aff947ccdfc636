//! Is the token let in, until when, and is it allowed what is needed?

use std::time::Duration;

use super::credentials::{self, RENEW, TOKEN};
use super::{App, Finding};
use crate::clock;
use crate::domain::Timestamp;
use crate::domain::access::{End, Token};

const END: &str = "token_expiry";
const DATA_ACCESS: &str = "data_access_expiry";
const SCOPES: &str = "token_permissions";

/// As WhatsAppTokenExpiring says it.
const NOTICE: Duration = Duration::from_secs(14 * 86_400);

pub(super) async fn look(app: &App<'_>) -> (Option<Token>, Vec<Finding>) {
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
                format!("Meta does not say what it is worth: {failure}"),
                "Set the app's id and secret, so that the app itself may ask; else try again.",
            );
            return (None, vec![finding.about(name)]);
        }
    };
    let findings = judged(&token, clock::now()).into_iter();
    let findings = findings.map(|finding| finding.about(name)).collect();
    (Some(token), findings)
}

fn judged(token: &Token, now: Timestamp) -> Vec<Finding> {
    if !token.is_valid {
        let message = "Meta refuses it";
        let cure = format!("It has ended, was revoked or is misspelt. {RENEW}");
        return vec![Finding::problem(TOKEN, message, cure)];
    }
    let kind = token
        .kind
        .as_deref()
        .unwrap_or("of a kind that Meta does not tell");
    let mut findings = vec![Finding::fine(TOKEN, format!("valid ({kind})"))];
    findings.extend(token.expires.map(|end| ends(END, "it", end, now)));
    let data_access = token.data_access_expires;
    findings.extend(data_access.map(|end| ends(DATA_ACCESS, "its access to data", end, now)));
    findings.extend(scopes(token));
    findings
}

fn ends(check: &'static str, what: &str, end: End, now: Timestamp) -> Finding {
    let End::At(at) = end else {
        return Finding::fine(check, format!("{what} never ends"));
    };
    let days = at.since(now).as_secs() / 86_400;
    if at <= now {
        Finding::problem(check, format!("{what} has ended"), RENEW)
    } else if at.since(now) < NOTICE {
        Finding::problem(check, format!("{what} ends in {days} days"), RENEW)
    } else {
        Finding::fine(check, format!("{what} ends in {days} days"))
    }
}

fn scopes(token: &Token) -> Option<Finding> {
    token.scopes.as_ref()?;
    let missing = token.missing_scopes();
    Some(if missing.is_empty() {
        Finding::fine(SCOPES, "all that are needed")
    } else {
        Finding::problem(
            SCOPES,
            format!("missing: {}", missing.join(", ")),
            "Make the system user's token anew and tick them.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn an_end_that_has_come_or_is_near_asks_for_a_lasting_token() {
        let now = Timestamp::from_seconds(1_775_000_000);
        let days = |days: u64| now.plus(Duration::from_secs(days * 86_400));
        for (at, message) in [
            (now, "it has ended"),
            (days(1), "it ends in 1 days"),
            (days(13), "it ends in 13 days"),
        ] {
            let finding = ends(END, "it", End::At(at), now);
            assert_eq!(finding.verdict, Verdict::Problem);
            assert_eq!(finding.message, message);
            assert_eq!(finding.cure.as_deref(), Some(RENEW));
        }
        assert!(ends(END, "it", End::At(days(14)), now).is_fine());
        assert!(ends(END, "it", End::Never, now).is_fine());
    }
}
