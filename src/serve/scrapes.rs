//! Renders `/metrics`. All scrapes that arrive during a rendering share the next one.
//!
//! Invariant: a scrape shows everything that was committed before it began. It therefore never joins a rendering that
//! has already begun, only the next one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit, watch};

use super::responses::{HeldBytes, ResponseBudget, gzip, tight};
use crate::expose::{Selection, TextFormat};
use crate::store::ExportPermit;

/// Maximum number of concurrent renderings. One leaves the other processors to webhooks; waiting scrapes share the
/// next rendering.
const MAX_RENDERINGS: usize = 1;

/// Maximum number of variants that wait for their rendering: two Prometheus servers that scrape the most parts.
/// Parameters have thousands of combinations, and each would hold a place in the queue of all others.
const MAX_WAITING: usize = 128;

/// The variants of a scrape: format, whether it is compressed, and what it selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ScrapeVariant {
    pub format: TextFormat,
    pub gzip: bool,
    pub selection: Selection,
}

/// Why there is no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScrapeError {
    /// The rendering failed.
    Failed,
    /// Too many other variants wait.
    TooManyVariants,
}

/// The text of a page, and its export permit.
#[derive(Debug)]
pub(super) struct RenderedText {
    pub text: String,
    pub permit: ExportPermit,
}

/// A rendered page.
#[derive(Clone, Debug)]
pub(super) struct ScrapedPage {
    pub bytes: Arc<HeldBytes>,
    /// The export permit when its rendering began.
    pub permit: ExportPermit,
}

/// `None` until rendered. Then the page, or an inner `None` if the rendering failed.
type Rendered = Option<Option<ScrapedPage>>;

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

    /// A page whose rendering begins after this call.
    pub async fn page(
        &self,
        variant: ScrapeVariant,
        render: impl FnOnce() -> RenderedText + Send + 'static,
    ) -> Result<ScrapedPage, ScrapeError> {
        let outcome = self.join_next(variant, render);
        let mut outcome = outcome.ok_or(ScrapeError::TooManyVariants)?;
        let rendered = outcome.wait_for(Option::is_some).await;
        let rendered = rendered.map_err(|_| ScrapeError::Failed)?;
        rendered.clone().flatten().ok_or(ScrapeError::Failed)
    }

    /// A page that no other scrape shares.
    pub async fn own_page(
        &self,
        variant: ScrapeVariant,
        render: impl FnOnce() -> RenderedText + Send + 'static,
    ) -> Result<ScrapedPage, ScrapeError> {
        let turn = self.turns.acquire().await;
        self.render_in_turn(variant, render, turn.ok())
            .await
            .ok_or(ScrapeError::Failed)
    }

    /// The next rendering of the variant. `None` if too many others wait.
    fn join_next(
        &self,
        variant: ScrapeVariant,
        render: impl FnOnce() -> RenderedText + Send + 'static,
    ) -> Option<watch::Receiver<Rendered>> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = next.get(&variant) {
            return Some(outcome.clone());
        }
        if next.len() >= MAX_WAITING {
            return None;
        }
        let (sender, outcome) = watch::channel(None);
        next.insert(variant, outcome.clone());
        // A separate task, because the scraper that came first may disconnect while others wait.
        let scrapes = self.clone();
        tokio::spawn(async move {
            let page = scrapes.render(variant, render).await;
            drop(sender.send(Some(page)));
        });
        Some(outcome)
    }

    fn close(&self, variant: ScrapeVariant) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        next.remove(&variant);
    }

    async fn render(
        &self,
        variant: ScrapeVariant,
        render: impl FnOnce() -> RenderedText + Send + 'static,
    ) -> Option<ScrapedPage> {
        let turn = self.turns.acquire().await;
        // No scrape joins this rendering from here on.
        self.close(variant);
        self.render_in_turn(variant, render, turn.ok()).await
    }

    async fn render_in_turn(
        &self,
        variant: ScrapeVariant,
        render: impl FnOnce() -> RenderedText + Send + 'static,
        turn: Option<SemaphorePermit<'_>>,
    ) -> Option<ScrapedPage> {
        let rendering = tokio::task::spawn_blocking(move || {
            let RenderedText { text, permit } = render();
            let bytes: Bytes = match variant.gzip {
                true => gzip(text.as_bytes()),
                false => tight(text.into_bytes()),
            };
            (bytes, permit)
        });
        let (bytes, permit) = rendering.await.ok()?;
        // The turn is kept, so that no further page is rendered while this one waits for memory.
        let bytes = self.budget.hold(bytes).await;
        drop(turn);
        Some(ScrapedPage { bytes, permit })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use axum::body::to_bytes;
    use tokio::task::JoinHandle;

    use super::*;

    impl From<String> for RenderedText {
        fn from(text: String) -> Self {
            let permit = ExportPermit::default();
            Self { text, permit }
        }
    }

    fn part(text: &str) -> ScrapeVariant {
        ScrapeVariant {
            format: TextFormat::Text,
            gzip: false,
            selection: Selection::parse([("part", text)].into_iter()).expect("a part"),
        }
    }

    fn plain() -> ScrapeVariant {
        ScrapeVariant {
            format: TextFormat::Text,
            gzip: false,
            selection: Selection::default(),
        }
    }

    async fn text(page: Result<ScrapedPage, ScrapeError>) -> String {
        let body = page.expect("a page").bytes.body(None);
        let bytes = to_bytes(body, usize::MAX).await.expect("bytes");
        String::from_utf8(bytes.to_vec()).expect("text")
    }

    /// A rendering that has begun and goes on until it is released.
    async fn long_rendering(
        scrapes: &Scrapes,
        text: impl FnOnce() -> String + Send + 'static,
    ) -> (
        mpsc::Sender<()>,
        JoinHandle<Result<ScrapedPage, ScrapeError>>,
    ) {
        let (begun, has_begun) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let scrapes = scrapes.clone();
        let page = tokio::spawn(async move {
            let render = move || {
                let text = text();
                begun.send(()).expect("the test waits");
                released.recv().expect("the test releases");
                text.into()
            };
            scrapes.page(plain(), render).await
        });
        tokio::task::spawn_blocking(move || has_begun.recv().expect("it begins"))
            .await
            .expect("no panic");
        (release, page)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn scrapes_during_a_rendering_share_the_next_one() {
        let scrapes = Scrapes::new(ResponseBudget::default());
        let state = Arc::new(AtomicUsize::new(0));
        let rendered = Arc::new(AtomicUsize::new(0));
        let seen = state.clone();
        let (release, first) =
            long_rendering(&scrapes, move || seen.load(Ordering::SeqCst).to_string()).await;
        // A commit that is acknowledged after the rendering has begun, and before these scrapes.
        state.store(7, Ordering::SeqCst);
        let later: Vec<_> = (0..50)
            .map(|_| {
                let (state, rendered) = (state.clone(), rendered.clone());
                let render = move || {
                    rendered.fetch_add(1, Ordering::SeqCst);
                    state.load(Ordering::SeqCst).to_string().into()
                };
                scrapes.join_next(plain(), render).expect("there is room")
            })
            .collect();
        release.send(()).expect("it waits");
        assert_eq!(text(first.await.expect("no panic")).await, "0");
        for mut outcome in later {
            let page = outcome
                .wait_for(Option::is_some)
                .await
                .expect("it ends")
                .clone();
            assert_eq!(text(page.flatten().ok_or(ScrapeError::Failed)).await, "7");
        }
        assert_eq!(rendered.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn variants_are_rendered_separately_and_a_failure_is_not_kept() {
        let scrapes = Scrapes::new(ResponseBudget::default());
        let compressed = ScrapeVariant {
            gzip: true,
            ..plain()
        };
        let page = scrapes.page(compressed, || "x".repeat(10_000).into()).await;
        let body = page.expect("a page").bytes.body(None);
        assert!(to_bytes(body, usize::MAX).await.expect("bytes").len() < 200);
        let failed = scrapes.page(plain(), || panic!("a bug")).await;
        assert_eq!(failed.err(), Some(ScrapeError::Failed));
        for variant in [plain(), part("1/2"), part("2/2")] {
            let page = scrapes.page(variant, move || format!("{:?}", variant.selection).into());
            assert_eq!(text(page.await).await, format!("{:?}", variant.selection));
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn too_many_waiting_variants_are_refused_and_equal_ones_still_join() {
        let scrapes = Scrapes::new(ResponseBudget::default());
        let (release, first) = long_rendering(&scrapes, String::new).await;
        let parts = (2..=64).flat_map(|of| (1..=of).map(move |number| format!("{number}/{of}")));
        let variants: Vec<_> = parts
            .map(|text| part(&text))
            .take(MAX_WAITING + 1)
            .collect();
        let (waiting, surplus) = variants.split_at(MAX_WAITING);
        for variant in waiting {
            let waits = scrapes.join_next(*variant, || String::new().into());
            assert!(waits.is_some());
        }
        let refused = scrapes.page(surplus[0], || String::new().into()).await;
        assert_eq!(refused.err(), Some(ScrapeError::TooManyVariants));
        let joined = scrapes.join_next(waiting[0], || panic!("another renders it"));
        release.send(()).expect("it waits");
        let mut joined = joined.expect("an equal one waits");
        let page = joined.wait_for(Option::is_some).await.expect("it ends");
        assert!(page.as_ref().is_some_and(Option::is_some));
        assert_eq!(text(first.await.expect("no panic")).await, "");
    }
}
