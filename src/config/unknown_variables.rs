//! Warns of variables that look like the exporter's but are unknown. Otherwise a typing error in a name would have no
//! effect and no message.

use super::error::ConfigWarning;

/// Prefix of every variable of the exporter, the variables of settings included.
const PREFIX: &str = "WHATSAPP_";

/// Maximum length of a name in a warning. Every known name is shorter.
const MAX_SHOWN_BYTES: usize = 64;

/// Protocols in the names of Kubernetes' service variables.
const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

/// One warning for each unknown name with the prefix.
pub(super) fn warnings(names: &[String], known: &[&str]) -> Vec<ConfigWarning> {
    let mut unknown: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| name.starts_with(PREFIX))
        .filter(|name| !known.contains(name) && !is_service_variable(name))
        .collect();
    unknown.sort_unstable();
    unknown
        .into_iter()
        .map(|name| warning(name, known))
        .collect()
}

fn warning(name: &str, known: &[&str]) -> ConfigWarning {
    let nearest = known
        .iter()
        .min_by_key(|known| (strsim::damerau_levenshtein(name, known), **known))
        .expect("the exporter has variables");
    ConfigWarning::new(
        shown(name),
        format!(
            "unknown variable, which has no effect; did you mean {nearest}? Otherwise unset it"
        ),
    )
}

/// The name, unless it may contain a secret: a value that is part of the name has other characters, or is long.
fn shown(name: &str) -> &str {
    let is_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if name.len() <= MAX_SHOWN_BYTES && name.bytes().all(is_name) {
        name
    } else {
        "WHATSAPP_…"
    }
}

/// Whether Kubernetes sets this variable for a service, such as `WHATSAPP_EXPORTER_SERVICE_HOST` and
/// `WHATSAPP_EXPORTER_PORT_80_TCP_ADDR`. See
/// <https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables>.
fn is_service_variable(name: &str) -> bool {
    let has_port = name
        .split_once("_SERVICE_PORT")
        .is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with('_'));
    has_port || name.ends_with("_SERVICE_HOST") || name.ends_with("_PORT") || is_of_a_port(name)
}

/// Whether this is `…_PORT_<number>_<protocol>`, with or without a suffix.
fn is_of_a_port(name: &str) -> bool {
    name.match_indices("_PORT_").any(|(at, mark)| {
        let mut words = name[at + mark.len()..].split('_');
        let is_number = words.next().is_some_and(|word| word.parse::<u16>().is_ok());
        is_number && words.next().is_some_and(|word| PROTOCOLS.contains(&word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 3] = [
        "WHATSAPP_ACCESS_TOKEN",
        "WHATSAPP_EXPORTER_LOG_LEVEL",
        "WHATSAPP_EXPORTER_POLL_NUMBERS_INTERVAL",
    ];

    fn warned(names: &[&str]) -> Vec<String> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let warnings = warnings(&names, &KNOWN).into_iter();
        warnings.map(|warning| warning.to_string()).collect()
    }

    #[test]
    fn an_unknown_variable_suggests_the_nearest_known_one() {
        assert_eq!(
            warned(&[
                "WHATSAPP_EXPORTER_POL_NUMBERS_INTERVAL",
                "PATH",
                "WHATSAPP_ACCESS_TOKEN",
                "WHATSAPP_ACESS_TOKEN",
            ]),
            [
                "WHATSAPP_ACESS_TOKEN: unknown variable, which has no effect; did you mean \
                 WHATSAPP_ACCESS_TOKEN? Otherwise unset it",
                "WHATSAPP_EXPORTER_POL_NUMBERS_INTERVAL: unknown variable, which has no effect; did you mean \
                 WHATSAPP_EXPORTER_POLL_NUMBERS_INTERVAL? Otherwise unset it",
            ]
        );
    }

    #[test]
    fn service_variables_of_kubernetes_are_ignored() {
        for service in ["WHATSAPP_EXPORTER", "WHATSAPP_BUSINESS_EXPORTER_PUBLIC"] {
            for suffix in [
                "SERVICE_HOST",
                "SERVICE_PORT",
                "SERVICE_PORT_HTTP",
                "PORT",
                "PORT_80_TCP",
                "PORT_80_TCP_PROTO",
                "PORT_80_TCP_PORT",
                "PORT_65535_UDP_ADDR",
                "PORT_9_SCTP_ADDR",
            ] {
                assert_eq!(warned(&[&format!("{service}_{suffix}")]), [""; 0]);
            }
        }
        for name in [
            "WHATSAPP_EXPORTER_SERVICE_PORTS",
            "WHATSAPP_EXPORTER_PORT_HTTP_TCP",
            "WHATSAPP_EXPORTER_PORT_80_HTTP",
            "WHATSAPP_EXPORTER_PORT_80",
            "WHATSAPP_EXPORTER_SERVICE",
        ] {
            assert_eq!(warned(&[name]).len(), 1, "{name}");
        }
    }

    #[test]
    fn a_secret_in_a_name_is_not_shown() {
        for name in [
            "WHATSAPP_ACCESS_TOKEN:EAAGsecret",
            "WHATSAPP_ACCESS_TOKENEAAGsecret",
            &format!("WHATSAPP_{}", "SECRET".repeat(20)),
        ] {
            let warned = warned(&[name]).concat();
            assert!(
                warned.starts_with("WHATSAPP_…: unknown variable"),
                "{warned}"
            );
            assert!(!warned.to_lowercase().contains("secret"), "{warned}");
        }
    }
}
