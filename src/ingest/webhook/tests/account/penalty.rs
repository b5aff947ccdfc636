//! Bans, violations and restrictions.

use super::{account_update, update};
use crate::domain::account::{
    Ban, BanState, EventKind, Restriction, RestrictionType, Update, Violation, ViolationType,
};
use crate::domain::{Fact, Timestamp};
use crate::ingest::webhook::tests::{Expected, digits, one_event};

const DIRECT_SEND: RestrictionType = RestrictionType::DirectSendUtilityTemplates;

const ENDS_AT: Timestamp = Timestamp::from_seconds(1_775_000_000);

fn banned(state: BanState, day: Option<i64>) -> Fact {
    let date = day.map(Timestamp::from_seconds);
    let mut update = account_update(EventKind::DisabledUpdate);
    if let Update::AccountUpdate { ban, .. } = &mut update {
        *ban = Some(Ban { state, date });
    }
    Fact::Account(update)
}

fn restricted(kinds: &[(RestrictionType, Option<Timestamp>)]) -> Update {
    let mut update = account_update(EventKind::AccountRestriction);
    if let Update::AccountUpdate { restrictions, .. } = &mut update {
        let list = kinds.iter().copied();
        restrictions.extend(list.map(|(kind, expires_at)| Restriction { kind, expires_at }));
    }
    update
}

fn violated(kind: ViolationType, remediation: Option<&str>) -> Update {
    let mut update = account_update(EventKind::AccountViolation);
    if let Update::AccountUpdate { violation, .. } = &mut update {
        let remediation = remediation.map(str::to_owned);
        *violation = Some(Violation { kind, remediation });
    }
    update
}

pub(super) fn bans_and_violations() -> Vec<Expected> {
    let quality = ViolationType::LowUserInitiatedCallingQuality;
    let mut of_number = violated(quality, Some("Answer more calls."));
    if let Update::AccountUpdate { digits: its, .. } = &mut of_number {
        *its = Some(digits());
    }
    let (april_7, april_17, april_20) = (1_775_520_000, 1_776_384_000, 1_776_643_200);
    vec![
        one_event(
            "account_update_ban_scheduled",
            banned(BanState::ScheduleForDisable, Some(april_17)),
        ),
        one_event(
            "account_update_ban_list",
            banned(BanState::Reinstate, Some(april_20)),
        ),
        one_event(
            "account_update_ban_list_last_counts",
            banned(BanState::Disable, Some(april_7)),
        ),
        one_event("account_update_ban_unknown", banned(BanState::Other, None)).warnings(&[
            "ban_info.waba_ban_state=HALF_DISABLE",
            "ban_info.waba_ban_date!",
        ]),
        one_event(
            "account_update_ban_without_state",
            update(EventKind::DisabledUpdate),
        )
        .warnings(&["ban_info.waba_ban_state!"]),
        one_event(
            "account_update_ban_absurd_date",
            banned(BanState::ScheduleForDisable, None),
        ),
        one_event("account_update_calling_violation", Fact::Account(of_number)),
        one_event(
            "account_update_violation",
            Fact::Account(violated(ViolationType::Gambling, None)),
        ),
        one_event(
            "account_update_violation_unknown",
            Fact::Account(violated(ViolationType::Other, Some("free text"))),
        )
        .warnings(&["violation_info.violation_type=BAD_POETRY"]),
    ]
}

pub(super) fn restrictions() -> Vec<Expected> {
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
        one_event(
            "account_update_calling_restriction",
            Fact::Account(of_calls),
        ),
        one_event(
            "account_update_restriction_absurd_ends",
            Fact::Account(restricted(&without_ends)),
        ),
        one_event("account_update_restriction", Fact::Account(both)),
        one_event("account_update_restriction_single", Fact::Account(single)),
        one_event(
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

pub(super) fn direct_send() -> Vec<Expected> {
    let lifted = |kind| direct_send_update(kind, &[]);
    vec![
        one_event(
            "account_update_direct_send_warn",
            direct_send_update(ViolationType::DirectSendWarn, &[]),
        ),
        one_event(
            "account_update_direct_send_template_abuse",
            direct_send_update(ViolationType::DirectSendTemplateAbuse, &[]),
        ),
        one_event(
            "account_update_direct_send_rate_limit",
            direct_send_update(ViolationType::DirectSendRateLimit, &[Some(ENDS_AT)]),
        ),
        one_event(
            "account_update_direct_send_strike_1",
            direct_send_update(ViolationType::DirectSendStrike1, &[Some(ENDS_AT)]),
        ),
        one_event(
            "account_update_direct_send_strike_2",
            direct_send_update(ViolationType::DirectSendStrike2, &[Some(ENDS_AT)]),
        ),
        one_event(
            "account_update_direct_send_offboard",
            direct_send_update(ViolationType::DirectSendOffboard, &[None]),
        ),
        one_event(
            "account_update_direct_send_unban",
            lifted(ViolationType::DirectSendUnban),
        ),
        one_event(
            "account_update_direct_send_recovery",
            lifted(ViolationType::DirectSendRateLimitRecovery),
        ),
        // An unknown kind of abuse, with a known step of the ladder.
        one_event(
            "account_update_direct_send_unknown_step",
            lifted(ViolationType::DirectSendUnban),
        )
        .warnings(&["violation_info.violation_type=DIRECT_SEND_AUTHENTICATION_ABUSE_UNBAN"]),
        one_event(
            "account_update_direct_send_unknown_abuse",
            lifted(ViolationType::Other),
        )
        .warnings(&["violation_info.violation_type=(redacted)"]),
    ]
}
