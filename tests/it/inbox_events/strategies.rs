//! Strategies for any event of a webhook or an application.

use proptest::prelude::*;
use proptest::sample::select;
use whatsapp_business_exporter::domain::journey::{
    Choice, JourneyId, Progress, ReplyPattern, StepOutcome,
};
use whatsapp_business_exporter::domain::mark::{JourneyMark, Mark, MessageContext};
use whatsapp_business_exporter::domain::message;
use whatsapp_business_exporter::domain::track::{Actor, AppEvent, Happening};
use whatsapp_business_exporter::domain::{
    ConversationKey, CustomerIds, DeliveryKey, ErrorCode, Event, Fact, MessageKey, RecipientKey,
    Source, template,
};

use super::{spelling, template_fact};
use crate::reducer_properties::{account_update, number_update, template_update, word};
use crate::support::{at, number_id, waba};

fn key() -> impl Strategy<Value = u128> {
    prop_oneof![any::<u128>(), Just(0), Just(u128::MAX)]
}

fn ids<K: Copy + PartialEq + std::fmt::Debug>(
    scope: fn(u128) -> K,
) -> impl Strategy<Value = CustomerIds<K>> {
    let keys = (
        prop::option::of(key()),
        prop::collection::vec(key(), 0..3),
        key(),
    );
    keys.prop_map(move |(user_id, others, last)| {
        let others = others.into_iter().chain([last]).map(scope);
        CustomerIds::new(user_id.map(scope), others).expect("the last one")
    })
}

fn customer() -> impl Strategy<Value = Option<CustomerIds>> {
    prop::option::of(ids(ConversationKey))
}

fn actor() -> impl Strategy<Value = Actor> {
    select(Actor::ALL.to_vec())
}

fn errors() -> impl Strategy<Value = Vec<ErrorCode>> {
    let code = prop_oneof![
        any::<u32>().prop_map(ErrorCode::Number),
        Just(ErrorCode::Other)
    ];
    prop::collection::vec(code, 0..3)
}

fn journey_id() -> impl Strategy<Value = JourneyId> {
    (any::<String>(), any::<String>()).prop_map(|(journey, version)| JourneyId { journey, version })
}

fn mark() -> impl Strategy<Value = Mark> {
    let text = || prop::option::of(any::<String>());
    let message = prop::option::of(key().prop_map(MessageKey));
    let journey = (journey_id(), text(), text(), any::<bool>(), message);
    let journey = journey.prop_map(|(id, step, variant, is_goal, message)| JourneyMark {
        id,
        step,
        variant,
        is_goal,
        message,
    });
    let parts = (text(), prop::option::of(journey), prop::option::of(word()));
    parts.prop_map(|(campaign, journey, ignored)| Mark {
        campaign,
        journey,
        ignored,
    })
}

fn context() -> impl Strategy<Value = MessageContext> {
    let pattern = "[a-z]{1,3}[*]?".prop_map(|text| ReplyPattern::new(&text).expect("a pattern"));
    let choice = prop::collection::btree_set(pattern, 0..3).prop_map(Choice);
    let replies_to = prop::option::of(key().prop_map(MessageKey));
    let parts = (replies_to, prop::option::of(choice), word());
    parts.prop_map(|(replies_to, choice, entry_point)| MessageContext {
        replies_to,
        choice,
        entry_point,
    })
}

fn message_update() -> impl Strategy<Value = message::Update> {
    use message::Update::{
        Called, Echo, Errors, IdChanged, Preference, Priced, Received, Status, ThreadOwner,
    };
    let status = (
        customer(),
        word(),
        word(),
        errors(),
        prop::option::of(mark()).boxed(),
    );
    let status = status.prop_map(|(to, status, category, errors, mark)| Status {
        to,
        status,
        category,
        errors,
        mark,
    });
    let price = (word(), word());
    let price = price.prop_map(|(category, pricing_type)| message::Price {
        category,
        pricing_type,
    });
    prop_oneof![
        (customer(), word(), context().boxed()).prop_map(|(from, kind, context)| Received {
            from,
            kind,
            context,
        }),
        status.boxed(),
        price.prop_map(Priced),
        errors().prop_map(Errors),
        (customer(), word(), actor()).prop_map(|(to, kind, actor)| Echo { to, kind, actor }),
        ids(ConversationKey).prop_map(IdChanged),
        (ids(ConversationKey), any::<String>()).prop_map(|(of, role)| ThreadOwner { of, role }),
        (customer(), word()).prop_map(|(of, preference)| Preference { of, preference }),
        Just(Called),
    ]
}

fn message() -> impl Strategy<Value = Fact> {
    let parts = (
        any::<i32>(),
        prop::option::of(ids(RecipientKey)),
        message_update(),
    );
    parts.prop_map(|(received, recipient, update)| {
        Fact::Message(message::WebhookUpdate {
            phone_number_id: number_id(0),
            received_at: at(received.into()),
            recipient,
            update,
        })
    })
}

fn tracked() -> impl Strategy<Value = Fact> {
    let outcome = select(vec![
        StepOutcome::Entered,
        StepOutcome::Answered,
        StepOutcome::Abandoned,
    ]);
    let step = (any::<String>(), outcome, prop::option::of(any::<String>()));
    let step = step.prop_map(|(step, outcome, variant)| Progress::Step {
        step,
        outcome,
        variant,
    });
    let progress = prop_oneof![
        any::<String>().prop_map(Progress::Variant),
        step,
        Just(Progress::Goal)
    ];
    let journey = (any::<String>(), any::<String>())
        .prop_map(|(journey, version)| JourneyId { journey, version });
    let happening = prop_oneof![
        Just(Happening::Inbound),
        actor().prop_map(Happening::Reply),
        (journey, progress).prop_map(|(id, progress)| Happening::OnJourney(id, progress)),
    ];
    (ids(ConversationKey), happening).prop_map(|(customer, happening)| {
        Fact::Tracked(AppEvent {
            phone_number_id: number_id(1),
            customer,
            received_at: at(5),
            happening,
        })
    })
}

/// The updates of templates that [`template_update`] has not.
fn category_change() -> impl Strategy<Value = Fact> {
    let changed = (prop::option::of(word()), word());
    let changed =
        changed.prop_map(|(previous, new)| template::Update::CategoryChanged { previous, new });
    let detected = word().prop_map(|correct| template::Update::CategoryDetected { correct });
    prop_oneof![changed, detected].prop_map(|update| template_fact(update, None))
}

pub fn event() -> impl Strategy<Value = Event> {
    let key = || key().prop_map(DeliveryKey);
    let source = prop_oneof![
        key().prop_map(Source::Webhook),
        key().prop_map(Source::UndatedWebhook),
        key().prop_map(Source::App),
    ];
    let fact = prop_oneof![
        account_update(),
        number_update(),
        template_update(),
        category_change(),
        message(),
        tracked(),
        Just(spelling()),
        Just(Fact::Unwatched),
    ];
    (any::<i32>(), source, fact).prop_map(|(seconds, source, fact)| Event {
        waba_id: waba(),
        observed_at: at(seconds.into()),
        source,
        fact,
    })
}
