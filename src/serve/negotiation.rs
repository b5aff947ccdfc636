//! Selects the text format of a scrape (RFC 9110 `Accept`, as Prometheus sends it).

use crate::expose::TextFormat;

const OPEN_METRICS: &str = "application/openmetrics-text";

/// OpenMetrics if it is listed and preferred to plain text, otherwise the format that every scraper reads.
pub(super) fn format_for(accept: Option<&str>) -> TextFormat {
    let offers = accept.unwrap_or_default().split(',').map(parse);
    let (mut open_metrics, mut text) = (0.0_f64, 0.0_f64);
    for Offer {
        media,
        version,
        weight,
    } in offers
    {
        match media {
            // 0.0.1 was the draft of 1.0.0; both are the same for what this exporter writes.
            OPEN_METRICS if matches!(version, None | Some("1.0.0" | "0.0.1")) => {
                open_metrics = open_metrics.max(weight);
            }
            "text/plain" | "text/*" | "*/*" => text = text.max(weight),
            _ => {}
        }
    }
    if open_metrics > text || (open_metrics > 0.0 && accept_names_it_first(accept)) {
        TextFormat::OpenMetrics
    } else {
        TextFormat::Text
    }
}

struct Offer<'a> {
    media: &'a str,
    version: Option<&'a str>,
    weight: f64,
}

fn parse(offer: &str) -> Offer<'_> {
    let mut parts = offer.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    let (mut version, mut weight) = (None, 1.0);
    for parameter in parts {
        match parameter.split_once('=') {
            Some(("version", value)) => version = Some(value),
            Some(("q", value)) => weight = value.parse().unwrap_or(0.0),
            _ => {}
        }
    }
    Offer {
        media,
        version,
        weight,
    }
}

/// A scraper that lists OpenMetrics first and gives no weights prefers it.
fn accept_names_it_first(accept: Option<&str>) -> bool {
    accept.is_some_and(|accept| {
        accept.trim_start().starts_with(OPEN_METRICS) && !accept.contains("q=")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_gets_open_metrics_and_browsers_get_text() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.8,\
                          application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(format_for(Some(prometheus)), TextFormat::OpenMetrics);
        assert_eq!(
            format_for(Some("application/openmetrics-text; version=1.0.0")),
            TextFormat::OpenMetrics
        );
        assert_eq!(
            format_for(Some("application/openmetrics-text,*/*")),
            TextFormat::OpenMetrics
        );
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for accept in [
            None,
            Some("*/*"),
            Some(browser),
            Some("text/plain"),
            Some(""),
        ] {
            assert_eq!(format_for(accept), TextFormat::Text, "{accept:?}");
        }
        assert_eq!(
            format_for(Some("application/openmetrics-text;version=2.0.0")),
            TextFormat::Text
        );
        assert_eq!(
            format_for(Some("application/openmetrics-text;q=0,text/plain")),
            TextFormat::Text
        );
    }
}
