//! A simple blocking client for tests of child processes: one connection for each request. It speaks HTTP/1.0, so no
//! response is chunked.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use crate::process::{SOON, until};

/// A response: its status, and its body as text.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// Gets a path, with one more header line if it is not empty.
pub fn get(address: SocketAddr, path: &str, header: &str) -> Result<Answer, String> {
    let header = if header.is_empty() {
        String::new()
    } else {
        format!("{header}\r\n")
    };
    exchange(
        address,
        &format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n{header}\r\n"),
    )
}

/// Posts JSON.
pub fn post(address: SocketAddr, path: &str, body: &Value) -> Result<Answer, String> {
    let header = "Content-Type: application/json";
    post_text(address, path, header, &body.to_string())
}

/// Posts text with one more header line.
pub fn post_text(
    address: SocketAddr,
    path: &str,
    header: &str,
    body: &str,
) -> Result<Answer, String> {
    let head = format!(
        "POST {path} HTTP/1.0\r\nHost: {address}\r\n{header}\r\nContent-Length: {}",
        body.len()
    );
    exchange(address, &format!("{head}\r\n\r\n{body}"))
}

/// A connection with timeouts.
pub fn connect(address: SocketAddr) -> Result<TcpStream, String> {
    let stream = TcpStream::connect_timeout(&address, SOON).map_err(|error| error.to_string())?;
    stream
        .set_read_timeout(Some(SOON))
        .expect("the timeout is not zero");
    Ok(stream)
}

fn exchange(address: SocketAddr, request: &str) -> Result<Answer, String> {
    let mut stream = connect(address)?;
    let mut answer = String::new();
    stream
        .write_all(request.as_bytes())
        .and_then(|()| stream.read_to_string(&mut answer))
        .map_err(|error| error.to_string())?;
    parse(&answer).ok_or(answer)
}

/// Parses a complete response. `None` if it is invalid.
pub fn parse(answer: &str) -> Option<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer {
        status,
        body: body.to_owned(),
    })
}

/// The metrics as text.
pub fn metrics(address: SocketAddr) -> Result<String, String> {
    let answer = get(address, "/metrics", "")?;
    if answer.status == 200 {
        Ok(answer.body)
    } else {
        Err(format!("{answer:?}"))
    }
}

/// Waits until a line of the metrics begins with `start`.
pub fn until_metric(address: SocketAddr, start: &str) {
    until(&format!("the metric {start}"), SOON, || {
        let text = metrics(address)?;
        let found = text.lines().any(|line| line.starts_with(start));
        if found { Ok(()) } else { Err(text) }
    });
}
