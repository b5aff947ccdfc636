//! The demo's story. It reads from top to bottom: warning signs, penalties, faults, access, small news,
//! recovery. States that only a poll can see last at least ten seconds.
//!
//! Left out on purpose: ACCOUNT_DELETED, from which no account recovers.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::{Beat, Story};
use crate::simulator::change::{Change, Pause, RestrictionNotice, Style};
use crate::simulator::clock::DAY_SECONDS;
use crate::simulator::webhooks::Travel;
use crate::simulator::world::{MESSAGING_SCOPE, Template, World};

const GARDEN: &str = "800100200300401";
const BAKERY: &str = "800100200300402";
const CAFE: &str = "800100200300403";
const GARDEN_SERVICE: &str = "900100200300401";
const GARDEN_ORDERS: &str = "900100200300402";
const GARDEN_ADVICE: &str = "900100200300403";
const BAKERY_SHOP: &str = "900100200300411";
const BAKERY_CATERING: &str = "900100200300412";
const CAFE_TABLES: &str = "900100200300421";
const CAFE_EVENTS: &str = "900100200300422";
/// Joins the bakery for a while.
const BAKERY_MARKET: &str = "900100200300413";
/// Is submitted, rejected, appealed and deleted.
const NEW_TEMPLATE: &str = "70010020030049999";

const LENGTH: Duration = Duration::from_secs(100);
/// The restriction is announced with this end; its lifting is a beat of the story.
const RESTRICTION_SECONDS: i64 = 30;
/// What a new token is good for.
const TOKEN_DAYS: i64 = 60;

/// Who plays which part among the templates; the seed shuffles them.
struct Cast {
    /// Paused once, twice, disabled.
    sinking: Template,
    /// Will move to another category.
    recategorised: Template,
    /// Will be disabled on a date.
    doomed: Template,
    /// Paused without anybody hearing of it.
    silent: Template,
    /// The bakery's: disabled by a date in prose.
    bakery: Template,
    /// The café's: its quality falls.
    cafe: Template,
    /// The café's: archived, locked and back.
    cafe_archive: Template,
}

pub(super) fn story(world: &World, seed: u64) -> Story {
    let cast = cast(world, seed);
    let mut beats = [
        warning_signs(&cast),
        penalties(&cast),
        faults(&cast),
        access(&cast),
        small_news(&cast),
        recovery(world, &cast),
    ]
    .concat();
    beats.sort_by_key(|beat| beat.at);
    Story {
        beats,
        length: LENGTH,
    }
}

fn cast(world: &World, seed: u64) -> Cast {
    let mut dice = Rng::with_seed(seed);
    let mut draw = |waba_id: &str| {
        let mut templates: Vec<Template> = world
            .templates
            .values()
            .filter(|template| template.waba_id == waba_id && template.category != "AUTHENTICATION")
            .cloned()
            .collect();
        dice.shuffle(&mut templates);
        templates.into_iter()
    };
    let (mut garden, mut bakery, mut cafe) = (draw(GARDEN), draw(BAKERY), draw(CAFE));
    let next = |from: &mut dyn Iterator<Item = Template>| {
        from.next()
            .expect("the demo's accounts have templates enough")
    };
    Cast {
        sinking: next(&mut garden),
        recategorised: next(&mut garden),
        doomed: next(&mut garden),
        silent: next(&mut garden),
        bakery: next(&mut bakery),
        cafe: next(&mut cafe),
        cafe_archive: next(&mut cafe),
    }
}

fn warning_signs(cast: &Cast) -> Vec<Beat> {
    let sinking = &cast.sinking.id;
    vec![
        beat(
            1,
            "Fern & Moss Advice is onboarded again",
            [Change::NumberOnboarded {
                phone_number_id: GARDEN_ADVICE.into(),
            }],
        ),
        beat(
            2,
            "The rating of Fern & Moss Service falls to YELLOW; no webhook tells, only a poll can see it",
            [rating(GARDEN_SERVICE, "YELLOW")],
        ),
        beat(
            3,
            format!("Template {} falls to YELLOW", cast.sinking.name),
            [quality(sinking, "YELLOW")],
        ),
        beat(
            4,
            "The bakery's rating at the shop falls to RED and the number is FLAGGED",
            [Change::NumberFlagged {
                phone_number_id: BAKERY_SHOP.into(),
            }],
        ),
        beat(
            5,
            "Café Lumière is alerted: no official account for its number",
            [alert(CAFE, CAFE_TABLES, "CRITICAL", "OBA_REJECTED", false)],
        ),
        beat(
            6,
            format!(
                "Template {} falls to RED; the news comes under the wrong field, as on Meta's own page",
                cast.sinking.name
            ),
            [Change::TemplateQualityChanged {
                template_id: sinking.clone(),
                score: "RED".into(),
                under_status_field: true,
            }],
        ),
        beat(
            7,
            format!(
                "Template {} is paused for the first time",
                cast.sinking.name
            ),
            [paused(sinking, Pause::First)],
        ),
        beat(
            8,
            "Fern & Moss Service falls to RED and is FLAGGED",
            [Change::NumberFlagged {
                phone_number_id: GARDEN_SERVICE.into(),
            }],
        ),
        beat(
            9,
            "Fern & Moss submits a new template",
            [Change::TemplateCreated {
                waba_id: GARDEN.into(),
                template_id: NEW_TEMPLATE.into(),
                name: "winter_offer".into(),
                language: "en_US".into(),
                category: "MARKETING".into(),
            }],
        ),
        beat(
            10,
            "Café Lumière asks for a new display name",
            [name_decision("PENDING", None)],
        ),
        beat(
            11,
            "Template winter_offer is rejected",
            [Change::TemplateRejected {
                template_id: NEW_TEMPLATE.into(),
                reason: "INVALID_FORMAT".into(),
                recommendation: Some("Number the placeholders from 1.".into()),
            }],
        ),
        beat(
            12,
            format!(
                "Meta announces that template {} will become MARKETING or UTILITY in a week",
                cast.recategorised.name
            ),
            [Change::TemplateCategoryAnnounced {
                template_id: cast.recategorised.id.clone(),
                correct_category: other_category(&cast.recategorised).into(),
                in_seconds: 7 * DAY_SECONDS,
            }],
        ),
        beat(
            13,
            "Fern & Moss appeals the rejection of winter_offer",
            [event(NEW_TEMPLATE, "IN_APPEAL")],
        ),
        beat(
            14,
            "Café Lumière Événements is rate limited, its health LIMITED; no webhook tells",
            [
                status(CAFE_EVENTS, "RATE_LIMITED"),
                health(CAFE_EVENTS, "LIMITED", "Too many messages in a short time."),
            ],
        ),
        beat(
            15,
            "The access token will end in three days",
            [Change::TokenExpiring {
                in_seconds: 3 * DAY_SECONDS,
            }],
        ),
    ]
}

fn penalties(cast: &Cast) -> Vec<Beat> {
    let sinking = &cast.sinking.id;
    vec![
        beat(
            16,
            format!("The pause of template {} is over", cast.sinking.name),
            [Change::TemplateUnpaused {
                template_id: sinking.clone(),
            }],
        ),
        beat(
            17,
            "The bakery is restricted: no new numbers and no messages of its own",
            [restricted()],
        ),
        beat(
            19,
            format!(
                "Template {} is paused for the second time",
                cast.sinking.name
            ),
            [paused(sinking, Pause::Second)],
        ),
        beat(
            20,
            "Fern & Moss Service is better and UNFLAGGED, with the limit it had",
            [Change::NumberUnflagged {
                phone_number_id: GARDEN_SERVICE.into(),
                quality_rating: "YELLOW".into(),
            }],
        ),
        beat(
            21,
            "The bakery gets a number for its market stall",
            [Change::NumberAdded {
                waba_id: BAKERY.into(),
                phone_number_id: BAKERY_MARKET.into(),
                display_phone_number: "+1 555-010-0113".into(),
                verified_name: "Harbour Lane Bakery Market".into(),
            }],
        ),
        beat(
            22,
            "The bakery's shop is no longer FLAGGED, but its limit goes down one step",
            [Change::NumberFlagLapsed {
                phone_number_id: BAKERY_SHOP.into(),
                limit: "TIER_1K".into(),
            }],
        ),
        beat(
            24,
            "Café Lumière is scheduled to be disabled in ten days",
            [banned("SCHEDULE_FOR_DISABLE", 10, false)],
        ),
        beat(
            25,
            "Template winter_offer is reinstated after the appeal",
            [event(NEW_TEMPLATE, "REINSTATED")],
        ),
        beat(
            26,
            format!(
                "Template {} is FLAGGED: it will be disabled in five days",
                cast.doomed.name
            ),
            [disable_announced(&cast.doomed, false)],
        ),
        beat(
            27,
            format!(
                "Template {} is FLAGGED too, with the date in words",
                cast.bakery.name
            ),
            [disable_announced(&cast.bakery, true)],
        ),
        beat(
            28,
            "Café Lumière's new display name is rejected",
            [name_decision("REJECTED", Some("NAME_NOT_CONSISTENT"))],
        ),
        beat(
            36,
            format!("Template {} is disabled for good", cast.sinking.name),
            [Change::TemplateDisabled {
                template_id: sinking.clone(),
            }],
        ),
        beat(
            38,
            "Café Lumière is disabled",
            [banned("DISABLE", 0, false)],
        ),
        beat(
            40,
            format!(
                "Template {} is in its new category",
                cast.recategorised.name
            ),
            [Change::TemplateCategoryChanged {
                template_id: cast.recategorised.id.clone(),
                category: other_category(&cast.recategorised).into(),
            }],
        ),
        beat(
            47,
            "The bakery's restriction is over; no webhook tells",
            [Change::AccountRestrictionEnded {
                waba_id: BAKERY.into(),
            }],
        ),
        beat(
            48,
            "Fern & Moss Advice is BANNED and can send nothing; no webhook tells",
            [
                status(GARDEN_ADVICE, "BANNED"),
                health(GARDEN_ADVICE, "BLOCKED", "The number is banned."),
            ],
        ),
        beat(
            49,
            "The bakery's catering number is DISCONNECTED; no webhook tells",
            [status(BAKERY_CATERING, "DISCONNECTED")],
        ),
        beat(
            50,
            "Café Lumière is reinstated; the state comes as a list this time",
            [banned("REINSTATE", 0, true)],
        ),
    ]
}

fn faults(cast: &Cast) -> Vec<Beat> {
    vec![
        beat(29, "The bakery has used up its calls: 80008 for some seconds", [
            Change::RateLimited { waba_id: BAKERY.into(), code: 80_008, regain_minutes: 1 },
        ]),
        beat(30, format!("Template {} is paused and Fern & Moss Orders falls to YELLOW, but the webhook is lost", cast.silent.name), [
            paused(&cast.silent.id, Pause::First),
            quality(&cast.silent.id, "RED"),
            rating(GARDEN_ORDERS, "YELLOW"),
        ])
        .travelling(Travel::Lost),
        beat(32, format!("Template {} falls to YELLOW; Meta delivers the news twice", cast.cafe.name), [quality(&cast.cafe.id, "YELLOW")])
            .travelling(Travel::Repeated),
        beat(33, "Somebody who is not Meta claims that Fern & Moss is disabled; the signature is wrong", [forged()])
            .travelling(Travel::WrongSignature),
        beat(34, format!("Template {} falls to RED; the news takes a detour", cast.cafe.name), [quality(&cast.cafe.id, "RED")])
            .travelling(Travel::Late { seconds: 6 }),
        beat(37, "The bakery's calls are answered again", [Change::RateLimitLifted { waba_id: BAKERY.into() }]),
        beat(39, "Café Lumière Événements has a status that nobody has heard of", [status(CAFE_EVENTS, "HIBERNATING")]),
        beat(42, "Meta no longer knows the field account_mode", [Change::FieldRetired { field: "account_mode".into() }]),
        beat(43, "A template has an event that nobody has heard of", [webhook_only(GARDEN, "message_template_status_update", json!({
            "event": "MARINATED",
            "message_template_id": 70_010_020_030_049_999_u64,
            "message_template_name": "winter_offer",
            "message_template_language": "en",
            "reason": null,
        }))]),
        beat(54, "Meta knows the field account_mode again", [Change::FieldRestored { field: "account_mode".into() }]),
    ]
}

fn access(cast: &Cast) -> Vec<Beat> {
    vec![
        beat(
            51,
            "Fern & Moss' messaging limit goes up, in the new style",
            [new_limit("TIER_100K")],
        ),
        beat(
            52,
            "Fern & Moss Orders is upgraded to high throughput",
            [Change::ThroughputUpgraded {
                phone_number_id: GARDEN_ORDERS.into(),
            }],
        ),
        beat(
            53,
            "The business capabilities of Fern & Moss are updated",
            [capability(GARDEN, "TIER_100K", Style::New)],
        ),
        beat(
            55,
            "The business capabilities of Café Lumière are updated, in the old style",
            [capability(CAFE, "TIER_UNLIMITED", Style::Old)],
        ),
        beat(
            57,
            "The access token has expired: every poll is answered with 190",
            [Change::TokenExpired],
        ),
        beat(
            59,
            format!(
                "Webhooks still come: template {} is paused",
                cast.bakery.name
            ),
            [paused(&cast.bakery.id, Pause::RateLimiting)],
        ),
        beat(
            65,
            "The access token is renewed for sixty days",
            [Change::TokenRenewed {
                in_seconds: Some(TOKEN_DAYS * DAY_SECONDS),
            }],
        ),
        beat(
            67,
            "The token loses the messaging scope, the app its subscription to security",
            [
                Change::TokenScopeGranted {
                    scope: MESSAGING_SCOPE.into(),
                    is_granted: false,
                },
                Change::WebhookFieldSubscribed {
                    field: "security".into(),
                    is_subscribed: false,
                },
            ],
        ),
        beat(
            68,
            "The app is no longer subscribed to Café Lumière",
            [Change::SubscriptionLost {
                waba_id: CAFE.into(),
            }],
        ),
        beat(
            80,
            "Scope and subscriptions are back",
            [
                Change::TokenScopeGranted {
                    scope: MESSAGING_SCOPE.into(),
                    is_granted: true,
                },
                Change::WebhookFieldSubscribed {
                    field: "security".into(),
                    is_subscribed: true,
                },
                Change::SubscriptionRegained {
                    waba_id: CAFE.into(),
                },
            ],
        ),
    ]
}

fn small_news(cast: &Cast) -> Vec<Beat> {
    vec![
        beat(
            60,
            "Fern & Moss Service cannot be called: BLOCKED as a whole, though messages go out",
            [calling_blocked(true)],
        ),
        beat(
            61,
            "Fern & Moss is found to have broken a policy",
            [Change::AccountViolation {
                waba_id: GARDEN.into(),
                violation_type: "GAMBLING".into(),
            }],
        ),
        beat(
            62,
            "The bakery's review is PENDING and its verification too",
            [
                Change::AccountReviewed {
                    waba_id: BAKERY.into(),
                    decision: "PENDING".into(),
                },
                Change::BusinessVerificationChanged {
                    waba_id: BAKERY.into(),
                    status: "pending".into(),
                },
            ],
        ),
        beat(
            63,
            "The PIN of Fern & Moss Orders is changed",
            [Change::SecurityEvent {
                phone_number_id: GARDEN_ORDERS.into(),
                event: "PIN_CHANGED".into(),
            }],
        ),
        beat(
            64,
            "The code of the bakery's catering number is no longer verified",
            [code_verification("EXPIRED")],
        ),
        beat(
            66,
            format!("Template {} is archived", cast.cafe_archive.name),
            [event(&cast.cafe_archive.id, "ARCHIVED")],
        ),
        beat(
            69,
            "The bakery hears of its eligibility; the alert is written flat",
            [alert(
                BAKERY,
                BAKERY,
                "WARNING",
                "INCREASED_CAPABILITIES_ELIGIBILITY_NEED_MORE_INFO",
                true,
            )],
        ),
        beat(
            70,
            "Template winter_offer exceeds the limit of its category",
            [event(NEW_TEMPLATE, "LIMIT_EXCEEDED")],
        ),
        beat(
            71,
            "Template winter_offer is locked",
            [event(NEW_TEMPLATE, "LOCKED")],
        ),
        beat(
            72,
            "Several accounts' news come in one POST",
            account_news(),
        ),
        beat(
            74,
            format!(
                "Meta thinks about the category of template {}, in both forms",
                cast.doomed.name
            ),
            [
                category_detected(&cast.doomed, Style::New),
                category_detected(&cast.doomed, Style::Old),
            ],
        ),
        beat(
            75,
            format!("The text of template {} is edited", cast.doomed.name),
            [components(&cast.doomed, "Hello {{1}}, a little sooner.")],
        ),
        beat(
            76,
            "Template winter_offer waits to be deleted",
            [event(NEW_TEMPLATE, "PENDING_DELETION")],
        ),
        beat(
            78,
            "Template winter_offer is deleted",
            [event(NEW_TEMPLATE, "DELETED")],
        ),
    ]
}

fn recovery(world: &World, cast: &Cast) -> Vec<Beat> {
    let templates = |accounts: &[&Template]| {
        accounts
            .iter()
            .flat_map(|template| recovered(template))
            .collect::<Vec<_>>()
    };
    vec![
        beat(
            79,
            "Café Lumière keeps its old name",
            [name_decision("APPROVED", None)],
        ),
        beat(
            81,
            format!("Template {} is no longer archived", cast.cafe_archive.name),
            [event(&cast.cafe_archive.id, "UNARCHIVED")],
        ),
        beat(
            82,
            "The bakery is reviewed and verified",
            [
                Change::AccountReviewed {
                    waba_id: BAKERY.into(),
                    decision: "APPROVED".into(),
                },
                Change::BusinessVerificationChanged {
                    waba_id: BAKERY.into(),
                    status: "verified".into(),
                },
            ],
        ),
        beat(
            84,
            "The bakery's limit goes up again, in the old style",
            [Change::NumberLimitChanged {
                phone_number_id: BAKERY_SHOP.into(),
                limit: "TIER_10K".into(),
                style: Style::Old,
            }],
        ),
        beat(
            85,
            "Fern & Moss' messaging limit goes back, in the new style",
            [new_limit("TIER_10K")],
        ),
        beat(
            86,
            "The business capabilities go back",
            [
                capability(GARDEN, "TIER_10K", Style::New),
                capability(CAFE, "TIER_10K", Style::New),
            ],
        ),
        beat(
            87,
            "The numbers recover; no webhook tells",
            numbers_recovered(),
        ),
        beat(
            88,
            "The bakery's market stall closes; its number is gone",
            [Change::NumberRemoved {
                phone_number_id: BAKERY_MARKET.into(),
            }],
        ),
        beat(
            90,
            "Fern & Moss' templates recover",
            templates(&[
                &cast.sinking,
                &cast.recategorised,
                &cast.doomed,
                &cast.silent,
            ]),
        ),
        beat(
            91,
            "The other templates recover",
            templates(&[&cast.bakery, &cast.cafe]),
        ),
        beat(
            93,
            format!("All is well again at {} accounts", world.accounts.len()),
            [],
        ),
    ]
}

fn numbers_recovered() -> Vec<Change> {
    let mut changes: Vec<Change> = [GARDEN_SERVICE, GARDEN_ORDERS, BAKERY_SHOP]
        .map(|id| rating(id, "GREEN"))
        .into();
    changes.extend([GARDEN_ADVICE, BAKERY_CATERING, CAFE_EVENTS].map(|id| status(id, "CONNECTED")));
    changes.extend([GARDEN_ADVICE, CAFE_EVENTS].map(|id| health(id, "AVAILABLE", "")));
    changes.push(Change::ThroughputLevelChanged {
        phone_number_id: GARDEN_ORDERS.into(),
        level: "STANDARD".into(),
    });
    changes.push(code_verification("VERIFIED"));
    changes.push(calling_blocked(false));
    changes
}

/// Back to the state the template had when the story began.
fn recovered(template: &Template) -> Vec<Change> {
    vec![
        event(&template.id, "APPROVED"),
        quality(&template.id, &template.quality_score),
        Change::TemplateCategoryRestored {
            template_id: template.id.clone(),
            category: template.category.clone(),
        },
        components(template, &template.body_text),
    ]
}

/// `account_update` events that move nothing a metric shows but their own counter.
fn account_news() -> Vec<Change> {
    let plain = [
        "ACCOUNT_OFFBOARDED",
        "ACCOUNT_RECONNECTED",
        "MM_LITE_TERMS_SIGNED",
        "AD_ACCOUNT_LINKED",
    ];
    let mut changes: Vec<Change> = plain
        .map(|event| account_event(CAFE, event, json!({})))
        .into();
    changes.push(account_event(
        GARDEN,
        "BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE",
        json!({"country": "NL"}),
    ));
    changes.push(account_event(GARDEN, "VOLUME_BASED_PRICING_TIER_UPDATE", json!({"volume_tier_info": {
        "tier_update_time": 1_775_000_000, "pricing_category": "UTILITY", "tier": "1000001:5000000",
        "effective_month": "2026-04", "region": "INDIA",
    }})));
    changes.push(account_event(GARDEN, "AUTH_INTL_PRICE_ELIGIBILITY_UPDATE", json!({"auth_international_rate_eligibility": {
        "start_time": 1_775_000_000, "exception_countries": [{"country_code": "ID", "start_time": 1_776_000_000}],
    }})));
    let partner_events = [
        "PARTNER_ADDED",
        "PARTNER_REMOVED",
        "PARTNER_APP_INSTALLED",
        "PARTNER_APP_UNINSTALLED",
    ];
    changes.extend(partner_events.map(|event| {
        account_event(
            BAKERY,
            event,
            json!({"waba_info": {"waba_id": BAKERY, "owner_business_id": "700100200300400"}}),
        )
    }));
    let certification = json!({"client_business_id": "700100200300500", "status": "APPROVED", "rejection_reasons": ["NONE"]});
    let partner_checks = [
        "PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE",
        "PARTNER_CLIENT_CERTIFICATION_NEEDED",
    ];
    changes.extend(partner_checks.map(|event| {
        account_event(
            BAKERY,
            event,
            json!({"partner_client_certification_info": certification}),
        )
    }));
    changes
}

fn beat(seconds: u64, line: impl Into<String>, changes: impl Into<Vec<Change>>) -> Beat {
    Beat {
        at: Duration::from_secs(seconds),
        line: line.into(),
        changes: changes.into(),
        travel: Travel::Sent,
    }
}

impl Beat {
    fn travelling(mut self, travel: Travel) -> Self {
        self.travel = travel;
        self
    }
}

fn rating(phone_number_id: &str, quality_rating: &str) -> Change {
    Change::QualityRatingChanged {
        phone_number_id: phone_number_id.into(),
        quality_rating: quality_rating.into(),
    }
}

fn status(phone_number_id: &str, status: &str) -> Change {
    Change::NumberStatusChanged {
        phone_number_id: phone_number_id.into(),
        status: status.into(),
    }
}

fn health(id: &str, can_send_message: &str, explanation: &str) -> Change {
    Change::HealthChanged {
        id: id.into(),
        can_send_message: can_send_message.into(),
        explanation: explanation.into(),
    }
}

fn quality(template_id: &str, score: &str) -> Change {
    Change::TemplateQualityChanged {
        template_id: template_id.into(),
        score: score.into(),
        under_status_field: false,
    }
}

fn paused(template_id: &str, pause: Pause) -> Change {
    Change::TemplatePaused {
        template_id: template_id.into(),
        pause,
    }
}

fn event(template_id: &str, event: &str) -> Change {
    Change::TemplateEvent {
        template_id: template_id.into(),
        event: event.into(),
    }
}

fn components(template: &Template, body_text: &str) -> Change {
    Change::TemplateComponentsChanged {
        template_id: template.id.clone(),
        body_text: body_text.into(),
    }
}

fn category_detected(template: &Template, style: Style) -> Change {
    let correct_category = other_category(template).into();
    Change::CorrectCategoryDetected {
        template_id: template.id.clone(),
        correct_category,
        style,
    }
}

fn disable_announced(template: &Template, as_prose: bool) -> Change {
    Change::TemplateDisableAnnounced {
        template_id: template.id.clone(),
        in_seconds: 5 * DAY_SECONDS,
        as_prose,
    }
}

fn other_category(template: &Template) -> &'static str {
    if template.category == "UTILITY" {
        "MARKETING"
    } else {
        "UTILITY"
    }
}

fn name_decision(decision: &str, rejection_reason: Option<&str>) -> Change {
    let asked = if decision == "APPROVED" {
        "Café Lumière Réservations"
    } else {
        "Lumière & Friends"
    };
    Change::NameDecided {
        phone_number_id: CAFE_TABLES.into(),
        decision: decision.into(),
        requested_verified_name: asked.into(),
        rejection_reason: rejection_reason.map(str::to_owned),
    }
}

fn code_verification(status: &str) -> Change {
    Change::CodeVerificationChanged {
        phone_number_id: BAKERY_CATERING.into(),
        status: status.into(),
    }
}

fn calling_blocked(is_blocked: bool) -> Change {
    Change::CallingBlocked {
        phone_number_id: GARDEN_SERVICE.into(),
        is_blocked,
    }
}

fn new_limit(limit: &str) -> Change {
    Change::NumberLimitChanged {
        phone_number_id: GARDEN_ORDERS.into(),
        limit: limit.into(),
        style: Style::New,
    }
}

fn capability(waba_id: &str, limit: &str, style: Style) -> Change {
    Change::BusinessCapabilityUpdated {
        waba_id: waba_id.into(),
        limit: limit.into(),
        phone_numbers: 25,
        style,
    }
}

fn banned(ban_state: &str, days: i64, as_list: bool) -> Change {
    Change::AccountBanChanged {
        waba_id: CAFE.into(),
        ban_state: ban_state.into(),
        in_seconds: days * DAY_SECONDS,
        as_list,
    }
}

fn restricted() -> Change {
    let notice = |restriction_type: &str, as_text| RestrictionNotice {
        restriction_type: restriction_type.into(),
        in_seconds: Some(RESTRICTION_SECONDS),
        as_text,
    };
    Change::AccountRestricted {
        waba_id: BAKERY.into(),
        restrictions: vec![
            notice("RESTRICTED_BIZ_INITIATED_MESSAGING", false),
            notice("RESTRICTED_ADD_PHONE_NUMBER_ACTION", true),
        ],
        as_single_object: false,
    }
}

fn alert(
    waba_id: &str,
    entity_id: &str,
    severity: &str,
    alert_type: &str,
    is_flat: bool,
) -> Change {
    let entity_type = if waba_id == entity_id {
        "BUSINESS"
    } else {
        "PHONE_NUMBER"
    };
    Change::AccountAlert {
        waba_id: waba_id.into(),
        entity_type: entity_type.into(),
        entity_id: entity_id.into(),
        severity: severity.into(),
        status: "ACTIVE".into(),
        alert_type: alert_type.into(),
        is_flat,
    }
}

fn account_event(waba_id: &str, event: &str, details: Value) -> Change {
    let details = match details {
        Value::Object(details) => details,
        _ => Map::new(),
    };
    Change::AccountEvent {
        waba_id: waba_id.into(),
        event: event.into(),
        details,
    }
}

fn webhook_only(entry_id: &str, field: &str, value: Value) -> Change {
    Change::WebhookOnly {
        entry_id: entry_id.into(),
        field: field.into(),
        value,
    }
}

fn forged() -> Change {
    let ban_info = json!({"waba_ban_state": "DISABLE", "waba_ban_date": "April 17, 2026"});
    webhook_only(
        GARDEN,
        "account_update",
        json!({"event": "DISABLED_UPDATE", "ban_info": ban_info}),
    )
}
