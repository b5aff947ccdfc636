//! Renders the state of customers' journeys.

use super::metric::metrics;
use super::page::{EntityLabels, Page};
use super::rows::Rows;
use super::traffic::write_histogram;
use crate::domain::journey::{JourneyId, Journeys};
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

/// A step of a journey, with its counters.
struct ShownStep<'a> {
    id: &'a JourneyId,
    name: &'a str,
    counts: &'a StepCounts,
}

/// Writes the families of the declared journeys that have had a session.
pub(super) fn write(page: &mut Page, accounts: &Accounts, declared: &Journeys) {
    let mut variants: Vec<(EntityLabels, &VariantCounts)> = Vec::new();
    let mut labels_of_steps: Vec<EntityLabels> = Vec::new();
    let mut steps: Vec<ShownStep<'_>> = Vec::new();
    for (waba_id, account) in accounts {
        let created = account.counted_since();
        for traffic in account.traffic() {
            for (id, variant, counts) in traffic.journeys.declared(declared) {
                let labels = [
                    ("waba_id", waba_id.as_str()),
                    ("phone_number_id", traffic.id.as_str()),
                    ("journey", &id.journey),
                    ("version", &id.version),
                    ("variant", variant),
                ];
                variants.push((EntityLabels::new(&labels).created(created), counts));
                for (name, counts) in counts.declared_steps(id, declared) {
                    let labels = [&labels[..], &[("step", name)]].concat();
                    labels_of_steps.push(EntityLabels::new(&labels).created(created));
                    steps.push(ShownStep { id, name, counts });
                }
            }
        }
    }
    let variants: Rows<'_, VariantCounts> = variants.into_iter().collect();
    variants.count(page, &STARTED, |counts| counts.started);
    variants.count(page, &COMPLETED, |counts| counts.completed);
    variants.count(page, &ABANDONED, |counts| counts.abandoned);
    let steps: Rows<'_, ShownStep<'_>> = labels_of_steps.into_iter().zip(&steps).collect();
    steps.count(page, &STEP_ENTERED, |step| step.counts.entered);
    steps.count(page, &STEP_ANSWERED, |step| step.counts.answered);
    steps.count(page, &STEP_ABANDONED, |step| step.counts.abandoned);
    steps.count(page, &STEP_REENTRIES, |step| step.counts.reentries);
    steps.count(page, &LOOPS, |step| step.counts.loops);
    steps.each(page, &STEP_ANSWERS, |family, entity, step| {
        for (answer, count) in &step.counts.answers {
            if declared.declare_answer(step.id, step.name, answer) {
                family.count(entity, &[answer], *count);
            }
        }
    });
    steps.counts(page, &STEP_CONFUSED, |step| &step.counts.confused);
    steps.each(page, &STEP_SECONDS, |family, entity, step| {
        let seconds = &step.counts.seconds;
        if family.has_zeros() || seconds.count() > 0 {
            write_histogram(family, entity, &[], seconds);
        }
    });
}
