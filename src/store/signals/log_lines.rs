//! Log lines of events and changes, after their commit.

use crate::clock;
use crate::domain::{DisplayDigits, Event, Fact, WabaId, Word, account, number, template};
use crate::state::{Account, Accounts, Change};
use crate::store::history::HistoryRow;
use crate::store::notify_queue::Signal;

/// Log target, for filters such as `log.level: info,signals=off`.
const TARGET: &str = "signals";

/// Logs these events and their changes, after their commit.
pub(in crate::store) fn log(
    events: &[&Event],
    changes: &[Change],
    signals: &[Signal],
    accounts: &Accounts,
) {
    for (event, change) in events.iter().zip(changes) {
        let is_new = !(change.unwatched || change.duplicate);
        if let Some(account) = accounts.get(&event.waba_id).filter(|_| is_new) {
            log_notice(event, account);
        }
    }
    signals.iter().for_each(log_one);
}

/// Logs webhooks that change no journalled attribute: events and alerts of an account and its Flows, security events
/// and groups of a number, and scheduled changes of a template.
fn log_notice(event: &Event, account: &Account) {
    let (waba_id, name) = (&event.waba_id, account.name.value());
    let at = clock::calendar(event.observed_at.at_whole_seconds());
    match &event.fact {
        Fact::Account(update) => log_account_notice(waba_id, name, update, &at),
        Fact::Number(update) => log_number_notice(waba_id, name, update, &at),
        Fact::Template(update) => log_template_notice(waba_id, update, &at),
        _ => {}
    }
}

fn log_account_notice(waba_id: &WabaId, name: Option<&String>, update: &account::Update, at: &str) {
    match update {
        account::Update::AccountUpdate {
            event,
            digits,
            violation,
            disconnection,
            ..
        } => {
            let violation = violation.as_ref().map(|violation| violation.kind.as_str());
            let reason = disconnection.and_then(|disconnection| disconnection.reason);
            let (notice, reason) = (event.as_str(), reason.map(Word::as_str));
            // The business' own number.
            let phone_number = digits.as_ref().map(DisplayDigits::as_str);
            tracing::info!(
                target: TARGET, %waba_id, name, notice, phone_number, violation, reason, at,
                "business account event"
            );
        }
        account::Update::Flow {
            flow_id,
            event,
            state,
        } => {
            let (notice, state) = (event.as_str(), state.as_str());
            tracing::info!(target: TARGET, %waba_id, name, %flow_id, notice, state, at, "flow alert");
        }
        account::Update::Alert { severity, alert } => {
            let (notice, severity) = (alert.as_str(), severity.as_str());
            tracing::info!(target: TARGET, %waba_id, name, notice, severity, at, "business account alert");
        }
        _ => {}
    }
}

fn log_number_notice(
    waba_id: &WabaId,
    name: Option<&String>,
    update: &number::WebhookUpdate,
    at: &str,
) {
    let phone_number = update.digits.as_str();
    match &update.update {
        number::Update::Security(event) => {
            let notice = event.as_str();
            tracing::info!(
                target: TARGET, %waba_id, name, phone_number, notice, at,
                "phone number security event"
            );
        }
        number::Update::Groups(groups) => {
            let suspended = groups.iter().filter(|group| group.is_suspended).count();
            let cleared = groups.len() - suspended;
            tracing::info!(
                target: TARGET, %waba_id, name, phone_number, suspended, cleared, at,
                "phone number groups"
            );
        }
        // These change journalled attributes.
        number::Update::Quality { .. } | number::Update::Name(_) => {}
    }
}

fn log_template_notice(waba_id: &WabaId, webhook: &template::WebhookUpdate, at: &str) {
    let template::WebhookUpdate { identity, update } = webhook;
    let (notice, scheduled) = match update {
        template::Update::Status {
            event: template::EventKind::Flagged,
            disable_at,
            ..
        } => ("disable_scheduled", *disable_at),
        template::Update::CategoryAnnounced { at, .. } => ("category_change_scheduled", *at),
        _ => return,
    };
    let (name, language) = (identity.name.as_deref(), identity.language.as_deref());
    let scheduled_for = scheduled.map(|at| clock::calendar(at.at_whole_seconds()));
    tracing::info!(
        target: TARGET, %waba_id, template_id = %identity.id, name, language, notice, scheduled_for, at,
        "message template notice"
    );
}

fn log_one(signal: &Signal) {
    let HistoryRow {
        waba_id,
        entity,
        entity_id,
        attribute,
        at,
        source,
        from,
        to,
        ..
    } = &signal.row;
    let at = clock::calendar(at.at_whole_seconds());
    let (name, severity) = (signal.name.as_ref(), signal.severity().as_str());
    match entity.as_str() {
        "account" => tracing::info!(
            target: TARGET, %waba_id, entity, %entity_id, name, attribute, from, to, severity, source, at,
            "business account changed"
        ),
        "phone_number" => {
            let display_phone_number = signal.display_phone_number.as_ref();
            tracing::info!(
                target: TARGET, %waba_id, entity, %entity_id, phone_number_id = %entity_id, name,
                display_phone_number, attribute, from, to, severity, source, at,
                "phone number changed"
            );
        }
        _ => {
            let language = signal.language.as_ref();
            tracing::info!(
                target: TARGET, %waba_id, entity, %entity_id, template_id = %entity_id, name, language,
                attribute, from, to, severity, source, at,
                "message template changed"
            );
        }
    }
}
