//! Renders `/metrics`. All scrapes that arrive during a rendering share the next one.
//!
//! Invariant: a scrape shows everything that was committed before it began. It therefore never joins a rendering that
//! has already begun, only the next one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{Semaphore, watch};

use super::responses::{HeldBytes, ResponseBudget, gzip, tight};
use crate::expose::TextFormat;

/// Maximum number of concurrent renderings. One leaves the other processors to webhooks; waiting scrapes share the
/// next rendering.
const MAX_RENDERINGS: usize = 1;

/// The variants of a scrape: format, and whether it is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ScrapeVariant {
    pub format: TextFormat,
    pub gzip: bool,
}

/// `None` until rendered. Then the page, or an inner `None` if the rendering failed.
type Rendered = Option<Option<Arc<HeldBytes>>>;

/// The renderings of the process. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Scrapes {
    budget: ResponseBudget,
    /// Renderings that have not begun.
    next: Arc<Mutex<HashMap<ScrapeVariant, watch::Receiver<Rendered>>>>,
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

    /// A page whose rendering begins after this call. `None` if the rendering fails.
    pub async fn page(
        &self,
        variant: ScrapeVariant,
        render: impl FnOnce(TextFormat) -> String + Send + 'static,
    ) -> Option<Arc<HeldBytes>> {
        let mut outcome = self.join_next(variant, render);
        let rendered = outcome.wait_for(Option::is_some).await.ok()?;
        rendered.clone().flatten()
    }

    fn join_next(
        &self,
        variant: ScrapeVariant,
        render: impl FnOnce(TextFormat) -> String + Send + 'static,
    ) -> watch::Receiver<Rendered> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = next.get(&variant) {
            return outcome.clone();
        }
        let (sender, outcome) = watch::channel(None);
        next.insert(variant, outcome.clone());
        // A separate task, because the scraper that came first may disconnect while others wait.
        let scrapes = self.clone();
        tokio::spawn(async move {
            let page = scrapes.render(variant, render).await;
            drop(sender.send(Some(page)));
        });
        outcome
    }

    fn close(&self, variant: ScrapeVariant) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        next.remove(&variant);
    }

    async fn render(
        &self,
        variant: ScrapeVariant,
        render: impl FnOnce(TextFormat) -> String + Send + 'static,
    ) -> Option<Arc<HeldBytes>> {
        let turn = self.turns.acquire().await;
        // No scrape joins this rendering from here on.
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
        // The turn is kept, so that no further page is rendered while this one waits for memory.
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

    const PLAIN: ScrapeVariant = ScrapeVariant {
        format: TextFormat::Text,
        gzip: false,
    };

    async fn text(page: Option<Arc<HeldBytes>>) -> String {
        let body = page.expect("a page").body(None);
        let bytes = to_bytes(body, usize::MAX).await.expect("bytes");
        String::from_utf8(bytes.to_vec()).expect("text")
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn scrapes_during_a_rendering_share_the_next_one() {
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
        // A commit that is acknowledged after the rendering has begun, and before these scrapes.
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
    async fn variants_are_rendered_separately_and_a_failure_is_not_kept() {
        let scrapes = Scrapes::new(ResponseBudget::default());
        let compressed = ScrapeVariant {
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
