//! Reasons of the template.

use super::*;

#[test]
fn a_paused_template_stops_until_the_pause_ends() {
    let mut world = World::new();
    let identity = Identity {
        id: TemplateId::parse("700101").expect("digits"),
        name: None,
        language: None,
    };
    let paused = template::Update::Status {
        event: template::EventKind::Paused,
        reason: None,
        category: None,
        pause: Some(PauseTitle::FirstPause),
        disable_at: None,
    };
    let update = paused;
    world.webhook(
        30,
        Fact::Template(template::WebhookUpdate { identity, update }),
    );
    let decision = world.decide(None, 60);
    assert_eq!(short(&decision), ("stop", vec!["template_paused"]));
    assert_eq!(decision.reasons[0].until, Some(at(30).plus(3 * HOUR)));
    assert_eq!(
        decision.reasons[0].message,
        "template offer (en_US) is PAUSED"
    );
}

#[test]
fn each_state_of_the_template_has_its_reason() {
    use template::Status;
    type Change = fn(&mut template::Snapshot);
    let changes: [(Change, &str, &str); 7] = [
        (
            |it| it.status = Some(Status::Rejected),
            "stop",
            "template_not_approved",
        ),
        (
            |it| it.status = Some(Status::Other),
            "stop",
            "template_not_approved",
        ),
        (
            |it| it.status = Some(Status::Paused),
            "stop",
            "template_paused",
        ),
        (
            |it| it.quality_rating = Some(QualityRating::Red),
            "stop",
            "template_red",
        ),
        (
            |it| it.quality_rating = Some(QualityRating::Yellow),
            "caution",
            "template_yellow",
        ),
        (
            |it| it.quality_rating = Some(QualityRating::Other),
            "caution",
            "template_quality_unknown",
        ),
        (
            |it| it.correct_category = Some(Category::Utility),
            "caution",
            "category_change",
        ),
    ];
    for (change, verdict, code) in changes {
        let mut world = World::new();
        world.poll(1, 30, template_with(change));
        assert_eq!(world.answer(), (verdict, vec![code]));
    }
}

#[test]
fn without_a_language_every_language_counts() {
    let mut world = World::new();
    let mut german = healthy_template(2, "de");
    german.status = Some(template::Status::Rejected);
    world.poll(1, 30, templates([healthy_template(1, "en_US"), german]));
    let codes = |language| short(&world.decide_about(language, None, 60)).1;
    assert_eq!(codes(Some("en_US")), [""; 0]);
    assert_eq!(codes(Some("en-us")), [""; 0], "in Meta's other spelling");
    assert_eq!(codes(Some("de")), ["template_not_approved"]);
    assert_eq!(codes(None), ["template_not_approved"]);
    assert_eq!(codes(Some("fr")), ["template_unknown"]);
}
