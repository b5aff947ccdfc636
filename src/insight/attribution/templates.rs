//! Each template as a cause.

use super::days::Period;
use super::explanation::{Cause, CauseKind, Evidence, EvidenceKind, cause};
use super::history::{NumberHistory, Setback, SetbackKind, TemplateHistory};
use super::read_rates::read_rates;
use super::rise::{Explained, FAILURES, Rise, rise};
use super::statistics::ramp;
use super::volumes::{Surplus, Volumes};
use super::weights;
use super::words::{percent, relative};
use crate::domain::Timestamp;
use crate::state::DailyCount;

const DAY_MS: f64 = 86_400_000.0;

/// Days before the fall in which a setback counts, and the distance at which its strength would be 0.
const BEFORE: (f64, f64) = (7.0, 14.0);

/// The same for days after the fall: Meta may rate the template later than the number.
const AFTER: (f64, f64) = (2.0, 4.0);

/// Rise of the messages, in doublings, at which it begins to count, and at which it counts fully.
const DOUBLINGS: (f64, f64) = (1.0, 4.0);

/// Share of the messages from which a jump counts fully.
const JUMP_SHARE: f64 = 0.2;

/// Messages below which a jump is no campaign.
const MIN_JUMP: f64 = 50.0;

/// How much more of a rise than its share must fall on a template's days for its evidence to count fully.
const FULL_SURPLUS: f64 = 0.4;

/// Factor of a template whose messages are unknown, while those of other templates are known: between that of sent and
/// of not sent.
const UNKNOWN_SENT: f64 = 0.8;

/// A template with its evidence.
pub(super) struct Candidate<'a> {
    template: &'a TemplateHistory,
    factor: f64,
    evidence: Vec<Evidence>,
    /// Part of the rise of opt-outs and of failures that it explains.
    explained: Explained,
}

impl Candidate<'_> {
    /// The cause. `None` without evidence.
    pub fn into_cause(self) -> Option<Cause> {
        let kind = CauseKind::Template {
            id: self.template.id.clone(),
            name: self.template.name.clone(),
            language: self.template.language.clone(),
        };
        cause(kind, self.factor, self.evidence)
    }
}

/// The parts of each rise that templates explain: for each rise, the greatest part that one template explains.
pub(super) fn explained_rises(candidates: &[Candidate<'_>]) -> Explained {
    let most = candidates.iter().map(|candidate| candidate.explained);
    most.fold(Explained::default(), |most, one| Explained {
        opt_outs: most.opt_outs.max(one.opt_outs),
        failures: most.failures.max(one.failures),
    })
}

/// Every template with its evidence.
pub(super) fn candidates<'a>(history: &'a NumberHistory, period: &Period) -> Vec<Candidate<'a>> {
    let volumes = Volumes::new(&history.templates, period);
    let opt_outs = rise(&history.days, period, &[DailyCount::OptOut]);
    let failures = rise(&history.days, period, &FAILURES.map(|(count, _)| count));
    let read_rates = read_rates(&history.templates, period);
    let candidates = history.templates.iter().zip(read_rates).enumerate();
    let candidates = candidates.map(|(place, (template, read_rate))| {
        let surplus = |rise: &Option<Rise>| {
            let rise = rise.as_ref()?;
            let surplus = volumes.surplus(place, &rise.excess)?;
            Some((rise.clone(), surplus))
        };
        let (opt_outs, failures) = (surplus(&opt_outs), surplus(&failures));
        let part = |found: &Option<(Rise, Surplus)>| {
            let surplus = found.as_ref().map(|(_, surplus)| surplus.part());
            surplus.unwrap_or_default()
        };
        let explained = Explained {
            opt_outs: part(&opt_outs),
            failures: part(&failures),
        };
        let opt_outs = opt_outs.map(|(rise, surplus)| {
            after_sends(EvidenceKind::OptOutsAfterSends, "opt-outs", &rise, surplus)
        });
        let failures = failures.map(|(rise, surplus)| {
            after_sends(EvidenceKind::FailuresAfterSends, "failures", &rise, surplus)
        });
        let usual = if read_rate.is_usual {
            weights::READ_AS_USUAL
        } else {
            1.0
        };
        let found = [
            setback(template, period.fell_at),
            read_rate.evidence,
            opt_outs,
            failures,
            jump(&volumes, place, period),
        ];
        Candidate {
            template,
            factor: factor(&volumes, place) * usual,
            evidence: found.into_iter().flatten().collect(),
            explained,
        }
    });
    candidates.collect()
}

/// How much the messages of a template matter.
fn factor(volumes: &Volumes, place: usize) -> f64 {
    if !volumes.are_known() {
        return 1.0;
    }
    if !volumes.is_known(place) {
        return UNKNOWN_SENT;
    }
    match volumes.share(place) {
        share if share > 0.0 => {
            let hardly = weights::HARDLY_SENT;
            hardly + (1.0 - hardly) * ramp(share, 0.0, weights::FULL_SHARE)
        }
        _ => weights::UNSENT,
    }
}

/// The worst setback of the template near the fall.
fn setback(template: &TemplateHistory, fell_at: Timestamp) -> Option<Evidence> {
    let rated = template.setbacks.iter().map(|setback| {
        let strength = severity(setback.kind) * proximity(setback.at, fell_at);
        (strength, setback)
    });
    // Of equal strengths the first, so that the order of setbacks does not matter.
    let (strength, setback) =
        rated
            .filter(|(strength, _)| *strength > 0.0)
            .max_by(|(one, first), (other, second)| {
                one.total_cmp(other).then_with(|| second.cmp(first))
            })?;
    Some(setback_evidence(*setback, strength, fell_at))
}

fn setback_evidence(setback: Setback, strength: f64, fell_at: Timestamp) -> Evidence {
    let (kind, what) = match setback.kind {
        SetbackKind::RatedYellow => (EvidenceKind::TemplateRating, "Meta rated it YELLOW"),
        SetbackKind::RatedRed => (EvidenceKind::TemplateRating, "Meta rated it RED"),
        SetbackKind::Paused => (EvidenceKind::TemplatePaused, "Meta paused it"),
        SetbackKind::Disabled => (EvidenceKind::TemplatePaused, "Meta disabled it"),
    };
    Evidence {
        kind,
        message: format!("{what} {}", relative(setback.at, fell_at)),
        value: None,
        usual: None,
        at: Some(setback.at),
        strength,
    }
}

fn severity(kind: SetbackKind) -> f64 {
    match kind {
        SetbackKind::RatedYellow => weights::YELLOW,
        SetbackKind::RatedRed | SetbackKind::Paused | SetbackKind::Disabled => 1.0,
    }
}

fn proximity(at: Timestamp, fell_at: Timestamp) -> f64 {
    let days = |duration: std::time::Duration| duration.as_secs_f64() * 1_000.0 / DAY_MS;
    let (before, after) = (days(fell_at.since(at)), days(at.since(fell_at)));
    if before > BEFORE.0 || after > AFTER.0 {
        0.0
    } else {
        1.0 - before / BEFORE.1 - after / AFTER.1
    }
}

fn after_sends(kind: EvidenceKind, what: &str, rise: &Rise, surplus: Surplus) -> Evidence {
    Evidence {
        kind,
        message: format!(
            "{} of the rise of {what} falls on the days of this template, which has {} of the messages",
            percent(surplus.of_rise),
            percent(surplus.of_messages)
        ),
        value: Some(surplus.of_rise),
        usual: Some(surplus.of_messages),
        at: Some(rise.since.start()),
        strength: rise.strength * ramp(surplus.part(), 0.0, FULL_SURPLUS),
    }
}

/// Evidence if many more messages were sent than in the weeks before.
fn jump(volumes: &Volumes, place: usize, period: &Period) -> Option<Evidence> {
    let (sent, usual) = (volumes.sent(place), volumes.usual_week(place)?);
    if sent < MIN_JUMP {
        return None;
    }
    let doublings = (sent / usual.max(1.0)).log2();
    let message = if usual < 1.0 {
        format!("its first messages: {sent:.0} in the 7 days up to the fall")
    } else {
        format!("{sent:.0} messages in the 7 days up to the fall, usually {usual:.0}")
    };
    Some(Evidence {
        kind: EvidenceKind::VolumeJump,
        message,
        value: Some(sent),
        usual: Some(usual),
        at: Some(period.first().start()),
        strength: ramp(doublings, DOUBLINGS.0, DOUBLINGS.1)
            * ramp(volumes.share(place), 0.0, JUMP_SHARE),
    })
}
