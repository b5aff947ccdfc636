//! Tables of settings and metrics, rendered from the declarations in the code.

use prometheus::proto::MetricType;
use whatsapp_business_exporter::config::{self, Applies, Setting};
use whatsapp_business_exporter::domain::KNOWN_ERROR_CODES;
use whatsapp_business_exporter::domain::send_gate::SendReasonCode;
use whatsapp_business_exporter::expose;
use whatsapp_business_exporter::telemetry::{Declared, Telemetry};

/// One line of the table of metrics.
pub struct Row {
    pub name: String,
    pub kind: &'static str,
    pub labels: Vec<String>,
    help: String,
}

impl Row {
    /// Whether it has a series for each state.
    pub fn is_state_set(&self) -> bool {
        self.help.contains("state set")
    }
}

/// Every setting.
pub fn configuration() -> String {
    let mut table =
        "| flag | file | variable | default | meaning |\n|---|---|---|---|---|\n".to_owned();
    for row in config::reference() {
        let Setting {
            key,
            flag,
            variable,
            default,
            meaning,
            applies,
            ..
        } = row;
        let cells = [flag, key, variable, default].map(|cell| code(cell.unwrap_or_default()));
        let restart = match applies {
            Applies::Reload => "",
            Applies::ListenerRestart | Applies::StoreRestart | Applies::LogRestart => {
                "; a change requires a restart"
            }
        };
        let cells = cells.join(" | ");
        table += &format!("| {cells} | {}{restart} |\n", text(meaning));
    }
    table
}

/// The error codes of messages that have a meaning here.
pub fn error_codes() -> String {
    let rows = KNOWN_ERROR_CODES
        .iter()
        .map(|code| format!("| `{}` | {} |\n", code.number, text(code.meaning)));
    let head = "| code | meaning |\n|---|---|\n".to_owned();
    head + &rows.collect::<String>()
}

/// The reasons of the send gate.
pub fn send_gate_reasons() -> String {
    let rows = SendReasonCode::ALL.iter().map(|code| {
        let (name, effect) = (code.as_str(), code.default_effect().as_str());
        format!("| `{name}` | `{effect}` | {} |\n", text(code.meaning()))
    });
    let head = "| code | effect by default | meaning |\n|---|---|---|\n".to_owned();
    head + &rows.collect::<String>()
}

/// Every metric, by what it is about.
pub fn metrics() -> String {
    let groups = [
        ("Phone numbers", "whatsapp_phone_number_"),
        (
            "Messages and conversations",
            "whatsapp_messages_|whatsapp_message_statuses|whatsapp_service_messages_|whatsapp_marketing_|whatsapp_message_failures|whatsapp_message_last_failure|whatsapp_campaign_|whatsapp_first_|whatsapp_response_|whatsapp_conversations_|whatsapp_callback_data_",
        ),
        ("Journeys", "whatsapp_journey_"),
        ("Experiments", "whatsapp_experiment_"),
        ("Message templates", "whatsapp_message_template"),
        ("Business accounts", "whatsapp_business_account_"),
        ("Portfolios", "whatsapp_portfolio_"),
        ("Access", "whatsapp_access_token_|whatsapp_app_"),
        ("The exporter", "whatsapp_exporter_"),
        ("The process", "process_"),
    ];
    let rows = rows();
    let is_of = |row: &Row, prefixes: &str| {
        let mut prefixes = prefixes.split('|');
        prefixes.any(|prefix| row.name.starts_with(prefix))
    };
    for row in &rows {
        let is_listed = groups.iter().any(|(_, prefixes)| is_of(row, prefixes));
        assert!(is_listed, "{} is in no table", row.name);
    }
    let tables = groups.map(|(title, prefixes)| {
        let is_its_own = |row: &&Row| is_of(row, prefixes);
        let lines = rows.iter().filter(is_its_own);
        let lines: String = lines.map(line).collect();
        format!("### {title}\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n{lines}")
    });
    tables.join("\n")
}

/// Every metric, in the order of declaration.
pub fn rows() -> Vec<Row> {
    let telemetry = Telemetry::new();
    let from_state = expose::metrics().map(|metric| Row {
        name: metric.name.to_owned(),
        kind: metric.kind.as_str(),
        labels: metric.labels.iter().map(ToString::to_string).collect(),
        help: metric.help.to_owned(),
    });
    from_state
        .chain(telemetry.declared().iter().map(own_row))
        .collect()
}

fn own_row(declared: &Declared) -> Row {
    Row {
        name: declared.desc.fq_name.clone(),
        kind: match declared.kind {
            MetricType::COUNTER => "counter",
            MetricType::HISTOGRAM => "histogram",
            _ => "gauge",
        },
        labels: declared.desc.variable_labels.clone(),
        help: declared.desc.help.clone(),
    }
}

fn line(row: &Row) -> String {
    let labels: Vec<String> = row.labels.iter().map(|label| code(label)).collect();
    let (name, labels) = (code(&row.name), labels.join(", "));
    format!(
        "| {name} | {} | {labels} | {} |\n",
        row.kind,
        text(&row.help)
    )
}

fn code(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("`{text}`")
    }
}

fn text(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}
