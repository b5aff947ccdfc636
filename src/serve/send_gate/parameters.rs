//! The query parameters of the send gate.

use serde::Deserialize;

use crate::domain::PhoneNumberId;

/// Maximum length of a template's name at Meta.
const MAX_NAME: usize = 512;

/// Maximum length of a language code: those of Meta have up to five characters.
const MAX_LANGUAGE: usize = 32;

/// The parameters as text.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::serve) struct GateParameters {
    phone_number_id: Option<String>,
    template: Option<String>,
    language: Option<String>,
    recipients: Option<String>,
}

/// The planned campaign.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GateQuery {
    pub phone_number_id: PhoneNumberId,
    pub template: Option<String>,
    pub language: Option<String>,
    pub recipients: Option<u64>,
}

impl GateQuery {
    /// Checks the parameters. The error names the parameter and what is expected.
    pub fn parse(parameters: GateParameters) -> Result<Self, String> {
        let id = parameters
            .phone_number_id
            .ok_or("phone_number_id: is missing; give the id of the sending phone number")?;
        let phone_number_id = PhoneNumberId::parse(&id)
            .ok_or("phone_number_id: must be the digits of a phone number's id, not the number")?;
        let template = parameters.template;
        let template = template
            .map(|name| text("template", name, MAX_NAME))
            .transpose()?;
        let language = parameters.language;
        let language = language
            .map(|code| text("language", code, MAX_LANGUAGE))
            .transpose()?;
        if language.is_some() && template.is_none() {
            return Err("language: needs template; give the name of the template too".to_owned());
        }
        let recipients = parameters.recipients.as_deref();
        Ok(Self {
            phone_number_id,
            template,
            language,
            recipients: recipients.map(number).transpose()?,
        })
    }
}

fn text(name: &str, text: String, max: usize) -> Result<String, String> {
    let length = text.chars().count();
    if (1..=max).contains(&length) && !text.chars().any(char::is_control) {
        Ok(text)
    } else {
        Err(format!("{name}: must have 1 to {max} printable characters"))
    }
}

fn number(text: &str) -> Result<u64, String> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_digits);
    number.ok_or_else(|| "recipients: must be a whole number, such as 5000".to_owned())
}

#[cfg(test)]
mod tests {
    use axum::extract::Query;

    use super::*;

    fn parse(query: &str) -> Result<GateQuery, String> {
        let uri = format!("/api/v1/gate?{query}").parse().expect("a URI");
        let parameters = Query::<GateParameters>::try_from_uri(&uri);
        let Query(parameters) = parameters.map_err(|rejection| rejection.body_text())?;
        GateQuery::parse(parameters)
    }

    #[test]
    fn a_whole_query_is_read() {
        let query = "phone_number_id=900100&template=offer&language=en_US&recipients=5000";
        let read = parse(query).expect("a query");
        assert_eq!(read.phone_number_id.as_str(), "900100");
        assert_eq!(read.template.as_deref(), Some("offer"));
        assert_eq!(read.language.as_deref(), Some("en_US"));
        assert_eq!(read.recipients, Some(5_000));
        let short = parse("phone_number_id=1").expect("the rest is optional");
        assert_eq!((short.template, short.recipients), (None, None));
    }

    #[test]
    fn an_error_names_the_parameter() {
        for (query, name) in [
            ("", "phone_number_id"),
            ("phone_number_id=", "phone_number_id"),
            ("phone_number_id=%2B1555", "phone_number_id"),
            ("phone_number_id=1&template=", "template"),
            ("phone_number_id=1&template=%00", "template"),
            ("phone_number_id=1&language=en", "language"),
            ("phone_number_id=1&template=a&language=", "language"),
            ("phone_number_id=1&recipients=", "recipients"),
            ("phone_number_id=1&recipients=-1", "recipients"),
            ("phone_number_id=1&recipients=1e3", "recipients"),
            (
                "phone_number_id=1&recipients=99999999999999999999",
                "recipients",
            ),
            ("phone_number_id=1&recipient=5", "recipient"),
            ("phone_number_id=1&phone_number_id=2", "phone_number_id"),
        ] {
            let error = parse(query).expect_err(query);
            assert!(error.contains(name), "{query}: {error}");
        }
    }
}
