//! `GET /metrics`: the whole page, or what its parameters select.

use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus::IntCounter;

use super::context::Operator;
use super::limiter::ActiveRequest;
use super::responses::{GZIP, accepts_gzip, vary};
use super::scrapes::{ScrapeError, ScrapeVariant, Scrapes};
use super::{negotiation, refusal};
use crate::clock;
use crate::expose::{self, Apps, Selection};
use crate::telemetry::Telemetry;

/// The parameters of a scrape, in their order. A name may occur several times.
pub(super) type ScrapeParameters = Query<Vec<(String, String)>>;

/// What the parameters select, or what is wrong with them.
pub(super) fn selection(Query(parameters): &ScrapeParameters) -> Result<Selection, String> {
    let pairs = parameters.iter();
    Selection::parse(pairs.map(|(name, value)| (name.as_str(), value.as_str())))
}

/// The response to wrong parameters.
pub(super) fn wrong_parameters(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response()
}

/// Reason label of refused scrapes.
pub(super) const BUSY: &str = "scrapes_busy";

/// Counts the scrapes that were refused because too many different ones waited.
pub(super) fn refused(telemetry: &Telemetry) -> IntCounter {
    refusal::of_operator(telemetry, BUSY)
}

pub(super) async fn metrics(
    State(operator): State<Operator>,
    parameters: ScrapeParameters,
    headers: HeaderMap,
    active: Option<Extension<ActiveRequest>>,
    scrapes: Scrapes,
) -> Response {
    let selection = match selection(&parameters) {
        Ok(selection) => selection,
        Err(why) => return wrong_parameters(&why),
    };
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    let variant = ScrapeVariant {
        format: negotiation::format_for(accept),
        gzip: accepts_gzip(&headers),
        selection,
    };
    let telemetry = operator.telemetry.clone();
    let page = scrapes.page(variant, move || render(&operator, variant));
    let page = match page.await {
        Ok(page) => page,
        Err(ScrapeError::Failed) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Err(ScrapeError::TooManyVariants) => {
            refused(&telemetry).inc();
            let why = "too many scrapes with different parameters at once; try again later\n";
            return (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
        }
    };
    let active = active.as_ref().map(|Extension(active)| active);
    let mut response = page.body(active).into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static(variant.format.content_type());
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::VARY, vary());
    if variant.gzip {
        headers.insert(header::CONTENT_ENCODING, GZIP);
    }
    response
}

fn render(operator: &Operator, variant: ScrapeVariant) -> String {
    let accounts = operator.accounts();
    operator.telemetry.note_clock_skew(clock::skew_seconds());
    let own = operator.telemetry.gather();
    let scrape = expose::render(
        &accounts,
        &Apps {
            access: &operator.access.read(),
            assignments: &operator.assignments.load(),
            unions: &operator.send_gate.unions,
        },
        &own,
        clock::now(),
        &operator.options.load(),
        variant.selection,
        variant.format,
    );
    let refused = operator
        .telemetry
        .series_refused
        .with_label_values(&["template"]);
    refused.inc_by(scrape.refused_templates);
    scrape.text
}
