//! Signed deliveries about several accounts, each with different facts.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::durability::deliveries::{EVENTS, signature};
use crate::http::{Answer, parse};

/// Accounts of the tests. Their shards differ.
pub const ACCOUNTS: usize = 12;

/// One fact: a customer wrote to an account, and a template of the account changed its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fact {
    pub account: usize,
    /// No two facts have the same.
    pub number: u64,
}

/// The id of an account.
pub fn waba_id(account: usize) -> String {
    (800_100_200_300_400 + account as u64 * 7_919).to_string()
}

/// The ids of all accounts.
pub fn accounts() -> Vec<String> {
    (0..ACCOUNTS).map(waba_id).collect()
}

impl Fact {
    fn entry(self) -> String {
        let Self { account, number } = self;
        let waba_id = waba_id(account);
        let phone_number_id = 900_100_200_300_400 + account as u64;
        // The times of pairs of neighbours are exchanged.
        let time = 1_775_000_000 + (number ^ 1);
        let event = EVENTS[(number % 4) as usize];
        let template = 7_001_002_003_000 + account as u64 * 100 + number % 7;
        let customer = number % 50;
        let change = format!(
            r#"{{"field":"message_template_status_update","value":{{"event":"{event}","message_template_id":{template},"message_template_name":"offer_{template}","message_template_language":"en_US","reason":"NONE"}}}}"#
        );
        let message = format!(
            r#"{{"field":"messages","value":{{"metadata":{{"phone_number_id":"{phone_number_id}"}},"messages":[{{"from":"1555010{customer:04}","id":"wamid.{number}","timestamp":"{time}","type":"text"}}]}}}}"#
        );
        format!(r#"{{"id":"{waba_id}","time":{time},"changes":[{change},{message}]}}"#)
    }
}

/// The body of one delivery of these facts.
pub fn body_of(facts: &[Fact]) -> String {
    let entries: Vec<String> = facts.iter().map(|fact| fact.entry()).collect();
    let entries = entries.join(",");
    format!(r#"{{"object":"whatsapp_business_account","entry":[{entries}]}}"#)
}

/// Sends a delivery, and waits this long for the response.
pub fn send(address: SocketAddr, facts: &[Fact], patience: Duration) -> Result<Answer, String> {
    let body = body_of(facts);
    let head = format!(
        "POST /webhook HTTP/1.0\r\nHost: {address}\r\n{}\r\nContent-Length: {}",
        signature(&body),
        body.len()
    );
    exchange(address, &format!("{head}\r\n\r\n{body}"), patience)
}

/// Gets a path, and waits this long for the whole response.
pub fn get_within(address: SocketAddr, path: &str, patience: Duration) -> Result<Answer, String> {
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    exchange(address, &request, patience)
}

fn exchange(address: SocketAddr, request: &str, patience: Duration) -> Result<Answer, String> {
    let end = Instant::now() + patience;
    let converse = || {
        let mut stream = TcpStream::connect_timeout(&address, patience)?;
        stream.set_write_timeout(Some(patience))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        let mut part = [0; 65_536];
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(std::io::ErrorKind::TimedOut.into());
            }
            stream.set_read_timeout(Some(left))?;
            match stream.read(&mut part)? {
                0 => return Ok(answer),
                count => answer.extend_from_slice(&part[..count]),
            }
        }
    };
    let answer = converse().map_err(|error: std::io::Error| error.to_string())?;
    let answer = String::from_utf8_lossy(&answer);
    parse(&answer).ok_or_else(|| answer.into_owned())
}
