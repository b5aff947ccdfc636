//! Bodies of the largest size that Meta sends, many at the same time, and bodies that are over the limit.

use std::io::{Read, Write};
use std::sync::Arc;

use tokio::task::JoinSet;

use super::{Target, good};
use crate::http::connect;

const MIB: usize = 1024 * 1024;

/// A good delivery, filled up to this length by a text that is not read.
fn of_length(number: u64, length: usize) -> Vec<u8> {
    let body = String::from_utf8(good(number)).expect("JSON");
    let padding = "x".repeat(length - body.len());
    body.replacen("Sample", &format!("Sample{padding}"), 1)
        .into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_deliveries_in_parallel_are_all_acknowledged() {
    let target = Arc::new(Target::start(&[]));
    let mut senders = JoinSet::new();
    for sender in 0..100 {
        let target = Arc::clone(&target);
        senders.spawn(async move { target.deliver(of_length(1_000 + sender, 3 * MIB)).await });
    }
    // Meanwhile, health probes and small deliveries.
    for number in 0..20 {
        target.is_well(number).await;
    }
    while let Some(status) = senders.join_next().await {
        assert_eq!(status.expect("no panic"), 200);
    }
    target.is_within_its_memory();
}

#[tokio::test(flavor = "multi_thread")]
async fn large_or_unsigned_bodies_are_rejected_without_leaking_memory() {
    let target = Target::start(&[]);
    assert_eq!(
        target.deliver(of_length(1, 4 * MIB)).await,
        200,
        "the limit itself"
    );
    for _ in 0..20 {
        assert_eq!(target.deliver(of_length(2, 4 * MIB + 1)).await, 413);
        let unsigned = target.http.post(target.url("/webhook"));
        let unsigned = unsigned.header("X-Hub-Signature-256", format!("sha256={}", "0".repeat(64)));
        let answer = unsigned.body(of_length(3, 3 * MIB)).send().await;
        assert_eq!(answer.expect("an answer").status(), 401);
    }
    target.is_well(4).await;
    target.is_within_its_memory();
}

/// Sends a head and a part of the body that it announces. Returns the response.
fn answer_to(target: &Target, head: &str, body: &[u8]) -> String {
    let mut stream = connect(target.address).expect("a connection");
    let signature = format!("sha256={}", "0".repeat(64));
    let head = format!(
        "POST /webhook HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: {signature}\r\n{head}\r\n\r\n"
    );
    stream
        .write_all(head.as_bytes())
        .expect("the head is taken");
    // The exporter discards only some seconds of it. The response has been sent before.
    drop(stream.write_all(body));
    let mut answer = [0; 1024];
    let length = stream
        .read(&mut answer)
        .expect("the answer comes before the end");
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[test]
fn a_length_over_the_limit_is_refused_at_once_and_the_client_sees_it() {
    let target = Target::start(&[]);
    let gigabyte = "Content-Length: 1000000000";
    // The client sends no body, waits for 100 Continue, or sends without waiting.
    for (head, body) in [
        (gigabyte.to_owned(), 0),
        (format!("{gigabyte}\r\nExpect: 100-continue"), 0),
        (gigabyte.to_owned(), 20 * MIB),
        (format!("Content-Length: {}", 4 * MIB + 1), 4 * MIB + 1),
    ] {
        let answer = answer_to(&target, &head, &vec![b' '; body]);
        // A body that is waited for until the timeout is answered with 408.
        assert!(answer.starts_with("HTTP/1.1 413 "), "{head}: {answer}");
        assert!(!answer.contains("100 Continue"), "{answer}");
    }
    // A body of unknown length, in chunks, is read up to the limit.
    let chunk = [
        format!("{MIB:x}\r\n").into_bytes(),
        vec![b' '; MIB],
        b"\r\n".to_vec(),
    ]
    .concat();
    let answer = answer_to(&target, "Transfer-Encoding: chunked", &chunk.repeat(8));
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    target.is_within_its_memory();
}
