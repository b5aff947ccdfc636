//! `gate`: asks a running exporter whether a campaign may be sent.

use std::fmt::{self, Display};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueHint};
use reqwest::Url;

use super::doctor::ReportFormat;
use super::output;
use crate::app::send_gate::{
    GateAnswer, GateOutcome, GateRequest, PhoneNumberId, SendVerdict, ask,
};
use crate::config::{ProcessEnvironment, gate_token};

/// Exit codes, in addition to 0 for "go".
const STOP: u8 = 1;
const CAUTION: u8 = 2;
/// Also for errors: without a verdict, sending is not allowed.
pub(super) const NOT_KNOWN: u8 = 3;

/// Arguments of `gate`.
#[derive(Args, Clone, Debug)]
pub struct GateArguments {
    /// URL of the exporter: its operator listener, or its public listener with a token
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:10131", value_hint = ValueHint::Url)]
    url: Url,

    /// Id of the sending phone number
    #[arg(long, value_name = "ID", value_parser = phone_number_id)]
    phone_number_id: PhoneNumberId,

    /// Name of the template [default: only the phone number and its account are checked]
    #[arg(long, value_name = "NAME")]
    template: Option<String>,

    /// Language of the template, such as en_US [default: all languages of the name]
    #[arg(long, value_name = "CODE", requires = "template")]
    language: Option<String>,

    /// Number of customers who get the campaign
    #[arg(long, value_name = "NUMBER")]
    recipients: Option<u64>,

    /// File that holds the token of the public listener [default: WHATSAPP_GATE_TOKEN or WHATSAPP_GATE_TOKEN_FILE]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    token_file: Option<PathBuf>,

    /// Output format
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

/// Prints the verdict and its reasons, and returns the exit code.
pub(super) async fn run(arguments: &GateArguments) -> anyhow::Result<ExitCode> {
    let token = gate_token(arguments.token_file.as_deref(), &ProcessEnvironment);
    let request = GateRequest {
        url: arguments.url.clone(),
        phone_number_id: arguments.phone_number_id.clone(),
        template: arguments.template.clone(),
        language: arguments.language.clone(),
        recipients: arguments.recipients,
        token: token.map_err(anyhow::Error::msg)?,
    };
    let GateOutcome { verdict, answer } = ask(&request).await?;
    match arguments.format {
        ReportFormat::Text => output::print(&AnswerText(&answer))?,
        ReportFormat::Json => {
            let text = serde_json::to_string_pretty(&answer).context("the decision as JSON")?;
            output::print(&text)?;
        }
    }
    Ok(match verdict {
        SendVerdict::Go => ExitCode::SUCCESS,
        SendVerdict::Stop => ExitCode::from(STOP),
        SendVerdict::Caution => ExitCode::from(CAUTION),
        SendVerdict::Unknown => ExitCode::from(NOT_KNOWN),
    })
}

/// The verdict, one line per reason, the limit, and the age of the data.
struct AnswerText<'a>(&'a GateAnswer);

impl Display for AnswerText<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = self.0;
        writeln!(out, "{}", answer.verdict)?;
        for reason in &answer.reasons {
            let (effect, code, message) = (&reason.effect, &reason.code, &reason.message);
            write!(out, "{effect:<8} {code}: {message}")?;
            match &reason.until {
                Some(until) => writeln!(out, " ({until})")?,
                None => writeln!(out)?,
            }
        }
        let number = |number: Option<u64>| {
            number.map_or_else(|| "unknown".to_owned(), |number| number.to_string())
        };
        let limit = &answer.limit;
        if limit.unlimited == Some(true) {
            writeln!(out, "limit: none, used {}", number(limit.used))?;
        } else {
            let [limit, used, left] = [limit.limit, limit.used, limit.left].map(number);
            writeln!(out, "limit: {limit}, used {used}, left {left}")?;
        }
        match answer.data_age_seconds {
            Some(age) => write!(out, "data age: {age} s"),
            None => write!(out, "data age: unknown"),
        }
    }
}

fn phone_number_id(text: &str) -> Result<PhoneNumberId, String> {
    PhoneNumberId::parse(text).ok_or_else(|| "is not an id; ids are 1 to 32 digits".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::send_gate::{GateLimit, GateReason};

    #[test]
    fn the_text_has_verdict_reasons_limit_and_age() {
        let limit = GateLimit {
            limit: Some(10_000),
            used: Some(4_000),
            left: Some(6_000),
            unlimited: Some(false),
        };
        let mut answer = GateAnswer {
            verdict: "stop".to_owned(),
            reasons: vec![GateReason {
                code: "template_paused".to_owned(),
                effect: "stop".to_owned(),
                message: "template offer (en_US) is PAUSED".to_owned(),
                until: Some("2026-11-26T20:00:00Z".to_owned()),
            }],
            limit,
            data_age_seconds: Some(42),
            waba_ids: Vec::new(),
        };
        assert_eq!(
            AnswerText(&answer).to_string(),
            "stop\n\
             stop     template_paused: template offer (en_US) is PAUSED (2026-11-26T20:00:00Z)\n\
             limit: 10000, used 4000, left 6000\n\
             data age: 42 s"
        );
        (answer.verdict, answer.reasons) = ("go".to_owned(), Vec::new());
        (answer.limit.limit, answer.limit.left) = (None, None);
        answer.limit.unlimited = Some(true);
        answer.data_age_seconds = None;
        let text = "go\nlimit: none, used 4000\ndata age: unknown";
        assert_eq!(AnswerText(&answer).to_string(), text);
    }
}
