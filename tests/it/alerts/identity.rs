//! Identity: an alert about Meta carries Meta's ids and never a replica; and no rule depends on which replica reported.

use std::fs;

use promql_parser::parser::{BinaryExpr, Expr, parse, token};

use super::annotations::named;
use super::command::{folder, rule_files, run};
use super::rules::{Rule, alerts, files, groups, groups_of};
use crate::docs::tables;
use crate::promql::labels::read;
use crate::promql::selectors::lacking;
use crate::promql::vocabulary;
use crate::support::assert_none;
use whatsapp_business_exporter::alerts::RuleFile;

/// The default `identity_labels`.
const IDENTITY: [&str; 2] = ["job", "cluster"];

/// Alerts about one exporter's process or its host, which keep `instance`. Two replicas with a problem are two alerts.
pub const OF_A_PROCESS: &[(&str, &str)] = &[
    ("WhatsAppExporterDown", "one process is down"),
    ("WhatsAppExporterRestarting", "one process restarts"),
    ("WhatsAppClockSkew", "the clock of one host"),
    (
        "WhatsAppWebhookSignatureFailures",
        "the secrets of one process, or who calls it",
    ),
    ("WhatsAppWebhookWrongPort", "the proxy of one process"),
    ("WhatsAppWebhooksRefused", "one process refuses"),
    ("WhatsAppEventBatchesRefused", "one process refuses"),
    ("WhatsAppExporterSlowClients", "clients of one process"),
    ("WhatsAppSeriesRefused", "the /metrics of one process"),
    ("WhatsAppStoreFailing", "the disk of one process"),
    ("WhatsAppConfigReloadFailed", "the file of one process"),
    ("WhatsAppCertificateExpiring", "the files of one process"),
    (
        "WhatsAppCertificateExpiringSoon",
        "the files of one process",
    ),
];

/// Alerts about all of a job.
const OF_A_JOB: &[&str] = &[
    "WhatsAppAllExportersDown",
    "WhatsAppGraphUnreachable",
    "WhatsAppWebhookUnwatched",
    "WhatsAppWebhookLag",
    "WhatsAppDatabaseDown",
    "WhatsAppShardUnowned",
    "WhatsAppInboxBehind",
    "WhatsAppReplicaConfigDiffers",
    "WhatsAppReplicaVersionDiffers",
    "WhatsAppReplicaMissing",
    "WhatsAppShardsFlapping",
];

/// The alert about Prometheus itself.
const WATCHDOG: &str = "WhatsAppWatchdog";

/// Rules that may read the present instant only, with the reason.
const INSTANT: &[(&str, &str)] = &[
    ("WhatsAppAllExportersDown", "what is down now; `for` waits"),
    ("WhatsAppExporterDown", "what is down now; `for` waits"),
];

/// Labels of what an alert is about, the most specific first, and how a summary names it.
const NAMED_BY: &[(&str, &str)] = &[
    ("template_id", "${template}"),
    ("phone_number_id", "${number}"),
    ("waba_id", "${account}"),
    ("business_id", "${portfolio}"),
    ("app", "$labels.app "),
    ("upstream", "$labels.upstream "),
    ("instance", "$labels.instance "),
];

#[test]
fn alerts_carry_what_they_are_about_and_no_replica() {
    let metrics = vocabulary::metrics();
    let mut complaints = Vec::new();
    for rule in alerts() {
        let name = rule.name();
        let (labels, _) = read(&rule.expr, &metrics);
        let mut complain = |what: String| complaints.push(format!("{name}: {what}"));
        if name == WATCHDOG {
            assert_eq!(labels.ever.len(), 0, "{name}");
            continue;
        }
        for label in IDENTITY {
            if !labels.always.contains(label) {
                complain(format!("may lack {label}"));
            }
        }
        let is_of_process = OF_A_PROCESS.iter().any(|(process, _)| *process == name);
        if labels.ever.contains("instance") != is_of_process {
            complain("must keep instance if, and only if, it is about a process".into());
        }
        let own = labels.ever.iter();
        let own = own.filter(|label| !IDENTITY.contains(&label.as_str()));
        if (own.count() == 0) != OF_A_JOB.contains(&name) {
            complain("must be about something, or about a whole job".into());
        }
    }
    assert_none(&complaints);
}

#[test]
fn summaries_name_what_they_are_about() {
    let metrics = vocabulary::metrics();
    let sources = files().into_iter();
    let groups = sources.flat_map(|file| groups_of(&format!("templates/{file}")));
    let sources: Vec<Rule> = groups.flat_map(|group| group.rules).collect();
    let mut complaints = Vec::new();
    for rule in alerts() {
        let name = rule.name();
        let source = sources
            .iter()
            .find(|source| source.alert.as_deref() == Some(name));
        let summary = source.expect(name).annotation("summary");
        let (labels, _) = read(&rule.expr, &metrics);
        let levels = NAMED_BY
            .iter()
            .filter(|(label, _)| labels.ever.contains(*label));
        for (label, text) in levels {
            if !summary.contains(text) {
                complaints.push(format!("{name}: its summary lacks {text}: {summary}"));
            }
            if labels.always.contains(*label) {
                break;
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn every_selector_has_the_configured_matchers() {
    let folder = folder();
    let outcome = run("selector: 'region=\"eu\"'\n", folder.path());
    assert_eq!(outcome.code, Some(0), "{}", outcome.log);
    let mut complaints = Vec::new();
    for path in rule_files(folder.path()) {
        let text = fs::read_to_string(&path).expect(&path);
        let file: RuleFile = serde_saphyr::from_str(&text).expect(&path);
        for rule in file.groups.into_iter().flat_map(|group| group.rules) {
            let texts = rule.annotations.values();
            let queries = texts.flat_map(|text| named(text).queries);
            for expression in queries.chain([rule.expr.clone()]) {
                let lacking = lacking(&expression, "region");
                complaints.extend(lacking.iter().map(|metric| {
                    let name = rule.name();
                    format!("{name}: {metric} without the matchers")
                }));
            }
        }
    }
    assert_none(&complaints);
}

/// Kinds of series that replicas have in different ways.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    /// Recorded: without replicas already.
    Recorded,
}

/// The position of a part of an expression.
#[derive(Clone, Copy, Default)]
struct Place<'a> {
    /// Nearest aggregation around it.
    aggregation: Option<u16>,
    /// Function that is applied to its range.
    function: Option<&'a str>,
    is_in_subquery: bool,
}

struct Order<'a> {
    rule: &'a Rule,
    complaints: Vec<String>,
}

impl Order<'_> {
    fn kind(name: &str) -> Kind {
        let rows = tables::rows();
        let is =
            |kind: &str, name: &str| rows.iter().any(|row| row.name == name && row.kind == kind);
        let suffixes = ["_bucket", "_sum", "_count"].into_iter();
        let mut families = suffixes.filter_map(|suffix| name.strip_suffix(suffix));
        if name.contains(':') {
            Kind::Recorded
        } else if is("counter", name) || families.any(|family| is("histogram", family)) {
            Kind::Counter
        } else {
            Kind::Gauge
        }
    }

    fn read(&mut self, expression: &Expr, place: Place<'_>) {
        match expression {
            Expr::VectorSelector(selector) => {
                let name = selector.name.as_deref().unwrap_or_default();
                self.instant(name, place);
            }
            Expr::MatrixSelector(matrix) => {
                let name = matrix.vs.name.as_deref().unwrap_or_default();
                self.range(name, place);
            }
            Expr::Aggregate(aggregate) => {
                let aggregation = Some(aggregate.op.id());
                let place = Place {
                    aggregation,
                    ..place
                };
                self.read(&aggregate.expr, place);
            }
            Expr::Binary(binary) if is_recent(binary) => self.read(&binary.rhs, place),
            Expr::Binary(binary) => {
                self.read(&binary.lhs, place);
                self.read(&binary.rhs, place);
            }
            Expr::Call(call) => {
                let function = Some(call.func.name);
                let place = Place { function, ..place };
                let arguments = call.args.args.iter();
                arguments.for_each(|argument| self.read(argument, place));
            }
            Expr::Paren(inner) => self.read(&inner.expr, place),
            Expr::Unary(inner) => self.read(&inner.expr, place),
            Expr::Subquery(inner) => {
                let function = place.function.unwrap_or_default();
                if ["increase", "rate", "irate", "delta"].contains(&function) {
                    self.complain(&format!("{function} after an aggregation invents resets"));
                }
                let place = Place {
                    is_in_subquery: true,
                    aggregation: None,
                    function: None,
                };
                self.read(&inner.expr, place);
            }
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
        }
    }

    /// A gauge at one moment is aggregated, and the result is looked back on. A recording is looked back on by its readers.
    fn instant(&mut self, name: &str, place: Place<'_>) {
        let is_looked_back_on = place.is_in_subquery || self.rule.record.is_some();
        let is_instant = INSTANT.iter().any(|(rule, _)| *rule == self.rule.name());
        let is_right = match Self::kind(name) {
            Kind::Recorded => true,
            Kind::Counter | Kind::Gauge => {
                place.aggregation.is_some() && (is_looked_back_on || is_instant)
            }
        };
        if !is_right {
            self.complain(&format!("{name} must be aggregated, then looked back on"));
        }
    }

    /// Only operations that have the same result in both orders may look back before they aggregate.
    fn range(&mut self, name: &str, place: Place<'_>) {
        let function = place.function.unwrap_or_default();
        let is_constant = name.ends_with("_info") || name == "process_start_time_seconds";
        let is_right = match (Self::kind(name), function, place.aggregation) {
            (Kind::Recorded, ..) => true,
            (Kind::Counter, "increase" | "rate" | "last_over_time", Some(token::T_MAX))
            | (Kind::Gauge, "max_over_time", Some(token::T_MAX))
            | (Kind::Gauge, "min_over_time", Some(token::T_MIN)) => true,
            (Kind::Gauge, "last_over_time", Some(token::T_MAX)) => is_constant,
            (Kind::Gauge, "changes", Some(token::T_MAX)) => {
                name == "process_start_time_seconds" && self.rule.expr.contains("instance")
            }
            _ => false,
        };
        if !is_right {
            self.complain(&format!("{function}({name}[..]) depends on the replica"));
        }
    }

    fn complain(&mut self, what: &str) {
        self.complaints
            .push(format!("{}: {what}", self.rule.name()));
    }
}

/// `x or last_over_time(x[..])`, which the templates write as `recent(x)`.
fn is_recent(binary: &BinaryExpr) -> bool {
    let Expr::Call(call) = binary.rhs.as_ref() else {
        return false;
    };
    let Some(Expr::Subquery(inner)) = call.args.args.first().map(AsRef::as_ref) else {
        return false;
    };
    binary.op.id() == token::T_LOR
        && call.func.name == "last_over_time"
        && inner.expr.to_string() == binary.lhs.to_string()
}

#[test]
fn gauges_are_aggregated_first_and_counters_increased_first() {
    let mut complaints = Vec::new();
    for rule in groups().into_iter().flat_map(|group| group.rules) {
        let mut order = Order {
            rule: &rule,
            complaints: Vec::new(),
        };
        let parsed = parse(&rule.expr).expect("promtool accepts it");
        order.read(&parsed, Place::default());
        complaints.extend(order.complaints);
    }
    assert_none(&complaints);
}
