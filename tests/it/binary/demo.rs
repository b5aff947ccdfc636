//! The demo: first metrics within five seconds, and gone at Ctrl-C.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::http::until_metric;
use crate::process::demo;

/// What a first visitor is promised.
const FIRST_METRICS: Duration = Duration::from_secs(5);

/// "At once", on a machine that has other things to do.
const AT_ONCE: Duration = Duration::from_secs(2);

#[test]
fn the_first_metrics_come_within_five_seconds() {
    let start = Instant::now();
    let (_demo, address) = demo("1");
    for metric in [
        "whatsapp_phone_number_quality_rating{",
        "whatsapp_message_template_status{",
        "whatsapp_business_account_info{",
    ] {
        until_metric(address, metric);
    }
    assert!(start.elapsed() < FIRST_METRICS, "{:?}", start.elapsed());
}

#[test]
fn ctrl_c_ends_it_at_once() {
    let (mut demo, address) = demo("1");
    until_metric(address, "whatsapp_phone_number_info{");
    demo.signal(Signal::INT);
    let status = demo.ended_within(AT_ONCE);
    assert_eq!(status.code(), Some(0), "{demo:?}");
}

#[test]
fn ctrl_c_as_soon_as_it_has_spoken_ends_it_too() {
    let (mut demo, _) = demo("1");
    demo.signal(Signal::INT);
    let status = demo.ended_within(AT_ONCE);
    assert_eq!(status.code(), Some(0), "{demo:?}");
}
