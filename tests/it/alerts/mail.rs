//! A mail server that keeps all mails.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use super::received::Received;

/// The mails so far, with their headers.
#[derive(Clone)]
pub struct Mails(Received<String>);

impl Mails {
    /// Listens.
    pub fn receive() -> (Self, SocketAddr) {
        let (mails, address) = Received::by(converse);
        (Self(mails), address)
    }

    /// Their subjects, unfolded and decoded.
    pub fn subjects(&self) -> Vec<String> {
        let mails = self.0.all();
        mails.iter().filter_map(|mail| subject(mail)).collect()
    }
}

/// One SMTP session. Returns the mail, if one was sent.
fn converse(stream: TcpStream) -> std::io::Result<Option<String>> {
    let mut reader = BufReader::new(stream);
    let mut mail = None;
    reader.get_mut().write_all(b"220 test\r\n")?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        let answer: &[u8] = match line.trim_end() {
            "DATA" => {
                reader.get_mut().write_all(b"354 go on\r\n")?;
                mail = Some(data(&mut reader)?);
                b"250 ok\r\n"
            }
            "QUIT" => b"221 bye\r\n",
            _ => b"250 ok\r\n",
        };
        reader.get_mut().write_all(answer)?;
        line.clear();
    }
    Ok(mail)
}

/// Everything up to the line with a single dot.
fn data(reader: &mut impl BufRead) -> std::io::Result<String> {
    let mut text = String::new();
    while !text.ends_with("\r\n.\r\n") {
        if reader.read_line(&mut text)? == 0 {
            break;
        }
    }
    Ok(text)
}

/// The subject; Alertmanager encodes what is not ASCII as quoted-printable words.
fn subject(mail: &str) -> Option<String> {
    let (_, rest) = mail.split_once("Subject: ")?;
    let mut lines = rest.split("\r\n");
    let mut text = lines.next()?.to_owned();
    for line in lines.take_while(|line| line.starts_with(' ')) {
        text.push_str(line);
    }
    let mut subject = String::new();
    for word in text.replace("?= =?", "?==?").split("=?") {
        match word.to_ascii_lowercase().strip_prefix("utf-8?q?") {
            Some(_) => subject.push_str(&quoted_printable(
                word["utf-8?q?".len()..].trim_end_matches("?="),
            )),
            None => subject.push_str(word),
        }
    }
    Some(subject)
}

fn quoted_printable(word: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = word.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'_' => bytes.push(b' '),
            b'=' => {
                let digits = [rest.next(), rest.next()].map(Option::unwrap_or_default);
                let digits = String::from_utf8_lossy(&digits).into_owned();
                bytes.extend(u8::from_str_radix(&digits, 16));
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
