//! Reads the daily figures of templates and phone numbers.

use std::collections::BTreeMap;

use super::dropped::{RejectionScope, RequestTarget};
use super::fields::METRIC_TYPES;
use super::listing::{LARGEST_PAGE, ListingProgress};
use super::transport::{Caller, Query};
use super::wire::insights::{self as wire, ProductDay};
use super::{Calls, Client, Endpoint, Failure, FailureKind};
use crate::clock;
use crate::domain::insights::{DaySpan, NumberDay, Refusal, TemplateDay, TemplateFigures};
use crate::domain::{TemplateId, WabaId};
use crate::ingest::ParseWarnings;
use serde_json::Value;

/// Maximum number of templates in one request.
pub const TEMPLATES_PER_CALL: usize = 10;

/// The requested figures. `REPLIED` is only in Meta's SDK; if Meta rejects the list, its default set is requested.
const FIGURES: &str = r#"["SENT","DELIVERED","READ","CLICKED","REPLIED","COST"]"#;

/// Meta: template insights are not switched on for the account.
const NOT_ENABLED: i64 = 200_007;

/// Meta: template insights are not available to the account.
const UNAVAILABLE: i64 = 200_005;

impl Failure {
    /// Why Meta gives no insights about templates. `None` if the failure is another one.
    #[must_use]
    pub fn insights_refusal(&self) -> Option<Refusal> {
        match self.code()? {
            NOT_ENABLED => Some(Refusal::NotEnabled),
            UNAVAILABLE => Some(Refusal::Unavailable),
            _ => None,
        }
    }
}

impl Client {
    /// Reads the days of at most [`TEMPLATES_PER_CALL`] templates. They are calendar days of this time zone of the
    /// account, or of UTC.
    ///
    /// # Errors
    /// If not every page could be read.
    pub async fn read_template_days(
        &self,
        waba_id: &WabaId,
        templates: &[TemplateId],
        span: DaySpan,
        timezone_id: Option<&str>,
        calls: &dyn Calls,
    ) -> Result<Vec<TemplateDay>, Failure> {
        let endpoint = Endpoint::TemplateAnalytics;
        let path = format!("{waba_id}/{}", endpoint_name(endpoint));
        let caller = Caller::for_account(waba_id, calls);
        let mut warnings = ParseWarnings::new();
        // A day may be on two pages, and in the groups of several products.
        let mut found: BTreeMap<ProductDay, TemplateFigures> = BTreeMap::new();
        let mut progress = ListingProgress::default();
        loop {
            let mut query = template_query(templates, span, timezone_id);
            let after = progress.after().map(ToOwned::to_owned);
            query.extend(after.map(|after| ("after", after)));
            let page = self.figures_page(endpoint, &path, &query, caller).await?;
            for (place, figures) in wire::template_days(&page, timezone_id, &mut warnings) {
                let known = found.entry(place).or_default();
                *known = known.merged(figures, u64::max);
            }
            match progress.advance(&page) {
                Ok(true) => {}
                Ok(false) => break,
                Err(failure) => return Err(self.transport.count(endpoint, failure)),
            }
        }
        self.record(&warnings);
        let requested = found
            .into_iter()
            .filter(|(place, _)| templates.contains(&place.template_id));
        Ok(wire::sum_products(requested))
    }

    /// Reads the days of the account's phone numbers, which are days of UTC.
    ///
    /// # Errors
    /// If they could not be read.
    pub async fn read_number_days(
        &self,
        waba_id: &WabaId,
        span: DaySpan,
        calls: &dyn Calls,
    ) -> Result<Vec<NumberDay>, Failure> {
        let endpoint = Endpoint::PricingAnalytics;
        let (start, end) = (span.first.start, span.last.end);
        let field = format!(
            "{}.start({}).end({}).granularity(DAILY).dimensions([\"PHONE\",\"PRICING_CATEGORY\",\"PRICING_TYPE\"])",
            endpoint_name(endpoint),
            start.as_millis() / 1000,
            end.as_millis() / 1000
        );
        let query = vec![("fields", field)];
        let caller = Caller::for_account(waba_id, calls);
        let path = waba_id.as_str();
        let node = self.transport.call(endpoint, path, &query, caller).await?;
        let mut warnings = ParseWarnings::new();
        let days = wire::number_days(&node, &mut warnings);
        self.record(&warnings);
        Ok(days)
    }

    /// Reads a page. Requests Meta's default set of figures while Meta rejects the list.
    async fn figures_page(
        &self,
        endpoint: Endpoint,
        path: &str,
        query: &Query,
        caller: Caller<'_>,
    ) -> Result<Value, Failure> {
        let target = RequestTarget::new(endpoint, path);
        let call =
            |query: Query| async move { self.transport.call(endpoint, path, &query, caller).await };
        if !self.fields.requests(target, METRIC_TYPES, clock::now()) {
            return call(query.clone()).await;
        }
        let mut with_list = query.clone();
        with_list.push((METRIC_TYPES, FIGURES.to_owned()));
        match call(with_list).await {
            Err(failure) if is_about_the_list(&failure) => {
                let page = call(query.clone()).await?;
                let scope = RejectionScope::Unknown;
                self.fields
                    .drop_field(target, METRIC_TYPES, scope, clock::now());
                Ok(page)
            }
            page => page,
        }
    }

    fn record(&self, warnings: &ParseWarnings) {
        warnings
            .iter()
            .for_each(|parse_warning| parse_warning.record(&self.telemetry));
    }
}

fn is_about_the_list(failure: &Failure) -> bool {
    matches!(
        failure.kind(),
        FailureKind::InvalidParameter | FailureKind::UnknownField
    )
}

fn endpoint_name(endpoint: Endpoint) -> &'static str {
    crate::domain::Word::as_str(endpoint)
}

fn template_query(templates: &[TemplateId], span: DaySpan, timezone_id: Option<&str>) -> Query {
    let ids: Vec<&str> = templates.iter().map(TemplateId::as_str).collect();
    let (start, end) = match timezone_id {
        // Meta then takes dates. Whether the end is included is not documented: the day after the last one is requested
        // too, and its content is not used.
        Some(zone) => (
            span.first.date(Some(zone)),
            span.last.after(Some(zone)).date(Some(zone)),
        ),
        None => {
            let seconds = |time: crate::domain::Timestamp| (time.as_millis() / 1000).to_string();
            (seconds(span.first.start), seconds(span.last.end))
        }
    };
    let mut query = vec![
        ("start", start),
        ("end", end),
        ("granularity", "DAILY".to_owned()),
        ("template_ids", format!("[{}]", ids.join(","))),
        ("limit", LARGEST_PAGE.to_string()),
    ];
    if timezone_id.is_some() {
        query.push(("use_waba_timezone", "true".to_owned()));
    }
    query
}
