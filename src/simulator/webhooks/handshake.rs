//! The verification handshake: a GET whose challenge the callback must return with status 200. See
//! <https://developers.facebook.com/docs/graph-api/webhooks/getting-started>.

use std::time::Duration;

/// Timeout of the callback, the same as for deliveries.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The challenge that the callback must echo.
const CHALLENGE: &str = "1158201444";

/// Sends the challenge to `callback_url`, which must return it.
///
/// # Errors
/// Why the response is not valid, in Meta's words if they are known.
pub(crate) async fn verify(
    client: &reqwest::Client,
    callback_url: &str,
    verify_token: &str,
) -> Result<(), String> {
    let query = [
        ("hub.mode", "subscribe"),
        ("hub.verify_token", verify_token),
        ("hub.challenge", CHALLENGE),
    ];
    let response = client
        .get(callback_url)
        .query(&query)
        .timeout(TIMEOUT)
        .send()
        .await
        .map_err(super::reason)?;
    let status = response.status();
    if status != reqwest::StatusCode::OK {
        return Err(format!(
            "HTTP Status Code = {}; HTTP Message = {}",
            status.as_u16(),
            status.canonical_reason().unwrap_or_default()
        ));
    }
    let body = response.text().await.map_err(super::reason)?;
    if body == CHALLENGE {
        Ok(())
    } else {
        Err("the callback did not repeat the challenge".into())
    }
}
