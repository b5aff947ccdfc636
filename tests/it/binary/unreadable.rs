//! The log of unreadable JSON values: field and defect, once, without any of the text.

use crate::durability::deliveries::{WABA, signature};
use crate::durability::service::Service;
use crate::http::post_text;

const MESSAGE: &str = "replaced unreadable value from meta";

#[test]
fn an_unreadable_value_is_logged_once_by_field_and_defect() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let service = Service::start(folder.path());
    for time in 1_775_000_000..1_775_000_003 {
        let change = r#"{"field":"message_template_status_update","value":{"event":"PAUSED","message_template_id":7001002003000,"message_template_name":"hidden \ud83d","other_info":{"description":1e999}}}"#;
        let body = format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{WABA}","time":{time},"changes":[{change}]}}]}}"#
        );
        let answer = post_text(service.address, "/webhook", &signature(&body), &body);
        assert_eq!(answer.expect("it answers").status, 200);
    }
    for defect in ["half_surrogate", "number_out_of_range"] {
        service.process.until_logged(defect);
    }
    let log = service.process.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(MESSAGE)).collect();
    assert_eq!(lines.len(), 2, "{log}");
    let field = "message_template_status_update.json";
    assert!(
        lines
            .iter()
            .all(|line| line.contains("WARN") && line.contains(field)),
        "{log}"
    );
    assert!(lines.iter().all(|line| !line.contains("hidden")), "{log}");
    let counted = service.scrape().value(
        "whatsapp_exporter_malformed_values_total",
        &[("field", field)],
    );
    assert_eq!(counted, Some(6.0));
}
