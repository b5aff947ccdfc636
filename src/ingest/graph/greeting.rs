//! One call without a token, which shows whether the Graph API responds, its time, and its version.

use reqwest::header::HeaderMap;

use super::date::date;
use super::version::answered;
use super::{Client, Failure};
use crate::domain::Timestamp;

/// Information in every response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Greeting {
    /// Time of the response, to the second.
    pub date: Option<Timestamp>,
    /// The API version of the response.
    pub answered: Option<String>,
}

impl Client {
    /// Sends a request without a token.
    ///
    /// # Errors
    /// If there was no response; the error has the reason.
    pub async fn greet(&self) -> Result<Greeting, Failure> {
        let headers = self.transport.greet().await?;
        Ok(read(&headers))
    }
}

fn read(headers: &HeaderMap) -> Greeting {
    Greeting {
        date: date(headers),
        answered: answered(headers).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::DATE;

    use super::*;

    #[test]
    fn metas_time_is_read_from_the_date_header() {
        let mut headers = HeaderMap::new();
        let date = "Fri, 20 Mar 2026 09:46:40 GMT";
        headers.insert(DATE, date.parse().expect("a header"));
        headers.insert("facebook-api-version", "v25.0".parse().expect("a header"));
        let expected = Greeting {
            date: Some(Timestamp::from_seconds(1_774_000_000)),
            answered: Some("v25.0".to_owned()),
        };
        assert_eq!(read(&headers), expected);
        assert_eq!(read(&HeaderMap::new()), Greeting::default());
    }
}
