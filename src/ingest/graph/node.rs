//! The type of a Graph node, as Meta's errors name it.
//!
//! Meta has renamed types before. Names are compared without case, spaces and punctuation, and an unknown type
//! keeps its name.

/// Longest type name that is kept.
const MAX_NAME: usize = 64;

/// The kind of object that an id belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A WhatsApp Business Account.
    Account,
    /// A phone number of an account.
    PhoneNumber,
    /// A message template.
    Template,
    /// A business portfolio.
    Business,
    /// An app.
    App,
    /// Any other type, by its name.
    Other(String),
}

impl NodeKind {
    /// Reads a type name; `None` for text that is not a name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let name = name.trim();
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_- ".contains(&byte);
        if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(is_part) {
            return None;
        }
        let letters = name.bytes().filter(u8::is_ascii_alphanumeric);
        let letters: String = letters
            .map(|byte| char::from(byte.to_ascii_lowercase()))
            .collect();
        Some(match letters.as_str() {
            "" => return None,
            "business" | "businessmanager" | "businessportfolio" => Self::Business,
            "app" | "application" => Self::App,
            "whatsappbusinessaccount" | "waba" => Self::Account,
            // Meta has announced that accounts will become "Messaging accounts" and keep their ids.
            other if other.contains("messagingaccount") => Self::Account,
            // Older errors call a number WhatsAppBusinessAccountToNumberCurrentStatus.
            other if other.contains("phonenumber") || other.contains("tonumber") => {
                Self::PhoneNumber
            }
            other if other.contains("template") || other.contains("hsm") => Self::Template,
            _ => Self::Other(name.to_owned()),
        })
    }

    /// The object with its article: "a business portfolio".
    #[must_use]
    pub fn described(&self) -> String {
        match self {
            Self::Account => "a WhatsApp Business Account".to_owned(),
            Self::PhoneNumber => "a phone number".to_owned(),
            Self::Template => "a message template".to_owned(),
            Self::Business => "a business portfolio".to_owned(),
            Self::App => "an app".to_owned(),
            Self::Other(name) => format!("a Graph node of type {name}"),
        }
    }

    /// Instruction for settings that expect this kind of id.
    pub(super) fn expected_setting(&self) -> &'static str {
        match self {
            Self::Account => "list the WABA id",
            Self::Business => "list the portfolio's id in apps[].businesses",
            Self::App => "set apps[].app_id to the id of the app",
            Self::PhoneNumber | Self::Template | Self::Other(_) => "check the id",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_does_not_matter() {
        for (name, expected) in [
            ("WhatsAppBusinessAccount", NodeKind::Account),
            ("WhatsApp Business Account", NodeKind::Account),
            ("whatsapp_business_account", NodeKind::Account),
            ("WhatsAppMessagingAccount", NodeKind::Account),
            ("Business", NodeKind::Business),
            (" business ", NodeKind::Business),
            ("WhatsAppBusinessPhoneNumber", NodeKind::PhoneNumber),
            (
                "WhatsAppBusinessAccountToNumberCurrentStatus",
                NodeKind::PhoneNumber,
            ),
            ("WhatsAppMessageTemplate", NodeKind::Template),
            ("WhatsAppBusinessHSM", NodeKind::Template),
            ("Application", NodeKind::App),
            ("Page", NodeKind::Other("Page".to_owned())),
            ("SystemUser", NodeKind::Other("SystemUser".to_owned())),
        ] {
            assert_eq!(NodeKind::parse(name), Some(expected), "{name}");
        }
    }

    #[test]
    fn text_that_is_not_a_name_is_dropped() {
        let long = "a".repeat(MAX_NAME + 1);
        for text in ["", " ", "--", "a\nb", "<script>", "token=EAAG", &long] {
            assert_eq!(NodeKind::parse(text), None, "{text}");
        }
    }
}
