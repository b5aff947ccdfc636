//! Expected results of the fixtures about accounts.

mod alert;
mod penalty;

use super::{Expected, digits, one_event};
use crate::domain::Fact;
use crate::domain::account::{Disconnection, DisconnectionReason, EventKind, Initiator, Update};

fn account_update(event: EventKind) -> Update {
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
    Fact::Account(account_update(event))
}

fn update_of_number(event: EventKind) -> Fact {
    let mut update = account_update(event);
    if let Update::AccountUpdate { digits: its, .. } = &mut update {
        *its = Some(digits());
    }
    Fact::Account(update)
}

pub fn expectations() -> Vec<Expected> {
    let mut all = penalty::bans_and_violations();
    all.extend(penalty::restrictions());
    all.extend(penalty::direct_send());
    all.extend(disconnections());
    all.extend(named_events());
    all.extend(alert::flow_alerts());
    all.extend(alert::alerts_and_reviews());
    all.extend(alert::capabilities());
    all
}

fn disconnected(reason: Option<DisconnectionReason>, initiated_by: Option<Initiator>) -> Fact {
    let mut update = account_update(EventKind::PartnerRemoved);
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
        one_event(
            "account_update_disconnected_by_user",
            disconnected(
                Some(DisconnectionReason::ChangeNumber),
                Some(Initiator::User),
            ),
        ),
        one_event(
            "account_update_disconnected_unknown_reason",
            disconnected(Some(DisconnectionReason::Other), None),
        )
        .warnings(&["disconnection_info.reason=BORED"]),
    ]
}

#[expect(
    clippy::too_many_lines,
    reason = "a payload of each kind, with what is read from it"
)]
fn named_events() -> Vec<Expected> {
    vec![
        one_event(
            "account_update_verified",
            update_of_number(EventKind::VerifiedAccount),
        ),
        one_event(
            "account_update_account_deleted",
            update(EventKind::AccountDeleted),
        ),
        one_event(
            "account_update_account_offboarded",
            update(EventKind::AccountOffboarded),
        ),
        one_event(
            "account_update_account_reconnected",
            update(EventKind::AccountReconnected),
        ),
        one_event(
            "account_update_ad_account_linked",
            update(EventKind::AdAccountLinked),
        ),
        one_event(
            "account_update_mm_lite_terms_signed",
            update(EventKind::MmLiteTermsSigned),
        ),
        // Entries of these events have the portfolio's id, but the event is about the account.
        one_event(
            "account_update_partner_added",
            update(EventKind::PartnerAdded),
        ),
        one_event(
            "account_update_partner_removed",
            update(EventKind::PartnerRemoved),
        ),
        one_event(
            "account_update_partner_app_installed",
            update(EventKind::PartnerAppInstalled),
        ),
        one_event(
            "account_update_partner_app_uninstalled",
            update(EventKind::PartnerAppUninstalled),
        ),
        one_event(
            "account_update_partner_certification_needed",
            update(EventKind::PartnerClientCertificationNeeded),
        ),
        one_event(
            "account_update_partner_certification_status",
            update(EventKind::PartnerClientCertificationStatusUpdate),
        ),
        one_event(
            "account_update_partner_removed_coexistence",
            disconnected(
                Some(DisconnectionReason::PrimaryInactivity),
                Some(Initiator::System),
            ),
        ),
        one_event(
            "account_update_price_tier",
            update(EventKind::VolumeBasedPricingTierUpdate),
        ),
        one_event(
            "account_update_authentication_price",
            update(EventKind::AuthIntlPriceEligibilityUpdate),
        ),
        one_event(
            "account_update_country",
            update(EventKind::BusinessPrimaryLocationCountryUpdate),
        ),
        one_event("account_update_unknown_event", update(EventKind::Other))
            .warnings(&["account_update.event=ACCOUNT_LEVITATED"]),
    ]
}
