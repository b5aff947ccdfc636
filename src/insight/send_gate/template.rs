//! Rules about the template: its status, its quality rating, and the changes that Meta has announced.

use std::fmt;

use super::Reasons;
use crate::domain::send_gate::SendReasonCode as Code;
use crate::domain::template::Status;
use crate::domain::{QualityRating, Word};
use crate::state::{Account, Template};

/// The name of a template.
#[derive(Clone, Copy, Debug)]
pub struct TemplateName<'a> {
    /// `name`.
    pub name: &'a str,
    /// `language`. `None` for all languages of the name.
    pub language: Option<&'a str>,
}

impl TemplateName<'_> {
    /// Whether the account has it.
    pub(super) fn is_in(&self, account: &Account) -> bool {
        account.templates().any(|template| self.is_of(template))
    }

    /// The templates with this name.
    pub(super) fn found_in<'s>(&self, account: &'s Account) -> Vec<&'s Template> {
        let found = account.templates().filter(|one| self.is_of(one));
        found.collect()
    }

    fn is_of(&self, template: &Template) -> bool {
        let is_its_language = |language: &str| {
            let known = template.language.value();
            known.is_some_and(|known| is_same_language(known, language))
        };
        template.name.value().is_some_and(|name| name == self.name)
            && self.language.is_none_or(is_its_language)
    }
}

/// Meta writes `en_US` and `en-US`.
fn is_same_language(one: &str, other: &str) -> bool {
    let plain = |language: &str| language.replace('-', "_");
    plain(one).eq_ignore_ascii_case(&plain(other))
}

impl fmt::Display for TemplateName<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.language {
            Some(language) => write!(out, "{} ({language})", self.name),
            None => out.write_str(self.name),
        }
    }
}

/// Adds the reasons of a template.
pub(super) fn judge(template: &Template, reasons: &mut Reasons<'_>) {
    let name = TemplateName {
        name: template.name.value().map_or("", |name| name.as_str()),
        language: template.language.value().map(|language| language.as_str()),
    };
    match template.status.value() {
        Some(Status::Approved) => {}
        Some(Status::Paused) => {
            let message = format!("template {name} is PAUSED");
            reasons.add_until(Code::TemplatePaused, message, template.paused_until());
        }
        status => {
            let word = status.map_or("of unknown status", Word::as_str);
            reasons.add(
                Code::TemplateNotApproved,
                format!("template {name} is {word}"),
            );
        }
    }
    let rating = template.quality_rating.value();
    let word = rating.map_or("not reported", Word::as_str);
    let message = format!("the quality rating of template {name} is {word}");
    match rating {
        Some(QualityRating::Green | QualityRating::Unknown) => {}
        Some(QualityRating::Red) => reasons.add(Code::TemplateRed, message),
        Some(QualityRating::Yellow) => reasons.add(Code::TemplateYellow, message),
        Some(QualityRating::Other) | None => reasons.add(Code::TemplateQualityUnknown, message),
    }
    if let Some(at) = template.disable_scheduled_at() {
        let message = format!("Meta has scheduled the disabling of template {name}");
        reasons.add_until(Code::TemplateDisableScheduled, message, Some(at));
    }
    let scheduled = template.category_change_scheduled();
    let coming = scheduled.map(|(coming, at)| (coming, Some(at)));
    let coming = coming.or_else(|| Some((template.correct_category_if_other()?, None)));
    if let Some((coming, at)) = coming {
        let coming = coming.as_str();
        let message = format!("Meta considers {coming} the correct category of template {name}");
        reasons.add_until(Code::CategoryChange, message, at);
    }
}
