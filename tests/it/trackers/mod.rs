//! Messages and conversations: what is measured is what happened.

mod durable;
mod truth;
mod week;
