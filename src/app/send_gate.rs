//! Asks the send gate of a running exporter.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};

use super::own;
use crate::serve::send_gate::PATH;

pub use crate::domain::PhoneNumberId;
pub use crate::domain::send_gate::SendVerdict;
pub use crate::serve::send_gate::{GateAnswer, GateLimit, GateReason};

/// A decision takes milliseconds, so an exporter that needs longer is overloaded or not reachable.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum size of a response. Even with every reason for several accounts, it takes some 20 KB.
const MAX_ANSWER: usize = 1 << 20;

/// A planned campaign.
#[derive(Clone, Debug)]
pub struct GateRequest {
    /// URL of the exporter.
    pub url: Url,
    /// The sending phone number.
    pub phone_number_id: PhoneNumberId,
    /// Name of the template.
    pub template: Option<String>,
    /// Language of the template.
    pub language: Option<String>,
    /// Number of customers.
    pub recipients: Option<u64>,
    /// Token of the public listener.
    pub token: Option<SecretString>,
}

/// The verdict, and the whole response.
pub struct GateOutcome {
    /// The verdict.
    pub verdict: SendVerdict,
    /// The response.
    pub answer: GateAnswer,
}

/// Asks the exporter.
///
/// # Errors
/// If it cannot be reached, refuses the request, or responds with something else than a decision.
pub async fn ask(request: &GateRequest) -> anyhow::Result<GateOutcome> {
    let url = gate_url(request);
    // Through a proxy only if a direct connection fails.
    let http = own::public_client(&url, true, TIMEOUT).await?;
    let mut query = http.get(url.clone());
    if let Some(token) = &request.token {
        query = query.bearer_auth(token.expose_secret());
    }
    let answer = query.send().await.map_err(reqwest::Error::without_url);
    let mut answer = answer.with_context(|| format!("no exporter responds at {}", request.url))?;
    let status = answer.status();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER {
            bail!("{} does not respond like an exporter", request.url);
        }
    }
    match status {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED => {
            bail!(
                "{} requires a token or has another one (gate.token)",
                request.url
            )
        }
        StatusCode::NOT_FOUND => bail!(
            "{} does not serve the send gate; set gate.token_file to serve it on the public listener",
            request.url
        ),
        status => bail!("{} responded with {status}: {}", request.url, reason(&body)),
    }
    let answer: GateAnswer = serde_json::from_slice(&body)
        .with_context(|| format!("{} does not respond like an exporter", request.url))?;
    let verdict = SendVerdict::parse(&answer.verdict);
    let verdict = verdict.with_context(|| format!("unknown verdict {:?}", answer.verdict))?;
    Ok(GateOutcome { verdict, answer })
}

/// The error of a refusal.
fn reason(body: &[u8]) -> String {
    let parsed: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let error = parsed.and_then(|answer| Some(answer.get("error")?.as_str()?.to_owned()));
    error.unwrap_or_else(|| "no reason given".to_owned())
}

/// The URL of the decision: below the path of the exporter's URL, which a proxy may have.
fn gate_url(request: &GateRequest) -> Url {
    let mut url = request.url.clone();
    let base = url.path().trim_end_matches('/').to_owned();
    if !base.ends_with(PATH) {
        url.set_path(&format!("{base}{PATH}"));
    }
    url.set_fragment(None);
    let recipients = request.recipients.map(|recipients| recipients.to_string());
    let parameters = [
        ("phone_number_id", Some(request.phone_number_id.as_str())),
        ("template", request.template.as_deref()),
        ("language", request.language.as_deref()),
        ("recipients", recipients.as_deref()),
    ];
    let given = parameters
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    url.query_pairs_mut().clear().extend_pairs(given);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_below_that_of_the_url() {
        let request = |url: &str| GateRequest {
            url: url.parse().expect(url),
            phone_number_id: PhoneNumberId::parse("900").expect("digits"),
            template: Some("a b&c".to_owned()),
            language: None,
            recipients: Some(5),
            token: None,
        };
        let query = "?phone_number_id=900&template=a+b%26c&recipients=5";
        for (url, expected) in [
            (
                "http://localhost:10131",
                "http://localhost:10131/api/v1/gate",
            ),
            (
                "http://localhost:10131/",
                "http://localhost:10131/api/v1/gate",
            ),
            (
                "https://x.example/wa/?a=1#b",
                "https://x.example/wa/api/v1/gate",
            ),
            (
                "https://x.example/api/v1/gate",
                "https://x.example/api/v1/gate",
            ),
        ] {
            assert_eq!(
                gate_url(&request(url)).as_str(),
                format!("{expected}{query}")
            );
        }
    }
}
