//! Renders the state of customers' journeys.

use super::metric::metrics;
use super::page::{EntityLabels, Page};
use super::rows::Rows;
use super::traffic::write_histogram;
use crate::state::Accounts;
use crate::state::journeys::{StepCounts, VariantCounts};

metrics! {
    STARTED: Counter "whatsapp_journey_sessions_started_total" ["waba_id", "phone_number_id", "journey", "version", "variant"]
        "Number of journey sessions started, by version and variant. Undeclared journeys, versions and variants are 'other'.";
    COMPLETED: Counter "whatsapp_journey_sessions_completed_total" ["waba_id", "phone_number_id", "journey", "version", "variant"]
        "Number of journey sessions that reached the goal.";
    ABANDONED: Counter "whatsapp_journey_sessions_abandoned_total" ["waba_id", "phone_number_id", "journey", "version", "variant"]
        "Number of journey sessions that ended without reaching the goal: inactive for too long, or left by the customer.";
    STEP_ENTERED: Counter "whatsapp_journey_step_entered_total" ["waba_id", "phone_number_id", "journey", "version", "variant", "step"]
        "Number of times the step was entered.";
    STEP_ANSWERED: Counter "whatsapp_journey_step_answered_total" ["waba_id", "phone_number_id", "journey", "version", "variant", "step"]
        "Number of times the step was answered.";
    STEP_ABANDONED: Counter "whatsapp_journey_step_abandoned_total" ["waba_id", "phone_number_id", "journey", "version", "variant", "step"]
        "Number of sessions abandoned at the step.";
    STEP_REENTRIES: Counter "whatsapp_journey_step_reentries_total" ["waba_id", "phone_number_id", "journey", "version", "variant", "step"]
        "Number of times the step was entered again in the same session.";
    LOOPS: Counter "whatsapp_journey_loops_total" ["waba_id", "phone_number_id", "journey", "version", "variant", "step"]
        "Number of sessions in which the number of entries of the step reached loop_threshold, which counts as a loop.";
    STEP_ANSWERS: Counter "whatsapp_journey_step_answers_total" ["waba_id", "phone_number_id", "journey", "version", "variant", "step", "answer"]
        "Number of times the step was answered by a message, by declared answer; 'other' for typed text and undeclared replies. Absent for steps that declare no answers.";
    STEP_CONFUSED: Counter "whatsapp_journey_step_confused_total" ["waba_id", "phone_number_id", "journey", "version", "variant", "step", "reason"]
        "Number of times the step seemed to confuse a customer, by reason: text although the step declares answers (free_text), a kind of message that it cannot take (unsupported), two or more messages before the business wrote again (repeated), the step sent again in the same session (asked_again), or an answer that took more than three times the 90th percentile of the step (slow).";
    STEP_SECONDS: Histogram "whatsapp_journey_step_seconds" ["waba_id", "phone_number_id", "journey", "version", "variant", "step"]
        "Time from the entry of a step to its answer, in seconds.";
}

/// Writes the families of all journeys that have had a session.
pub(super) fn write(page: &mut Page, accounts: &Accounts) {
    let mut variants: Vec<(EntityLabels, &VariantCounts)> = Vec::new();
    let mut steps: Vec<(EntityLabels, &StepCounts)> = Vec::new();
    for (waba_id, account) in accounts {
        let created = account.counted_since();
        for traffic in account.traffic() {
            for (id, variant, counts) in traffic.journeys.iter() {
                let labels = [
                    ("waba_id", waba_id.as_str()),
                    ("phone_number_id", traffic.id.as_str()),
                    ("journey", &id.journey),
                    ("version", &id.version),
                    ("variant", variant),
                ];
                variants.push((EntityLabels::new(&labels).created(created), counts));
                for (step, counts) in &counts.steps {
                    let labels = [&labels[..], &[("step", step)]].concat();
                    steps.push((EntityLabels::new(&labels).created(created), counts));
                }
            }
        }
    }
    let variants: Rows<'_, VariantCounts> = variants.into_iter().collect();
    variants.count(page, &STARTED, |counts| counts.started);
    variants.count(page, &COMPLETED, |counts| counts.completed);
    variants.count(page, &ABANDONED, |counts| counts.abandoned);
    let steps: Rows<'_, StepCounts> = steps.into_iter().collect();
    steps.count(page, &STEP_ENTERED, |counts| counts.entered);
    steps.count(page, &STEP_ANSWERED, |counts| counts.answered);
    steps.count(page, &STEP_ABANDONED, |counts| counts.abandoned);
    steps.count(page, &STEP_REENTRIES, |counts| counts.reentries);
    steps.count(page, &LOOPS, |counts| counts.loops);
    steps.each(page, &STEP_ANSWERS, |family, entity, counts| {
        for (answer, count) in &counts.answers {
            family.count(entity, &[answer], *count);
        }
    });
    steps.counts(page, &STEP_CONFUSED, |counts| &counts.confused);
    steps.each(page, &STEP_SECONDS, |family, entity, counts| {
        if family.has_zeros() || counts.seconds.count() > 0 {
            write_histogram(family, entity, &[], &counts.seconds);
        }
    });
}
