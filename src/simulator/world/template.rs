//! A message template in one language.

use serde::Serialize;

use super::Health;

/// A message template. Each language of a name is a separate template.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Template {
    /// The template id, numeric text (a number in webhooks).
    pub id: String,
    /// The account it belongs to; set when the template is added to a world.
    pub waba_id: String,
    /// Its name.
    pub name: String,
    /// For example `en_US`.
    pub language: String,
    /// MARKETING, UTILITY or AUTHENTICATION.
    pub category: String,
    /// The category before Meta changed it.
    pub previous_category: Option<String>,
    /// The category Meta announced.
    pub correct_category: Option<String>,
    /// APPROVED, PENDING, REJECTED, PAUSED, ….
    pub status: String,
    /// NONE if the template was not rejected.
    pub rejected_reason: String,
    /// GREEN, YELLOW, RED or UNKNOWN.
    pub quality_score: String,
    /// Time of the current score in Unix seconds.
    pub quality_date: i64,
    /// AUTO_GENERATED for templates that Meta created for Direct Send, else MANUAL.
    pub source: String,
    /// The body text, from which `components` is made. Monitoring must not read it.
    pub body_text: String,
    /// The template's own health entity.
    pub health: Health,
}

impl Template {
    /// An approved English marketing template of unknown quality.
    #[must_use]
    pub fn new(id: &str, name: &str) -> Self {
        Self {
            id: id.into(),
            waba_id: String::new(),
            name: name.into(),
            language: "en_US".into(),
            category: "MARKETING".into(),
            previous_category: None,
            correct_category: None,
            status: "APPROVED".into(),
            rejected_reason: "NONE".into(),
            quality_score: "UNKNOWN".into(),
            quality_date: 1_770_200_000,
            source: "MANUAL".into(),
            body_text: "Hello {{1}}, this is a made-up message.".into(),
            health: Health::available(),
        }
    }
}
