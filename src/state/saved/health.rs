//! The stored form of `health_status`.

use serde::{Deserializer, Serializer};

use super::{Saved, saved_as};
use crate::domain::{
    CanSendMessage, EntityHealth, Health, HealthDetails, HealthEntity, HealthError, HealthRemark,
};

saved_as!(
    EntityHealth,
    (HealthEntity, CanSendMessage),
    |entity| (entity.kind, entity.can_send_message),
    |(kind, can_send_message)| EntityHealth {
        kind,
        can_send_message
    }
);

saved_as!(
    Health,
    (CanSendMessage, Vec<EntityHealth>),
    |health| (health.can_send_message, health.entities.clone()),
    |(can_send_message, entities)| Health {
        can_send_message,
        entities
    }
);

saved_as!(
    HealthError,
    (HealthEntity, Option<u64>, Option<String>, Option<String>),
    |error| {
        let HealthError {
            entity,
            code,
            description,
            solution,
        } = error.clone();
        (entity, code, description, solution)
    },
    |(entity, code, description, solution)| HealthError {
        entity,
        code,
        description,
        solution
    }
);

saved_as!(
    HealthRemark,
    (HealthEntity, String),
    |remark| (remark.entity, remark.text.clone()),
    |(entity, text)| HealthRemark { entity, text }
);

saved_as!(
    HealthDetails,
    (Vec<HealthError>, Vec<HealthRemark>, u64),
    |details| {
        let HealthDetails {
            errors,
            remarks,
            left_out,
        } = details.clone();
        (errors, remarks, left_out)
    },
    |(errors, remarks, left_out)| HealthDetails {
        errors,
        remarks,
        left_out
    }
);
