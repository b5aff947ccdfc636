//! Renders `/metrics`, once for all scrapes that arrive during a rendering.
//!
//! Invariant: a scrape shows everything that was committed before it began. It therefore never joins a rendering that
//! has already begun, only the next one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{Semaphore, watch};

use super::responses::{HeldBytes, ResponseBudget, gzip, tight};
use crate::expose::Format;

/// Pages rendered at the same time. One leaves the other processors to webhooks; who waits shares the next.
const MAX_RENDERINGS: usize = 1;

/// The variants of a scrape: format, and whether it is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Variant {
    pub format: Format,
    pub gzip: bool,
}

/// `None` until it is rendered; then the page, or `None` if the rendering failed.
type Outcome = Option<Option<Arc<HeldBytes>>>;

/// The renderings of the process. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Scrapes {
    budget: ResponseBudget,
    /// Renderings that have not begun.
    next: Arc<Mutex<HashMap<Variant, watch::Receiver<Outcome>>>>,
    turns: Arc<Semaphore>,
}

impl Scrapes {
    pub fn new(budget: ResponseBudget) -> Self {
        Self {
            budget,
            next: Arc::default(),
            turns: Arc::new(Semaphore::new(MAX_RENDERINGS)),
        }
    }

    /// A page that is rendered from now on; `None` if that fails.
    pub async fn page(
        &self,
        variant: Variant,
        render: impl FnOnce(Format) -> String + Send + 'static,
    ) -> Option<Arc<HeldBytes>> {
        let mut outcome = self.join_next(variant, render);
        let rendered = outcome.wait_for(Option::is_some).await.ok()?;
        rendered.clone().flatten()
    }

    fn join_next(
        &self,
        variant: Variant,
        render: impl FnOnce(Format) -> String + Send + 'static,
    ) -> watch::Receiver<Outcome> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = next.get(&variant) {
            return outcome.clone();
        }
        let (sender, outcome) = watch::channel(None);
        next.insert(variant, outcome.clone());
        // A task of its own: the scraper that came first may leave, and others wait.
        let scrapes = self.clone();
        tokio::spawn(async move {
            let page = scrapes.render(variant, render).await;
            drop(sender.send(Some(page)));
        });
        outcome
    }

    fn close(&self, variant: Variant) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        next.remove(&variant);
    }

    async fn render(
        &self,
        variant: Variant,
        render: impl FnOnce(Format) -> String + Send + 'static,
    ) -> Option<Arc<HeldBytes>> {
        let turn = self.turns.acquire().await;
        // No scrape joins from here on.
        self.close(variant);
        let rendering = tokio::task::spawn_blocking(move || {
            let text = render(variant.format);
            if variant.gzip {
                gzip(text.as_bytes())
            } else {
                tight(text.into_bytes())
            }
        });
        let bytes: Bytes = rendering.await.ok()?;
        // Still its turn: no further page is made while this one waits for memory.
        let held = self.budget.hold(bytes).await;
        drop(turn);
        Some(held)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use axum::body::to_bytes;

    use super::*;

    const PLAIN: Variant = Variant {
        format: Format::Text,
        gzip: false,
    };

    async fn text(page: Option<Arc<HeldBytes>>) -> String {
        let body = page.expect("a page").body(None);
        let bytes = to_bytes(body, usize::MAX).await.expect("bytes");
        String::from_utf8(bytes.to_vec()).expect("text")
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn all_who_come_during_a_rendering_share_the_next_and_never_join_it() {
        let scrapes = Scrapes::new(ResponseBudget::default());
        let state = Arc::new(AtomicUsize::new(0));
        let rendered = Arc::new(AtomicUsize::new(0));
        let (begun, has_begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let first = tokio::spawn({
            let (scrapes, state, rendered) = (scrapes.clone(), state.clone(), rendered.clone());
            async move {
                let page = scrapes.page(PLAIN, move |_| {
                    let seen = state.load(Ordering::SeqCst);
                    begun.send(()).expect("the test waits");
                    released.recv().expect("the test releases");
                    rendered.fetch_add(1, Ordering::SeqCst);
                    seen.to_string()
                });
                text(page.await).await
            }
        });
        tokio::task::spawn_blocking(move || has_begun.recv().expect("it begins"))
            .await
            .expect("no panic");
        // A commit after the rendering has begun, and acknowledged before these scrapes.
        state.store(7, Ordering::SeqCst);
        let later: Vec<_> = (0..50)
            .map(|_| {
                let (state, rendered) = (state.clone(), rendered.clone());
                scrapes.join_next(PLAIN, move |_| {
                    rendered.fetch_add(1, Ordering::SeqCst);
                    state.load(Ordering::SeqCst).to_string()
                })
            })
            .collect();
        release.send(()).expect("it waits");
        assert_eq!(first.await.expect("no panic"), "0");
        for mut outcome in later {
            let page = outcome
                .wait_for(Option::is_some)
                .await
                .expect("it ends")
                .clone();
            assert_eq!(text(page.flatten()).await, "7");
        }
        assert_eq!(rendered.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn variants_are_rendered_apart_and_failures_end_with_their_scrape() {
        let scrapes = Scrapes::new(ResponseBudget::default());
        let compressed = Variant {
            gzip: true,
            ..PLAIN
        };
        let page = scrapes.page(compressed, |_| "x".repeat(10_000)).await;
        let body = page.expect("a page").body(None);
        assert!(to_bytes(body, usize::MAX).await.expect("bytes").len() < 200);
        assert!(scrapes.page(PLAIN, |_| panic!("a bug")).await.is_none());
        assert_eq!(
            text(scrapes.page(PLAIN, |_| "well".to_owned()).await).await,
            "well"
        );
    }
}
