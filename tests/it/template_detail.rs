//! The detail of templates in the metrics, and the series that a limit omits.

use whatsapp_business_exporter::domain::{Fact, Listing, QualityRating, template};
use whatsapp_business_exporter::expose::{
    self, Options, Scrape, Selection, StateSets, TemplateDetail, TextFormat,
};

use crate::support::{ALL_TEMPLATES, NO_APPS, at, polled, samples, state_after, template_id};

const INFO: &str = "whatsapp_message_template_info";

fn snapshot(which: usize, status: template::Status, rating: QualityRating) -> template::Snapshot {
    template::Snapshot {
        name: Some(format!("template_{which}").into()),
        language: Some("en".into()),
        status: Some(status),
        category: Some(template::Category::Utility),
        quality_rating: Some(rating),
        ..template::Snapshot::new(template_id(which))
    }
}

/// Two healthy templates, a paused one and a yellow one, rendered with these options.
fn scrape(options: &Options) -> Scrape {
    let objects = vec![
        snapshot(1, template::Status::Approved, QualityRating::Green),
        snapshot(2, template::Status::Approved, QualityRating::Unknown),
        snapshot(3, template::Status::Paused, QualityRating::Green),
        snapshot(4, template::Status::Approved, QualityRating::Yellow),
    ];
    let totals = template::Totals {
        count: Some(4),
        limit: Some(250),
    };
    let listing = Listing {
        objects,
        complete: true,
    };
    let state = state_after([&polled(0, Fact::TemplatesListed(listing, totals))]);
    expose::render(
        state.accounts(),
        &NO_APPS,
        &[],
        at(0),
        options,
        Selection::default(),
        TextFormat::Text,
    )
}

fn names(scrape: &Scrape) -> Vec<&str> {
    samples(&scrape.text, INFO)
        .into_iter()
        .filter_map(|line| line.split("template_name=\"").nth(1)?.split('"').next())
        .collect()
}

#[test]
fn all_problems_or_none_are_shown_and_the_totals_always() {
    let detail = |template_detail| {
        scrape(&Options {
            template_detail,
            ..ALL_TEMPLATES.clone()
        })
    };
    assert_eq!(names(&detail(TemplateDetail::All)).len(), 4);
    assert_eq!(
        names(&detail(TemplateDetail::Problems)),
        ["template_3", "template_4"]
    );
    let none = detail(TemplateDetail::None);
    assert_eq!((names(&none), none.refused_templates), (Vec::new(), 0));
    let totals = samples(&none.text, "whatsapp_message_templates");
    assert!(
        totals.contains(
            &r#"whatsapp_message_templates{waba_id="800100200300400",status="APPROVED"} 3"#
        )
    );
    assert!(
        totals.contains(
            &r#"whatsapp_message_templates{waba_id="800100200300400",status="REJECTED"} 0"#
        )
    );
}

#[test]
fn a_limit_keeps_templates_with_problems_and_counts_omitted_ones() {
    let two_templates = Options {
        template_series_limit: 25,
        business_hours: None,
        callback: None,
        ..ALL_TEMPLATES.clone()
    };
    let scrape = scrape(&two_templates);
    assert_eq!(names(&scrape), ["template_3", "template_4"]);
    assert_eq!(scrape.refused_templates, 2);
    let of_templates = scrape
        .text
        .lines()
        .filter(|line| !line.starts_with('#') && line.contains("template_id="));
    assert!(of_templates.count() <= 25);
}

#[test]
fn full_state_sets_have_every_state_and_one_of_them_is_one() {
    let full = scrape(&Options {
        created_timestamps: false,
        template_state_sets: StateSets::Full,
        ..ALL_TEMPLATES.clone()
    });
    let statuses = samples(&full.text, "whatsapp_message_template_status");
    assert_eq!(statuses.len(), 4 * 11);
    assert_eq!(
        statuses.iter().filter(|line| line.ends_with(" 1")).count(),
        4
    );
}
