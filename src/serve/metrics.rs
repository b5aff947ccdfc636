//! `GET /metrics`: the whole page, or what its parameters select.

use std::sync::Arc;

use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus::IntCounter;
use prometheus::proto::{Metric, MetricFamily};
use tokio::task::spawn_blocking;

use super::context::Operator;
use super::limiter::ActiveRequest;
use super::responses::{GZIP, HeldBytes, accepts_gzip, vary};
use super::scrapes::{RenderedText, ScrapeError, ScrapeVariant, Scrapes};
use super::{negotiation, refusal};
use crate::clock;
use crate::domain::WabaId;
use crate::expose::{self, Apps, CampaignSource, Options, Selection, TextFormat};
use crate::state::Accounts;
use crate::store::ExportPermit;
use crate::telemetry::Telemetry;

/// The parameters of a scrape, in their order. A name may occur several times.
pub(super) type ScrapeParameters = Query<Vec<(String, String)>>;

/// The selection of the parameters, or the error in them.
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
    let page = match page_in_lease(&operator, &scrapes, variant).await {
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

/// A page that this replica may still export when it is rendered. A process that was stopped meanwhile must not answer
/// with counters that another replica has continued.
async fn page_in_lease(
    operator: &Operator,
    scrapes: &Scrapes,
    variant: ScrapeVariant,
) -> Result<Arc<HeldBytes>, ScrapeError> {
    let store = &operator.store;
    let permit = store.export_permit();
    let own = operator.clone();
    let render_now = move || render(&own, variant, own.store.export_permit());
    let page = scrapes.page(variant, render_now).await?;
    if page.permit == permit && store.narrow(&permit) == permit {
        return Ok(page.bytes);
    }
    // Samples have the time at which the scrape began, so the page must contain neither an account that was acquired
    // since nor one that was lost since.
    let rendered = within_lease(operator, &permit, |within| {
        let own = operator.clone();
        scrapes.own_page(variant, move || render(&own, variant, within))
    });
    Ok(rendered.await?.bytes)
}

/// Renders again until the permit has not changed during a rendering.
async fn within_lease<P, E, Rendering>(
    operator: &Operator,
    permit: &ExportPermit,
    render: impl Fn(ExportPermit) -> Rendering,
) -> Result<P, E>
where
    Rendering: Future<Output = Result<P, E>>,
{
    let store = &operator.store;
    loop {
        let narrowed = store.narrow(permit);
        let page = render(narrowed.clone()).await?;
        if store.narrow(permit) == narrowed {
            return Ok(page);
        }
    }
}

/// The whole page in OpenMetrics with the timestamps of creation, for a push. `None` if it could not be rendered.
pub async fn pushed_page(operator: &Operator) -> Option<String> {
    let variant = ScrapeVariant {
        format: TextFormat::OpenMetrics,
        gzip: false,
        selection: Selection::default(),
    };
    let permit = operator.store.export_permit();
    let rendered = within_lease(operator, &permit, |within| {
        let own = operator.clone();
        spawn_blocking(move || {
            let mut options = Options::clone(&own.options.load());
            options.created_timestamps = true;
            render_with(&own, &options, variant, within)
        })
    });
    Some(rendered.await.ok()?.text)
}

fn render(operator: &Operator, variant: ScrapeVariant, permit: ExportPermit) -> RenderedText {
    render_with(operator, &operator.options.load(), variant, permit)
}

fn render_with(
    operator: &Operator,
    options: &Options,
    variant: ScrapeVariant,
    permit: ExportPermit,
) -> RenderedText {
    let accounts = operator.accounts_within(&permit);
    operator.telemetry.note_clock_skew(clock::skew_seconds());
    let is_shared = operator.store.is_shared();
    // This replica's page has only its own accounts, but a portfolio can own accounts of every replica.
    let portfolio_accounts = is_shared.then(|| operator.portfolio_accounts());
    let store = &operator.store;
    let campaign_rows = store.campaign_accounts();
    let empty = Accounts::new();
    let held = campaign_rows
        .as_ref()
        .map(|(_, permit)| store.narrow(permit));
    let exports_campaign = |name: &str| {
        let held = held.as_ref().filter(|_| store.permits_key(&permit, name));
        held.is_some_and(|held| store.permits_key(held, name))
    };
    let campaigns = is_shared.then(|| CampaignSource {
        accounts: campaign_rows
            .as_ref()
            .map_or(&empty, |(accounts, _)| accounts),
        exports: &exports_campaign,
    });
    let mut own = operator.telemetry.gather();
    if is_shared {
        keep_own_accounts(&mut own, &accounts);
    }
    let scrape = expose::render(
        &accounts,
        &Apps {
            access: &operator.access.read(),
            exports: &|key| store.permits_key(&permit, key),
            portfolio_accounts: portfolio_accounts.as_ref(),
            campaigns,
            assignments: &operator.assignments.load(),
            unions: &operator.send_gate.unions,
        },
        &own,
        clock::now(),
        options,
        variant.selection,
        variant.format,
    );
    let refused = operator
        .telemetry
        .series_refused
        .with_label_values(&["template"]);
    refused.inc_by(scrape.refused_templates);
    RenderedText {
        text: scrape.text,
        permit,
    }
}

/// Drops the exporter's series about accounts of other replicas, which export them.
fn keep_own_accounts(families: &mut [MetricFamily], accounts: &Accounts) {
    for family in families {
        let is_own = |metric: &Metric| {
            let labels = metric.get_label().iter();
            let mut named = labels.filter(|label| label.name() == "waba_id");
            let account = named.next().and_then(|label| WabaId::parse(label.value()));
            account.is_none_or(|waba_id| accounts.contains_key(&waba_id))
        };
        let kept = family.take_metric().into_iter().filter(is_own);
        let kept = kept.collect();
        family.set_metric(kept);
    }
}
