//! Reads the bodies of requests within limits of size, time and memory.
//!
//! Meta's deliveries may have 3 MB and mostly have 1 KB. What is small is read at once; what is large
//! takes room, as it arrives, from a store of memory that all large bodies share.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Meta wants its answer within 10 s or so, and sends a body at once.
const MOST_TIME: Duration = Duration::from_secs(20);

/// What every body may have without asking.
const SMALL: usize = 64 * 1024;

/// Of all large bodies together, in bytes: thirty of Meta's largest.
const ROOM: usize = 96 * 1024 * 1024;

/// The memory that large bodies share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Room(Arc<Semaphore>);

/// A body, and its part of the room until it is dropped.
#[derive(Debug)]
pub(super) struct Whole {
    pub bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

/// Why there is no whole body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotWhole {
    /// It is over the limit.
    TooLarge,
    /// The other side went away.
    BrokenOff,
    /// It took too long, or there was no room for it for so long.
    TooSlow,
}

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM)))
    }
}

impl Room {
    /// The whole body, of `limit` bytes at most.
    pub(super) async fn read(&self, body: Body, limit: usize) -> Result<Whole, NotWhole> {
        let reading = self.read_patiently(body, limit);
        timeout(MOST_TIME, reading)
            .await
            .unwrap_or(Err(NotWhole::TooSlow))
    }

    async fn read_patiently(&self, mut body: Body, limit: usize) -> Result<Whole, NotWhole> {
        use axum::body::HttpBody;
        if body.size_hint().lower() > limit as u64 {
            return Err(NotWhole::TooLarge);
        }
        let mut bytes = BytesMut::new();
        let mut room: Option<OwnedSemaphorePermit> = None;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| NotWhole::BrokenOff)?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if bytes.len() + data.len() > limit {
                return Err(NotWhole::TooLarge);
            }
            bytes.extend_from_slice(&data);
            let has = SMALL + room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
            if bytes.len() > has {
                // As much again as there is, as the buffer itself grows.
                let more = u32::try_from(bytes.len()).expect("bodies are limited to megabytes");
                let more = Arc::clone(&self.0).acquire_many_owned(more).await;
                let more = more.expect("the room is never closed");
                match &mut room {
                    Some(room) => room.merge(more),
                    None => room = Some(more),
                }
            }
        }
        let bytes = bytes.freeze();
        Ok(Whole { bytes, _room: room })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(length: usize) -> Body {
        Body::from(vec![b'x'; length])
    }

    #[tokio::test]
    async fn bodies_have_a_limit() {
        let room = Room::default();
        let whole = room.read(of(10), 10).await.expect("just fits");
        assert_eq!(whole.bytes.len(), 10);
        assert_eq!(room.read(of(11), 10).await.err(), Some(NotWhole::TooLarge));
        assert_eq!(
            room.read(Body::empty(), 0).await.map(|it| it.bytes.len()),
            Ok(0)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn large_ones_wait_for_room_and_small_ones_do_not() {
        let room = Room::default();
        let large = 4 * 1024 * 1024;
        let mut held = Vec::new();
        while room.0.available_permits() >= large {
            held.push(room.read(of(large), large).await.expect("room"));
        }
        assert_eq!(held.len(), ROOM / large);
        assert!(room.read(of(SMALL), large).await.is_ok());
        assert_eq!(
            room.read(of(large), large).await.err(),
            Some(NotWhole::TooSlow)
        );
        held.pop();
        assert!(room.read(of(large), large).await.is_ok());
    }
}
