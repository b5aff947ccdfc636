//! Renders the state of message templates, at the configured level of detail.

use super::insights::{self, ShownTemplate};
use super::metric::{Metric, metrics};
use super::page::{EntityLabels, Page, SampleValue};
use super::rows::Rows;
use super::{Options, StateSets, TemplateDetail};
use crate::domain::template::{Category, Status};
use crate::domain::{QualityRating, WabaId, Word};
use crate::state::{Account, Accounts, Template};

metrics! {
    INFO: Gauge "whatsapp_message_template_info" ["waba_id", "template_id", "template_name", "language", "source"]
        "Message template information as labels, for joins. Always 1; labels are empty until known.";
    STATUS: Gauge "whatsapp_message_template_status" ["waba_id", "template_id", "status"]
        "Current status of the template. Always 1; with templates.state_sets set to full, a state set. Absent until known.";
    STATUS_CHANGED: Gauge "whatsapp_message_template_status_changed_timestamp_seconds" ["waba_id", "template_id"]
        "Time at which the current status was first seen. Absent until the status is known.";
    REJECTED_REASON: Gauge "whatsapp_message_template_rejected_reason" ["waba_id", "template_id", "reason"]
        "Reason why the template is rejected. Always 1; absent while it is not rejected.";
    QUALITY_RATING: Gauge "whatsapp_message_template_quality_rating" ["waba_id", "template_id", "quality_rating"]
        "Current quality rating of the template. Always 1; with templates.state_sets set to full, a state set. Absent until known.";
    QUALITY_SCORE: Gauge "whatsapp_message_template_quality_score" ["waba_id", "template_id"]
        "Quality rating as a number: 3 GREEN, 2 YELLOW, 1 RED. Absent while the rating is unknown.";
    QUALITY_CHANGED: Gauge "whatsapp_message_template_quality_rating_changed_timestamp_seconds" ["waba_id", "template_id"]
        "Time at which Meta assigned the current quality rating. Absent until Meta reports it.";
    CATEGORY: Gauge "whatsapp_message_template_category" ["waba_id", "template_id", "category"]
        "Current category of the template. Always 1; with templates.state_sets set to full, a state set. Absent until known.";
    CORRECT_CATEGORY: Gauge "whatsapp_message_template_correct_category" ["waba_id", "template_id", "category"]
        "Category that Meta considers correct for the template. Always 1; absent while it equals the current category.";
    PAUSED_UNTIL: Gauge "whatsapp_message_template_paused_until_timestamp_seconds" ["waba_id", "template_id"]
        "Time at which the pause ends automatically. Absent while the template is not paused, or if the end is unknown.";
    DISABLE_SCHEDULED: Gauge "whatsapp_message_template_disable_scheduled_timestamp_seconds" ["waba_id", "template_id"]
        "Time at which Meta will disable the template. Absent while that is not announced.";
    CATEGORY_CHANGE_SCHEDULED: Gauge "whatsapp_message_template_category_change_scheduled_timestamp_seconds" ["waba_id", "template_id", "correct_category"]
        "Time at which Meta will move the template to another category. Absent while that is not announced.";
}

/// Maximum number of series of one template, on which the series limit is based: one for each of its metrics, and with
/// full state sets one more for each additional word of the three sets.
fn series_per_template(sets: StateSets) -> usize {
    let of_template = |metric: &&&Metric| metric.labels.contains(&"template_id");
    let sparse = ALL.iter().filter(of_template).count();
    let further = [
        Status::ALL.len(),
        QualityRating::ALL.len(),
        Category::ALL.len(),
    ];
    match sets {
        StateSets::Sparse => sparse,
        StateSets::Full => sparse + further.iter().map(|words| words - 1).sum::<usize>(),
    }
}

/// The templates that have series.
pub(super) struct ShownTemplates<'a> {
    all: Rows<'a, Template>,
    /// Those of accounts with daily figures.
    pub with_insights: Vec<ShownTemplate<'a>>,
    /// Number of templates that have no series because of the series limit.
    pub refused: u64,
}

impl<'a> ShownTemplates<'a> {
    /// Selects the templates of these accounts at the configured level of detail.
    pub fn new(accounts: &'a Accounts, options: &Options) -> Self {
        let mut refused = 0;
        let mut with_insights = Vec::new();
        let mut shown = Vec::new();
        for (waba_id, account) in accounts {
            let (chosen, left_out) = choose(account, options);
            refused += left_out;
            for template in chosen {
                shown.push((entity_of(waba_id, template), template));
                if account.has_template_insights() {
                    with_insights.push(ShownTemplate {
                        entity: entity_of(waba_id, template),
                        account,
                        template,
                    });
                }
            }
        }
        Self {
            all: shown.into_iter().collect(),
            with_insights,
            refused,
        }
    }
}

/// Writes the families of these templates.
pub(super) fn write(page: &mut Page, templates: &ShownTemplates<'_>, sets: StateSets) {
    let templates = &templates.all;
    write_info(page, templates);
    write_states(page, templates, sets);
    write_scheduled(page, templates);
}

/// Selects an account's templates by level of detail. If the series limit is exceeded, templates with problems come
/// first.
fn choose<'a>(account: &'a Account, options: &Options) -> (Vec<&'a Template>, u64) {
    let mut per_template = series_per_template(options.template_state_sets);
    if account.has_template_insights() {
        per_template += insights::SERIES_PER_TEMPLATE;
    }
    let room = options.template_series_limit / per_template;
    let wanted = |template: &&Template| match options.template_detail {
        TemplateDetail::All => true,
        TemplateDetail::Problems => template.is_a_problem(),
        TemplateDetail::None => false,
    };
    let mut chosen: Vec<&Template> = account.templates().filter(wanted).collect();
    let left_out = chosen.len().saturating_sub(room);
    if left_out > 0 {
        chosen.sort_by_key(|template| !template.is_a_problem());
        chosen.truncate(room);
    }
    (chosen, left_out as u64)
}

fn entity_of(waba_id: &WabaId, template: &Template) -> EntityLabels {
    EntityLabels::new(&[
        ("waba_id", waba_id.as_str()),
        ("template_id", template.id.as_str()),
    ])
}

fn write_info(page: &mut Page, templates: &Rows<'_, Template>) {
    templates.each(page, &INFO, |family, entity, template| {
        let name = template.name.value().map_or("", |name| name.as_str());
        let language = template
            .language
            .value()
            .map_or("", |language| language.as_str());
        let source = template.source.value().map_or("", |word| word.as_str());
        family.sample(entity, &[name, language, source], SampleValue::Whole(1));
    });
}

fn write_states(page: &mut Page, templates: &Rows<'_, Template>, sets: StateSets) {
    write_state(page, &STATUS, templates, sets, |template| {
        template.status.value()
    });
    templates.since(page, &STATUS_CHANGED, |template| &template.status);
    templates.sparse(page, &REJECTED_REASON, Template::rejected_reason);
    write_state(page, &QUALITY_RATING, templates, sets, |template| {
        template.quality_rating.value()
    });
    templates.value(page, &QUALITY_SCORE, |template| {
        let score = template
            .quality_rating
            .value()
            .and_then(QualityRating::score);
        score.map(|score| SampleValue::Whole(score.into()))
    });
    templates.time(page, &QUALITY_CHANGED, Template::quality_rating_changed);
    write_state(page, &CATEGORY, templates, sets, |template| {
        template.category.value()
    });
}

fn write_state<W: Word>(
    page: &mut Page,
    metric: &Metric,
    templates: &Rows<'_, Template>,
    sets: StateSets,
    present: impl Fn(&Template) -> Option<W>,
) {
    match sets {
        StateSets::Sparse => templates.sparse(page, metric, present),
        StateSets::Full => templates.state_set(page, metric, present),
    }
}

fn write_scheduled(page: &mut Page, templates: &Rows<'_, Template>) {
    templates.sparse(page, &CORRECT_CATEGORY, Template::correct_category_if_other);
    templates.time(page, &PAUSED_UNTIL, Template::paused_until);
    templates.time(page, &DISABLE_SCHEDULED, Template::disable_scheduled_at);
    templates.each(
        page,
        &CATEGORY_CHANGE_SCHEDULED,
        |family, entity, template| {
            if let Some((coming, at)) = template.category_change_scheduled() {
                family.sample(entity, &[coming.as_str()], SampleValue::Time(at));
            }
        },
    );
}
