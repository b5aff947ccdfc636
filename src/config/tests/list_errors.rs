//! The text of errors in lists and maps: upstreams, the policy of the send gate, journeys, campaigns.

use super::*;

#[test]
fn a_policy_names_known_reasons_and_effects() {
    let yaml = "gate: {policy: {stale_dta: stop, quality_red: maybe, number_unknown: ignore, account_banned: [stop]}}";
    assert_eq!(
        errors(yaml),
        "\
gate.policy.account_banned: takes one value, not a list
gate.policy.number_unknown: cannot be changed, because missing data never allows sending; remove it
gate.policy.quality_red: \"maybe\" is not known; give stop, caution or ignore
gate.policy.stale_dta: unknown reason; did you mean `stale_data`?"
    );
    for (policy, error) in [
        (
            "5",
            "gate.policy: must contain keys, such as `stale_data: stop`",
        ),
        (
            "{unrelated: stop}",
            "gate.policy: contains an unknown reason; the documentation of the send gate lists the codes",
        ),
    ] {
        assert_eq!(errors(&format!("gate: {{policy: {policy}}}")), error);
    }
    assert_eq!(
        errors("gate: {max_age: 5s}"),
        "gate.max_age: \"5s\" is out of range; give 1m to 30d"
    );
}

#[test]
fn steps_are_names_with_or_without_answers() {
    for (keys, error) in [
        (
            "steps: [{answers: [x]}]",
            "trackers.journeys[0].steps[0]: has no name; give the step a name",
        ),
        (
            "steps: [{name: date, answer: [x]}]",
            "trackers.journeys[0].steps[0]: contains an unknown key; did you mean `answers`?",
        ),
        (
            "steps: [{name: date, answers: x}]",
            "trackers.journeys[0].steps[0].answers: takes a list of ids of replies",
        ),
        (
            "steps: [{name: date, answers: []}]",
            "trackers.journeys[0].steps[0].answers: takes a list of 1 to 20 ids of replies",
        ),
        (
            "steps: [{name: date, answers: [x, x]}]",
            "trackers.journeys[0].steps[0].answers[1]: is listed twice; remove one",
        ),
        (
            "steps: [{name: date, answers: ['a*b']}]",
            "trackers.journeys[0].steps[0].answers[0]: has a * before its end; write the beginning of the ids, and one * \
             after it",
        ),
        (
            "steps: [{name: date}, date]",
            "trackers.journeys[0].steps[1]: is listed twice; remove one",
        ),
        (
            "steps: [{name: other}]",
            "trackers.journeys[0].steps[0].name: is reserved (`other` and `none` have a special meaning); choose another \
             name",
        ),
        (
            "steps: [[date]]",
            "trackers.journeys[0].steps[0]: takes one value, not a list",
        ),
        (
            "steps: [date], goals: confirm",
            "trackers.journeys[0].goals: takes a list of ids of replies",
        ),
        (
            "steps: [date], goals: [none]",
            "trackers.journeys[0].goals[0]: is reserved (`other` and `none` have a special meaning); choose another name",
        ),
    ] {
        let written = format!("trackers: {{journeys: [{{name: booking, {keys}}}]}}");
        assert_eq!(errors(&written), error);
    }
}

#[test]
fn campaigns_are_values_with_or_without_a_name() {
    let long = "x".repeat(65);
    let too_long = "x".repeat(513);
    for (item, error) in [
        (
            "''",
            "trackers.campaigns[0]: has a value that is empty or longer than 512 characters",
        ),
        (
            &*too_long,
            "trackers.campaigns[0]: has a value that is empty or longer than 512 characters",
        ),
        (
            &*long,
            "trackers.campaigns[0]: has a value that is too long for a name, or not printable; give it a name too",
        ),
        (
            "{name: x}",
            "trackers.campaigns[0]: has no value; give it the value of biz_opaque_callback_data",
        ),
        (
            "{value: x, nme: y}",
            "trackers.campaigns[0]: contains an unknown key; did you mean `name`?",
        ),
        ("[x]", "trackers.campaigns[0]: takes one value, not a list"),
        (
            "{value: x, name: ''}",
            "trackers.campaigns[0].name: is not a name; give 1 to 64 printable characters",
        ),
        (
            "x, {value: x, name: y}",
            "trackers.campaigns[1]: has a value that is listed twice; remove one",
        ),
    ] {
        assert_eq!(errors(&format!("trackers: {{campaigns: [{item}]}}")), error);
    }
    assert_eq!(
        errors("trackers: {campaigns: x}"),
        "trackers.campaigns: takes a list: begin each item with `- `"
    );
    let values: Vec<String> = (0..101).map(|value| value.to_string()).collect();
    assert_eq!(
        errors(&format!("trackers: {{campaigns: [{}]}}", values.join(", "))),
        "trackers.campaigns: has more than 100 campaigns; remove some"
    );
}

#[test]
fn errors_about_upstreams_do_not_repeat_their_url() {
    let yaml = "
webhook: {enabled: false}
relay:
  max_age: 1y
  upstreams:
    - {name: a, url: 'https://app/secret'}
    - {name: a, url: 'https://crm/'}
    - {name: b, url: 'https://me:secret@crm/'}
    - {name: c}
    - {name: '', url: [x]}
    - {nam: d, url: 'http://x/'}
";
    assert_eq!(
        errors(yaml),
        "\
relay.max_age: \"1y\" is out of range; give 1m to 7d
relay.upstreams: has no deliveries to forward, because webhook.enabled is false; remove one of the two settings
relay.upstreams[1].name: is the same as that of relay.upstreams[0]; give each upstream its own
relay.upstreams[2].url: contains credentials; remove them, because the signature authenticates the delivery
relay.upstreams[3].url: is missing; give the upstream's URL
relay.upstreams[4].url: takes one value, not a list
relay.upstreams[5].nam: unknown key; did you mean `name`?"
    );
}
