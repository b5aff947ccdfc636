//! `health_status`: whether an account or number can send messages, which entity prevents it, and why.
//!
//! The word and the codes are the health; texts only explain it. The journal therefore has only the word, and a new
//! wording of an explanation is no change.

use super::word::meta_words;

meta_words! {
    /// Whether messages can be sent.
    CanSendMessage {
        Available = "AVAILABLE",
        Limited = "LIMITED",
        Blocked = "BLOCKED",
    }
}

meta_words! {
    /// The kind of node that a health entity describes.
    HealthEntity {
        PhoneNumber = "PHONE_NUMBER",
        MessageTemplate = "MESSAGE_TEMPLATE",
        Waba = "WABA",
        Business = "BUSINESS",
        App = "APP",
    }
}

/// The health of one entity within a node's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntityHealth {
    /// The kind of entity.
    pub kind: HealthEntity,
    /// Whether the entity allows sending.
    pub can_send_message: CanSendMessage,
}

/// The health of a node with respect to *messages*.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Health {
    /// The lowest value among the entities. Meta's own total may be about calls instead, as in its example.
    pub can_send_message: CanSendMessage,
    /// The entities, sorted.
    pub entities: Vec<EntityHealth>,
}

impl Health {
    /// Applies Meta's rule to the entities. `total` counts only if Meta sent no entities.
    #[must_use]
    pub fn new(mut entities: Vec<EntityHealth>, total: Option<CanSendMessage>) -> Option<Self> {
        entities.sort();
        entities.dedup();
        let words = || entities.iter().map(|entity| entity.can_send_message);
        let worst = if entities.is_empty() {
            total?
        } else if words().any(|word| word == CanSendMessage::Blocked) {
            CanSendMessage::Blocked
        } else if words().any(|word| word == CanSendMessage::Limited) {
            CanSendMessage::Limited
        } else if words().any(|word| word == CanSendMessage::Other) {
            CanSendMessage::Other
        } else {
            CanSendMessage::Available
        };
        Some(Self {
            can_send_message: worst,
            entities,
        })
    }

    /// The entities that restrict sending.
    pub fn in_the_way(&self) -> impl Iterator<Item = &EntityHealth> {
        self.entities
            .iter()
            .filter(|entity| entity.can_send_message != CanSendMessage::Available)
    }
}

/// No valid means of payment. According to Meta, only business-initiated messages fail; replies are still sent.
pub const PAYMENT_MISSING: u64 = 141_006;

/// The portfolio is not verified. A business that never verifies it stays LIMITED without any other effect.
pub const PORTFOLIO_UNVERIFIED: u64 = 141_010;

/// Maximum number of errors of one object, and of remarks. Meta has five kinds of entities with one error each.
pub const MAX_EXPLANATIONS: usize = 16;

/// An entry of `errors` at an entity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HealthError {
    /// The kind of entity that has the error.
    pub entity: HealthEntity,
    /// Meta's number of the error. `None` if it was missing or not a number.
    pub code: Option<u64>,
    /// `error_description`.
    pub description: Option<String>,
    /// `possible_solution`.
    pub solution: Option<String>,
}

impl HealthError {
    /// Whether the error is about calls only, and so no reason for LIMITED or BLOCKED messages. Meta has shown 138024
    /// and 138025 at a number that was LIMITED because of its display name, without an error for that.
    fn is_about_calls(&self) -> bool {
        self.code
            .is_some_and(|code| (138_000..139_000).contains(&code))
    }

    /// Whether [`SendingCause`] names the error.
    fn is_named(&self) -> bool {
        [PAYMENT_MISSING, PORTFOLIO_UNVERIFIED]
            .map(Some)
            .contains(&self.code)
    }

    /// Whether messages are restricted for a reason that [`SendingCause`] does not name.
    fn is_other_reason(&self) -> bool {
        !self.is_named() && !self.is_about_calls()
    }
}

/// An entry of `additional_info` at an entity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HealthRemark {
    /// The kind of entity that has the remark.
    pub entity: HealthEntity,
    /// The remark.
    pub text: String,
}

/// Meta's explanations of the health of a node's entities.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct HealthDetails {
    /// At most [`MAX_EXPLANATIONS`] errors, sorted; one for each code of an entity.
    pub errors: Vec<HealthError>,
    /// At most [`MAX_EXPLANATIONS`] remarks, in Meta's order.
    pub remarks: Vec<HealthRemark>,
    /// Number of errors and remarks beyond these limits.
    pub left_out: u64,
}

impl HealthDetails {
    /// Sorts and limits the explanations. Named errors come first, then other reasons, so that the explanations on
    /// which alerts depend are kept.
    #[must_use]
    pub fn new(mut errors: Vec<HealthError>, mut remarks: Vec<HealthRemark>) -> Self {
        // Of several errors with the same code, one with a text is kept.
        errors.sort_by(|one, other| {
            let key = |error: &HealthError| (error.entity, error.code, error.description.is_none());
            key(one).cmp(&key(other)).then_with(|| one.cmp(other))
        });
        errors.dedup_by_key(|error| (error.entity, error.code));
        let found = errors.len() + remarks.len();
        errors.sort_by_key(|error| (!error.is_named(), error.is_about_calls()));
        errors.truncate(MAX_EXPLANATIONS);
        errors.sort();
        remarks.truncate(MAX_EXPLANATIONS);
        let left_out = (found - errors.len() - remarks.len()) as u64;
        Self {
            errors,
            remarks,
            left_out,
        }
    }
}

/// Why a node is LIMITED or BLOCKED, as far as it makes a difference to the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendingCause {
    /// Only [`PAYMENT_MISSING`].
    PaymentMissing,
    /// Only [`PORTFOLIO_UNVERIFIED`].
    PortfolioUnverified,
    /// Another reason, possibly besides these, or one that Meta does not name.
    Other,
}

impl SendingCause {
    /// The cause of this health; `None` if messages are not restricted. The alerts judge series in the same way.
    #[must_use]
    pub fn new(health: &Health, details: Option<&HealthDetails>) -> Option<Self> {
        let word = health.can_send_message;
        let reasons: &[u64] = match word {
            CanSendMessage::Available | CanSendMessage::Other => return None,
            // An unverified portfolio limits and never blocks.
            CanSendMessage::Blocked => &[PAYMENT_MISSING],
            CanSendMessage::Limited => &[PAYMENT_MISSING, PORTFOLIO_UNVERIFIED],
        };
        let errors = details.map_or(&[][..], |details| &details.errors);
        let is_reason =
            |error: &&HealthError| error.code.is_some_and(|code| reasons.contains(&code));
        let explains = |kind| {
            errors
                .iter()
                .filter(is_reason)
                .any(|error| error.entity == kind)
        };
        let mut restricting = health
            .entities
            .iter()
            .filter(|entity| entity.can_send_message == word);
        let is_explained = errors.iter().any(|error| is_reason(&error))
            && !errors.iter().any(HealthError::is_other_reason)
            && restricting.all(|entity| explains(entity.kind));
        let is_unpaid = || {
            errors
                .iter()
                .any(|error| error.code == Some(PAYMENT_MISSING))
        };
        Some(match is_explained {
            false => Self::Other,
            true if is_unpaid() => Self::PaymentMissing,
            true => Self::PortfolioUnverified,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::CanSendMessage::{Available, Blocked, Limited};
    use super::HealthEntity::{App, Business, PhoneNumber, Waba};
    use super::*;

    fn error(entity: HealthEntity, code: Option<u64>) -> HealthError {
        HealthError {
            entity,
            code,
            description: None,
            solution: None,
        }
    }

    fn cause(
        entities: &[(HealthEntity, CanSendMessage)],
        errors: &[(HealthEntity, u64)],
    ) -> Option<SendingCause> {
        let entities = entities.iter().map(|(kind, word)| EntityHealth {
            kind: *kind,
            can_send_message: *word,
        });
        let health = Health::new(entities.collect(), None).expect("entities");
        // 0 stands for an error without a code.
        let errors = errors
            .iter()
            .map(|(kind, code)| error(*kind, Some(*code).filter(|code| *code > 0)));
        let details = HealthDetails::new(errors.collect(), Vec::new());
        SendingCause::new(&health, Some(&details))
    }

    #[test]
    fn a_restriction_with_one_understood_reason_has_a_cause() {
        use SendingCause::{Other, PaymentMissing, PortfolioUnverified};
        for (entities, errors, expected) in [
            (&[(Waba, Available)][..], &[(Waba, 141_006)][..], None),
            (&[(Waba, Blocked)], &[(Waba, 141_006)], Some(PaymentMissing)),
            // As captured: both at once, and a calls-only error of the app.
            (
                &[
                    (PhoneNumber, Available),
                    (Waba, Blocked),
                    (Business, Limited),
                ],
                &[(Waba, 141_006), (Business, 141_010), (App, 138_025)],
                Some(PaymentMissing),
            ),
            (&[(Waba, Limited)], &[(Waba, 141_006)], Some(PaymentMissing)),
            (
                &[(Business, Limited)],
                &[(Business, 141_010)],
                Some(PortfolioUnverified),
            ),
            (
                &[(Waba, Blocked)],
                &[(Waba, 141_006), (Waba, 141_999)],
                Some(Other),
            ),
            (
                &[(Waba, Blocked), (Business, Blocked)],
                &[(Waba, 141_006)],
                Some(Other),
            ),
            (
                &[(Waba, Blocked)],
                &[(Waba, 141_006), (Waba, 0)],
                Some(Other),
            ),
            (&[(Business, Blocked)], &[(Business, 141_010)], Some(Other)),
            // The real reason, an unapproved name, has no error.
            (
                &[(PhoneNumber, Limited)],
                &[(PhoneNumber, 138_024), (App, 138_025)],
                Some(Other),
            ),
            (
                &[(PhoneNumber, Limited), (Business, Limited)],
                &[(Business, 141_010)],
                Some(Other),
            ),
            (&[(Waba, Limited)], &[], Some(Other)),
        ] {
            assert_eq!(cause(entities, errors), expected, "{entities:?} {errors:?}");
        }
        let total = Health::new(Vec::new(), Some(Blocked)).expect("a total");
        assert_eq!(SendingCause::new(&total, None), Some(Other));
    }

    #[test]
    fn at_most_sixteen_explanations_are_kept_those_of_alerts_first() {
        let calls = (138_000..138_030).map(|code| error(PhoneNumber, Some(code)));
        let unknown = (1..20).map(|code| error(PhoneNumber, Some(code)));
        let mut errors: Vec<HealthError> = calls.chain(unknown).collect();
        errors.push(error(Waba, Some(PAYMENT_MISSING)));
        errors.push(error(Business, Some(PORTFOLIO_UNVERIFIED)));
        // Another wording of the same error.
        errors.push(HealthError {
            description: Some("Pay".to_owned()),
            ..error(Waba, Some(PAYMENT_MISSING))
        });
        let remarks = (0..20).map(|which| HealthRemark {
            entity: App,
            text: which.to_string(),
        });
        let remarks: Vec<HealthRemark> = remarks.collect();
        let details = HealthDetails::new(errors.clone(), remarks.clone());
        assert_eq!(details.errors.len(), MAX_EXPLANATIONS);
        assert_eq!(details.remarks, remarks[..MAX_EXPLANATIONS]);
        assert_eq!(details.left_out, 30 + 19 + 2 - 16 + 4);
        let kept = details.errors.iter().filter_map(|error| error.code);
        let kept: Vec<u64> = kept.collect();
        assert_eq!(kept[14..], [PAYMENT_MISSING, PORTFOLIO_UNVERIFIED]);
        assert!(kept[..14].iter().all(|code| *code < 20), "{kept:?}");
        errors.reverse();
        assert_eq!(HealthDetails::new(errors, remarks), details);
    }
}
