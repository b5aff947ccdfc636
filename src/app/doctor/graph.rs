//! Checks that the Graph API can be reached, that the clocks agree, and that the API version is still served.

use std::time::Duration;

use super::Finding;
use super::network::{self, Server};
use crate::clock;
use crate::config::Config;
use crate::domain::Timestamp;
use crate::ingest::graph::{Client, Failure, Greeting, Lifetime, lifetime};

/// If this check fails, the checks of the apps are skipped.
pub(super) const CHECK: &str = "graph";
const CLOCK: &str = "clock";
const VERSION: &str = "api_version";

/// Ages and deadlines are wrong by the skew. TLS and Meta's own checks tolerate some minutes.
const MAX_SKEW: Duration = Duration::from_secs(60);

/// Versions overlap by months: this long before the end is early enough to test a newer one.
const VERSION_NOTICE: Duration = Duration::from_secs(60 * 86_400);

pub(super) async fn check(config: &Config, client: &Client) -> Vec<Finding> {
    let base = &config.graph.base_url;
    let greeting = match client.greet().await {
        Ok(greeting) => greeting,
        Err(failure) => return vec![cannot_reach(&failure, base.as_str())],
    };
    let now = clock::machine_time();
    let reached = Finding::fine(CHECK, format!("{base} responds"));
    let mut findings = vec![reached];
    findings.extend(greeting.date.map(|theirs| clocks(theirs, now)));
    findings.push(version(&config.graph.api_version, &greeting, now));
    findings
}

fn cannot_reach(failure: &Failure, base: &str) -> Finding {
    let message = format!("cannot reach {base}: {}", network::problem(failure));
    Finding::problem(CHECK, message, network::cure(failure, Server::GraphApi))
}

fn clocks(theirs: Timestamp, now: Timestamp) -> Finding {
    let skew = theirs.since(now).max(now.since(theirs));
    if skew <= MAX_SKEW {
        return Finding::fine(CLOCK, "agrees with Meta's clock");
    }
    let skew = humantime::format_duration(Duration::from_secs(skew.as_secs()));
    Finding::problem(
        CLOCK,
        format!("differs from Meta's clock by {skew}"),
        "Synchronize the machine's clock (NTP): ages, deadlines and the order of events depend on it.",
    )
}

fn version(asked: &str, greeting: &Greeting, now: Timestamp) -> Finding {
    let answered = match greeting.answered.as_deref() {
        Some(answered) if answered != asked => {
            format!("requests {asked}; Meta responds with {answered}, which is normal")
        }
        _ => format!("requests {asked}"),
    };
    let cure =
        "Set graph.api_version to a newer version, then check the log for fields that it lacks.";
    match lifetime(asked) {
        Lifetime::Until(end) if end <= now => Finding::problem(
            VERSION,
            format!("{answered}; Meta no longer serves {asked}"),
            cure,
        ),
        Lifetime::Until(end) if end.since(now) < VERSION_NOTICE => {
            let left = end.since(now).as_secs() / 86_400;
            Finding::problem(
                VERSION,
                format!("{answered}; Meta stops serving {asked} in {left} days"),
                cure,
            )
        }
        Lifetime::Until(end) => Finding::fine(
            VERSION,
            format!("{answered}; Meta serves {asked} until {}", day(end)),
        ),
        Lifetime::NotAnnounced => Finding::fine(
            VERSION,
            format!("{answered}; Meta has not announced an end of {asked}"),
        ),
        Lifetime::NotKnown => Finding::unknown(
            VERSION,
            format!("{answered}; {asked} is unknown to this release of the exporter"),
            "Check in Meta's changelog how long Meta serves this version.",
        ),
    }
}

/// The day of a time, in UTC.
fn day(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis())
        .map(|at| at.strftime("%F").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;
    use crate::config::{FixedEnvironment, Flags};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_minute_of_skew_is_tolerated_in_both_directions() {
        assert!(clocks(at(1_000), at(1_060)).is_fine());
        for (theirs, ours) in [(1_000, 1_061), (1_061, 1_000)] {
            let finding = clocks(at(theirs), at(ours));
            assert_eq!(finding.verdict, Verdict::Problem);
            assert_eq!(finding.message, "differs from Meta's clock by 1m 1s");
        }
    }

    #[test]
    fn the_end_of_a_version_is_reported() {
        let greeting = Greeting::default();
        // 23 November 2026; v20.0 ended in September, v21.0 ends on 21 January 2027.
        let now = at(1_795_392_000);
        let verdict = |asked| version(asked, &greeting, now).verdict;
        assert_eq!(verdict("v20.0"), Verdict::Problem);
        assert_eq!(verdict("v21.0"), Verdict::Problem);
        assert_eq!(verdict("v25.0"), Verdict::Fine);
        assert_eq!(verdict("v26.0"), Verdict::Fine);
        assert_eq!(verdict("v99.0"), Verdict::Unknown);
        assert_eq!(
            version("v21.0", &greeting, now).message,
            "requests v21.0; Meta stops serving v21.0 in 59 days"
        );
        let message = |asked| version(asked, &greeting, now).message;
        assert_eq!(
            message("v25.0"),
            "requests v25.0; Meta serves v25.0 until 2028-07-29"
        );
        assert_eq!(
            message("v26.0"),
            "requests v26.0; Meta has not announced an end of v26.0"
        );
        let cure = version("v21.0", &greeting, now).cure.expect("it has one");
        assert!(cure.starts_with("Set graph.api_version to a newer version"));
    }

    #[test]
    fn the_default_version_is_in_the_table() {
        let environment = FixedEnvironment::default()
            .with_variable("WHATSAPP_ACCESS_TOKEN", "x")
            .with_variable("WHATSAPP_APP_SECRET", "x")
            .with_variable("WHATSAPP_WEBHOOK_VERIFY_TOKEN", "x")
            .with_variable("WHATSAPP_BUSINESS_ACCOUNT_IDS", "800100");
        let config = Config::load(&Flags::default(), &environment).expect("enough");
        let default = lifetime(&config.graph.api_version);
        assert_ne!(default, Lifetime::NotKnown, "{}", config.graph.api_version);
    }
}
