//! Expected results of the fixtures about accounts.

use super::{Expected, digits, tells, tells_nothing};
use crate::domain::account::{
    AlertSeverity, AlertType, Ban, BanState, Disconnection, DisconnectionReason, EventKind,
    FlowAlertState, FlowEventKind, Initiator, Restriction, RestrictionType, ReviewStatus, Update,
    Violation, ViolationType,
};
use crate::domain::{Fact, FlowId, MessagingLimit, Timestamp};

const DIRECT_SEND: RestrictionType = RestrictionType::DirectSendUtilityTemplates;
const ENDS_AT: Timestamp = Timestamp::from_seconds(1_775_000_000);

fn news_of(event: EventKind) -> Update {
    Update::AccountUpdate {
        event,
        digits: None,
        ban: None,
        restrictions: Vec::new(),
        violation: None,
        disconnection: None,
    }
}

/// An event without further fields.
fn update(event: EventKind) -> Fact {
    Fact::Account(news_of(event))
}

fn update_of_number(event: EventKind) -> Fact {
    let mut update = news_of(event);
    if let Update::AccountUpdate { digits: its, .. } = &mut update {
        *its = Some(digits());
    }
    Fact::Account(update)
}

fn banned(state: BanState, day: Option<i64>) -> Fact {
    let date = day.map(Timestamp::from_seconds);
    let mut update = news_of(EventKind::DisabledUpdate);
    if let Update::AccountUpdate { ban, .. } = &mut update {
        *ban = Some(Ban { state, date });
    }
    Fact::Account(update)
}

fn restricted(kinds: &[(RestrictionType, Option<Timestamp>)]) -> Update {
    let mut update = news_of(EventKind::AccountRestriction);
    if let Update::AccountUpdate { restrictions, .. } = &mut update {
        let list = kinds.iter().copied();
        restrictions.extend(list.map(|(kind, expires_at)| Restriction { kind, expires_at }));
    }
    update
}

fn violated(kind: ViolationType, remediation: Option<&str>) -> Update {
    let mut update = news_of(EventKind::AccountViolation);
    if let Update::AccountUpdate { violation, .. } = &mut update {
        let remediation = remediation.map(str::to_owned);
        *violation = Some(Violation { kind, remediation });
    }
    update
}

fn alert(severity: AlertSeverity, alert: AlertType) -> Fact {
    Fact::Account(Update::Alert { severity, alert })
}

fn capability(limit: MessagingLimit, phone_numbers_limit: Option<u64>) -> Fact {
    Fact::Account(Update::Capability {
        messaging_limit: Some(limit),
        phone_numbers_limit,
    })
}

pub fn expectations() -> Vec<Expected> {
    let mut all = bans_and_violations();
    all.extend(restrictions());
    all.extend(direct_send());
    all.extend(disconnections());
    all.extend(flow_alerts());
    all.extend(named_events());
    all.extend(alerts_and_reviews());
    all.extend(capabilities());
    all
}

fn bans_and_violations() -> Vec<Expected> {
    let quality = ViolationType::LowUserInitiatedCallingQuality;
    let mut of_number = violated(quality, Some("Answer more calls."));
    if let Update::AccountUpdate { digits: its, .. } = &mut of_number {
        *its = Some(digits());
    }
    let (april_7, april_17, april_20) = (1_775_520_000, 1_776_384_000, 1_776_643_200);
    vec![
        tells(
            "account_update_ban_scheduled",
            banned(BanState::ScheduleForDisable, Some(april_17)),
        ),
        tells(
            "account_update_ban_list",
            banned(BanState::Reinstate, Some(april_20)),
        ),
        tells(
            "account_update_ban_list_last_counts",
            banned(BanState::Disable, Some(april_7)),
        ),
        tells("account_update_ban_unknown", banned(BanState::Other, None)).warnings(&[
            "ban_info.waba_ban_state=HALF_DISABLE",
            "ban_info.waba_ban_date!",
        ]),
        tells(
            "account_update_ban_without_state",
            update(EventKind::DisabledUpdate),
        )
        .warnings(&["ban_info.waba_ban_state!"]),
        tells(
            "account_update_ban_absurd_date",
            banned(BanState::ScheduleForDisable, None),
        ),
        tells("account_update_calling_violation", Fact::Account(of_number)),
        tells(
            "account_update_violation",
            Fact::Account(violated(ViolationType::Gambling, None)),
        ),
        tells(
            "account_update_violation_unknown",
            Fact::Account(violated(ViolationType::Other, Some("free text"))),
        )
        .warnings(&["violation_info.violation_type=BAD_POETRY"]),
    ]
}

fn restrictions() -> Vec<Expected> {
    let mut both = restricted(&[
        (RestrictionType::BizInitiatedMessaging, Some(ENDS_AT)),
        // 2026-04-19T13:59:20Z
        (
            RestrictionType::AddPhoneNumberAction,
            Some(Timestamp::from_seconds(1_776_607_160)),
        ),
    ]);
    if let Update::AccountUpdate { digits: its, .. } = &mut both {
        *its = Some(digits());
    }
    let single = restricted(&[(RestrictionType::UtilityTemplates, None)]);
    let readable = restricted(&[
        (RestrictionType::Other, None),
        (RestrictionType::CustomerInitiatedMessaging, Some(ENDS_AT)),
    ]);
    let mut of_calls = restricted(&[(RestrictionType::UserInitiatedCallingCallButtonHidden, None)]);
    if let Update::AccountUpdate {
        digits: its,
        violation,
        ..
    } = &mut of_calls
    {
        *its = Some(digits());
        *violation = Some(Violation {
            kind: ViolationType::UserInitiatedCallsLowPickupRate,
            remediation: None,
        });
    }
    let without_ends: Vec<_> = [
        RestrictionType::AddPhoneNumberAction,
        RestrictionType::BizInitiatedMessaging,
        RestrictionType::CustomerInitiatedMessaging,
        RestrictionType::BizInitiatedAndUserInitiatedCalling,
        RestrictionType::BusinessInitiatedCalling,
        RestrictionType::UserInitiatedCalling,
        RestrictionType::UtilityTemplates,
        DIRECT_SEND,
    ]
    .map(|kind| (kind, None))
    .into();
    vec![
        tells(
            "account_update_calling_restriction",
            Fact::Account(of_calls),
        ),
        tells(
            "account_update_restriction_absurd_ends",
            Fact::Account(restricted(&without_ends)),
        ),
        tells("account_update_restriction", Fact::Account(both)),
        tells("account_update_restriction_single", Fact::Account(single)),
        tells(
            "account_update_restriction_odd_elements",
            Fact::Account(readable),
        )
        .warnings(&[
            "account_update.restriction_info!",
            "restriction_info.restriction_type=RESTRICTED_SINGING",
            "restriction_info.restriction_type!",
        ]),
    ]
}

/// An `ACCOUNT_RESTRICTION` of Direct Send.
fn direct_send_update(kind: ViolationType, ends: &[Option<Timestamp>]) -> Fact {
    let restriction = |end: &Option<Timestamp>| (DIRECT_SEND, *end);
    let mut update = restricted(&ends.iter().map(restriction).collect::<Vec<_>>());
    if let Update::AccountUpdate { violation, .. } = &mut update {
        let remediation = None;
        *violation = Some(Violation { kind, remediation });
    }
    Fact::Account(update)
}

fn direct_send() -> Vec<Expected> {
    let lifted = |kind| direct_send_update(kind, &[]);
    vec![
        tells(
            "account_update_direct_send_warn",
            direct_send_update(ViolationType::DirectSendWarn, &[]),
        ),
        tells(
            "account_update_direct_send_template_abuse",
            direct_send_update(ViolationType::DirectSendTemplateAbuse, &[]),
        ),
        tells(
            "account_update_direct_send_rate_limit",
            direct_send_update(ViolationType::DirectSendRateLimit, &[Some(ENDS_AT)]),
        ),
        tells(
            "account_update_direct_send_strike_1",
            direct_send_update(ViolationType::DirectSendStrike1, &[Some(ENDS_AT)]),
        ),
        tells(
            "account_update_direct_send_strike_2",
            direct_send_update(ViolationType::DirectSendStrike2, &[Some(ENDS_AT)]),
        ),
        tells(
            "account_update_direct_send_offboard",
            direct_send_update(ViolationType::DirectSendOffboard, &[None]),
        ),
        tells(
            "account_update_direct_send_unban",
            lifted(ViolationType::DirectSendUnban),
        ),
        tells(
            "account_update_direct_send_recovery",
            lifted(ViolationType::DirectSendRateLimitRecovery),
        ),
        // An unknown kind of abuse, with a known step of the ladder.
        tells(
            "account_update_direct_send_unknown_step",
            lifted(ViolationType::DirectSendUnban),
        )
        .warnings(&["violation_info.violation_type=DIRECT_SEND_AUTHENTICATION_ABUSE_UNBAN"]),
        tells(
            "account_update_direct_send_unknown_abuse",
            lifted(ViolationType::Other),
        )
        .warnings(&["violation_info.violation_type=(redacted)"]),
    ]
}

fn disconnected(reason: Option<DisconnectionReason>, initiated_by: Option<Initiator>) -> Fact {
    let mut update = news_of(EventKind::PartnerRemoved);
    if let Update::AccountUpdate {
        digits: its,
        disconnection,
        ..
    } = &mut update
    {
        *its = Some(digits());
        *disconnection = Some(Disconnection {
            reason,
            initiated_by,
        });
    }
    Fact::Account(update)
}

fn disconnections() -> Vec<Expected> {
    vec![
        tells(
            "account_update_disconnected_by_user",
            disconnected(
                Some(DisconnectionReason::ChangeNumber),
                Some(Initiator::User),
            ),
        ),
        tells(
            "account_update_disconnected_unknown_reason",
            disconnected(Some(DisconnectionReason::Other), None),
        )
        .warnings(&["disconnection_info.reason=BORED"]),
    ]
}

fn flow_alerts() -> Vec<Expected> {
    let flow = |event, state| {
        Fact::Account(Update::Flow {
            flow_id: FlowId::parse("500100200300400").expect("digits"),
            event,
            state,
        })
    };
    vec![
        tells(
            "flows_endpoint_availability",
            flow(
                FlowEventKind::EndpointAvailability,
                FlowAlertState::Activated,
            ),
        ),
        tells(
            "flows_error_rate",
            flow(FlowEventKind::ClientErrorRate, FlowAlertState::Deactivated),
        ),
        tells(
            "flows_latency_lower_case",
            flow(FlowEventKind::EndpointLatency, FlowAlertState::Activated),
        ),
        tells(
            "flows_unknown_words",
            flow(FlowEventKind::Other, FlowAlertState::Other),
        )
        .warnings(&["flows.event=ENDPOINT_MOOD", "flows.alert_state=SIMMERING"]),
        tells_nothing("flows_no_id").warnings(&["flows.flow_id!"]),
    ]
}

fn named_events() -> Vec<Expected> {
    vec![
        tells(
            "account_update_verified",
            update_of_number(EventKind::VerifiedAccount),
        ),
        tells(
            "account_update_account_deleted",
            update(EventKind::AccountDeleted),
        ),
        tells(
            "account_update_account_offboarded",
            update(EventKind::AccountOffboarded),
        ),
        tells(
            "account_update_account_reconnected",
            update(EventKind::AccountReconnected),
        ),
        tells(
            "account_update_ad_account_linked",
            update(EventKind::AdAccountLinked),
        ),
        tells(
            "account_update_mm_lite_terms_signed",
            update(EventKind::MmLiteTermsSigned),
        ),
        // Entries of these events have the portfolio's id, but the event is about the account.
        tells(
            "account_update_partner_added",
            update(EventKind::PartnerAdded),
        ),
        tells(
            "account_update_partner_removed",
            update(EventKind::PartnerRemoved),
        ),
        tells(
            "account_update_partner_app_installed",
            update(EventKind::PartnerAppInstalled),
        ),
        tells(
            "account_update_partner_app_uninstalled",
            update(EventKind::PartnerAppUninstalled),
        ),
        tells(
            "account_update_partner_certification_needed",
            update(EventKind::PartnerClientCertificationNeeded),
        ),
        tells(
            "account_update_partner_certification_status",
            update(EventKind::PartnerClientCertificationStatusUpdate),
        ),
        tells(
            "account_update_partner_removed_coexistence",
            disconnected(
                Some(DisconnectionReason::PrimaryInactivity),
                Some(Initiator::System),
            ),
        ),
        tells(
            "account_update_price_tier",
            update(EventKind::VolumeBasedPricingTierUpdate),
        ),
        tells(
            "account_update_authentication_price",
            update(EventKind::AuthIntlPriceEligibilityUpdate),
        ),
        tells(
            "account_update_country",
            update(EventKind::BusinessPrimaryLocationCountryUpdate),
        ),
        tells("account_update_unknown_event", update(EventKind::Other))
            .warnings(&["account_update.event=ACCOUNT_LEVITATED"]),
    ]
}

fn alerts_and_reviews() -> Vec<Expected> {
    let review = |status| Fact::Account(Update::Review(status));
    let critical = alert(AlertSeverity::Critical, AlertType::ObaRejected);
    let deferred = AlertType::IncreasedCapabilitiesEligibilityDeferred;
    vec![
        tells("account_alerts_nested", critical.clone()),
        tells("account_alerts_flat", critical),
        tells(
            "account_alerts_informational",
            alert(AlertSeverity::Informational, deferred),
        ),
        tells(
            "account_alerts_unknown_words",
            alert(AlertSeverity::Other, AlertType::Other),
        )
        .warnings(&[
            "alert_info.alert_type=LOST_HAT",
            "alert_info.alert_severity=PURPLE",
        ]),
        tells(
            "account_alerts_no_severity",
            alert(AlertSeverity::Other, AlertType::ProfilePictureLost),
        )
        .warnings(&["alert_info.alert_severity!"]),
        tells(
            "account_review_update_approved",
            review(ReviewStatus::Approved),
        ),
        tells(
            "account_review_update_rejected",
            review(ReviewStatus::Rejected),
        ),
        tells(
            "account_review_update_pending",
            review(ReviewStatus::Pending),
        ),
        tells(
            "account_review_update_deferred",
            review(ReviewStatus::Deferred),
        ),
    ]
}

fn capabilities() -> Vec<Expected> {
    let two_thousand = MessagingLimit::Customers(2_000);
    vec![
        tells(
            "business_capability_update_numbers",
            capability(two_thousand, Some(25)),
        ),
        tells(
            "business_capability_update_tier_words",
            capability(two_thousand, Some(25)),
        ),
        tells(
            "business_capability_update_before_v24",
            capability(MessagingLimit::Unlimited, Some(2)),
        ),
        tells(
            "business_capability_update_unlimited",
            capability(MessagingLimit::Unlimited, None),
        ),
        tells_nothing("business_capability_update_nothing_known"),
    ]
}
