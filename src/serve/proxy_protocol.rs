//! Parses the PROXY protocol header, version 1 or 2, in which a proxy sends the address of its client.

use std::io::{self, ErrorKind};
use std::net::IpAddr;

use proxy_header::{ParseConfig, ProxyHeader};
use tokio::io::{AsyncRead, AsyncReadExt};

/// First bytes of version 2.
const SIGNATURE: [u8; START] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Bytes to read first, for either version: the signature of version 2. The shortest header of version 1 has 15
/// bytes.
const START: usize = 12;

/// Length of the rest of version 2's fixed part: version, command, family and length.
const REST_OF_HEAD: usize = 4;

/// Maximum length of the line of version 1.
const MAX_LINE: usize = 107;

/// Maximum length of the addresses and further fields of version 2. HAProxy's own limit is lower.
const MAX_FIELDS: usize = 4096;

/// Reads exactly the header. `None` if the connection belongs to the proxy itself, such as a health check, or if the
/// protocol is unknown.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<IpAddr>> {
    let mut header = vec![0; START];
    stream.read_exact(&mut header).await?;
    if header == SIGNATURE {
        read_fields(stream, &mut header).await?;
    } else {
        read_line(stream, &mut header).await?;
    }
    let parsed = ProxyHeader::parse(&header, ParseConfig::default());
    let (parsed, length) = parsed.map_err(|_| invalid())?;
    if length != header.len() {
        return Err(invalid());
    }
    Ok(parsed.proxied_address().map(|it| it.source.ip()))
}

async fn read_fields(
    stream: &mut (impl AsyncRead + Unpin),
    header: &mut Vec<u8>,
) -> io::Result<()> {
    let mut rest = [0; REST_OF_HEAD];
    stream.read_exact(&mut rest).await?;
    header.extend(rest);
    let [_, _, high, low] = rest;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > MAX_FIELDS {
        return Err(invalid());
    }
    let start = header.len();
    header.resize(start + length, 0);
    stream.read_exact(&mut header[start..]).await?;
    Ok(())
}

async fn read_line(stream: &mut (impl AsyncRead + Unpin), header: &mut Vec<u8>) -> io::Result<()> {
    if !header.starts_with(b"PROXY ") {
        return Err(invalid());
    }
    // Byte by byte, because what follows the line belongs to TLS or HTTP.
    while !header.ends_with(b"\r\n") {
        if header.len() == MAX_LINE {
            return Err(invalid());
        }
        header.push(stream.read_u8().await?);
    }
    Ok(())
}

fn invalid() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "no PROXY protocol header")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v2(command: u8, family: u8, fields: &[u8]) -> Vec<u8> {
        let length = u16::try_from(fields.len()).expect("short").to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, fields].concat()
    }

    async fn read_all(bytes: &[u8]) -> (io::Result<Option<IpAddr>>, Vec<u8>) {
        let mut rest = bytes;
        let outcome = read(&mut rest).await;
        (outcome, rest.to_vec())
    }

    #[tokio::test]
    async fn both_versions_give_the_client_and_leave_the_rest_unread() {
        let v4 = [&[192, 0, 2, 9, 10, 0, 0, 1, 1, 2, 3, 4][..], &[4, 0, 1, 0]].concat();
        let v6 = [[0x20; 16], [1; 16]].concat();
        let v6 = [&v6[..], &[1, 2, 3, 4]].concat();
        let cases: [(Vec<u8>, Option<&str>); 8] = [
            (
                b"PROXY TCP4 192.0.2.9 10.0.0.1 4711 443\r\n".to_vec(),
                Some("192.0.2.9"),
            ),
            (
                b"PROXY TCP6 2001:db8::9 ::1 4711 443\r\n".to_vec(),
                Some("2001:db8::9"),
            ),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (v2(0x21, 0x11, &v4), Some("192.0.2.9")),
            (
                v2(0x21, 0x21, &v6),
                Some("2020:2020:2020:2020:2020:2020:2020:2020"),
            ),
            (v2(0x20, 0x11, &v4), None),
            (v2(0x20, 0x00, &[]), None),
            (v2(0x21, 0x00, &[]), None),
        ];
        for (header, expected) in cases {
            let (outcome, rest) = read_all(&[&header, &b"GET / HTTP/1.1\r\n"[..]].concat()).await;
            let expected = expected.map(|text| text.parse().expect(text));
            assert_eq!(outcome.expect("a header"), expected, "{header:?}");
            assert_eq!(rest, b"GET / HTTP/1.1\r\n");
        }
    }

    #[tokio::test]
    async fn other_data_is_refused_within_the_limits() {
        let endless = [&b"PROXY TCP4 "[..], &[b'1'; 10_000]].concat();
        let long = v2(0x21, 0x11, &vec![0; MAX_FIELDS + 1]);
        for bad in [
            &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
            b"PROXY TCP4 192.0.2.9\r\n",
            b"PROXY TCP4 nine ten 1 2\r\n",
            b"PROX",
            b"",
            &SIGNATURE[..6],
            &v2(0x91, 0x11, &[0; 12]),
            &v2(0x21, 0x11, &[1, 2]),
            &endless,
            &long,
        ] {
            assert!(read_all(bad).await.0.is_err(), "{bad:?}");
        }
        let (_, rest) = read_all(&endless).await;
        assert_eq!(rest.len(), endless.len() - MAX_LINE);
    }
}
