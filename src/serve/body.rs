//! Reads the bodies of requests within limits of size, time and memory.
//!
//! Meta's deliveries may have 3 MB and mostly have 1 KB. What is small is read at once; what is large
//! takes room, as it arrives, from a store of memory that all large bodies share.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
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
        let mut bytes = BytesMut::new();
        let mut room = None;
        while let Some(data) = next(&mut body).await? {
            if bytes.len() + data.len() > limit {
                return Err(too_large(body, limit).await);
            }
            if room.is_none() && bytes.len() + data.len() > SMALL {
                // All that it may need at once: who holds a part and waits for more waits for others who do.
                room = Some(
                    self.take(most(&body, bytes.len() + data.len(), limit))
                        .await,
                );
            }
            bytes.extend_from_slice(&data);
        }
        let bytes = bytes.freeze();
        Ok(Whole { bytes, _room: room })
    }

    async fn take(&self, size: usize) -> OwnedSemaphorePermit {
        let permits = u32::try_from(size).expect("bodies are limited to megabytes");
        let taken = Arc::clone(&self.0).acquire_many_owned(permits).await;
        taken.expect("the room is never closed")
    }
}

async fn next(body: &mut Body) -> Result<Option<Bytes>, NotWhole> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| NotWhole::BrokenOff)?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// How long the body gets at most, by what is left of it.
fn most(body: &Body, so_far: usize, limit: usize) -> usize {
    let left = body.size_hint().upper();
    let left = left.and_then(|left| usize::try_from(left).ok());
    left.map_or(limit, |left| so_far.saturating_add(left).min(limit))
}

/// Reads on for a while without keeping anything: who is still sending would not see the answer.
async fn too_large(mut body: Body, limit: usize) -> NotWhole {
    let mut read = 0;
    while let Ok(Some(data)) = next(&mut body).await {
        read += data.len();
        if read > limit {
            break;
        }
    }
    NotWhole::TooLarge
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
