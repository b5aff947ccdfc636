//! One poll: reads from the client, commits the result, and derives the time of the next poll.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::schedule::{FIRST_RATE_LIMIT_WAIT, LONGEST_WAIT};
use super::{Budgets, InsightsOptions, NextPoll, Task, insights, parts};
use crate::clock::{self, Mark};
use crate::domain::account::Loss;
use crate::domain::{Collector, Event, Fact, Source, Timestamp, Word};
use crate::ingest::graph::{Calls, Client, Failure, FailureKind, Listed, Usage, UsageScope};
use crate::store::Store;

/// Delay before a listing that ran out of calls starts again.
const BUDGET_PAUSE: Duration = Duration::from_secs(60);

/// Outcome of a poll.
#[derive(Debug)]
pub(super) struct PollOutcome {
    /// The failure, if the poll is incomplete.
    pub failure: Option<Failure>,
    /// Whether the result is committed. If not, the store reports the reason.
    pub is_stored: bool,
    /// When to poll next.
    pub next: NextPoll,
}

/// The reason of a poll that succeeded but could not be stored.
const NOT_STORED: &str = "not_stored";

impl PollOutcome {
    /// Why the poll failed, as the label of its metric.
    pub fn reason(&self) -> Option<&'static str> {
        let failure = self.failure.as_ref();
        let reason = failure.map(|failure| failure.kind().as_str());
        reason.or((!self.is_stored).then_some(NOT_STORED))
    }
}

/// Polls, commits, and reports.
pub(super) async fn poll(
    task: &Task,
    client: &Client,
    store: &Store,
    budgets: Arc<Mutex<Budgets>>,
    failed_before: Option<FailureKind>,
    insights: Option<InsightsOptions>,
) -> PollOutcome {
    let calls = TaskCalls {
        task,
        budgets,
        has_called: AtomicBool::new(false),
    };
    let began = Mark::now();
    let (fact, failure) = match (task.collector, insights) {
        (Collector::Insights, Some(options)) => {
            read_insights(client, &calls, store, &options).await
        }
        _ => read(task, client, &calls).await,
    };
    let may_be_lost = failure
        .as_ref()
        .is_some_and(|failure| may_be_lost(failure, task, store));
    let is_lost = may_be_lost && failed_before == Some(FailureKind::NotFoundOrHidden);
    let fact = fact.or(is_lost.then_some(Fact::AccountLoss(Loss::Unreadable)));
    let event = fact.map(|fact| Event {
        waba_id: task.waba_id.clone(),
        observed_at: date_of_poll(began, task, store),
        source: Source::Poll,
        fact,
    });
    if let Some(failure) = &failure {
        calls.note_failure(failure);
    }
    let mut commits: Vec<Vec<Event>> = event
        .map(parts::parts)
        .into_iter()
        .flatten()
        .map(|part| vec![part])
        .collect();
    // With the last part, so that it costs no commit of its own. A poll that found nothing has spent calls too.
    let spent = calls.spent();
    match commits.last_mut() {
        Some(last) => last.extend(spent),
        None => commits.extend(spent.map(|event| vec![event])),
    }
    let mut is_stored = true;
    for events in commits {
        is_stored = is_stored && store.commit(events).await.is_ok();
    }
    if is_lost && is_stored {
        tracing::warn!(
            waba_id = %task.waba_id,
            cure = "assign the account to the token's system user again, or remove it from apps[].accounts",
            "account lost; its node can no longer be read"
        );
    }
    let next = match &failure {
        // A single such response may be an error on Meta's side, so the next poll has to confirm it.
        Some(_) if may_be_lost && !is_lost => NextPoll::Retry,
        Some(failure) => next_after(failure, clock::steady()),
        None if is_stored => NextPoll::AtCadence,
        None => NextPoll::Retry,
    };
    PollOutcome {
        failure,
        is_stored,
        next,
    }
}

/// The date of this poll: later than that of the previous poll, whatever the clock reads. Computed at the end of the
/// poll, when its responses have shown Meta's time.
fn date_of_poll(began: Mark, task: &Task, store: &Store) -> Timestamp {
    let account = store.account(&task.waba_id);
    let polls = account
        .as_ref()
        .and_then(|account| account.polls(task.collector));
    let began = began.timestamp();
    polls.map_or(began, |polls| polls.next(began))
}

/// Whether Meta stopped showing an account that was readable before. Meta responds as for an id that never existed,
/// so this is the only sign.
fn may_be_lost(failure: &Failure, task: &Task, store: &Store) -> bool {
    let is_hidden = failure.kind() == FailureKind::NotFoundOrHidden;
    let is_node = task.collector == Collector::Account;
    let account = store
        .account(&task.waba_id)
        .filter(|_| is_hidden && is_node);
    account.is_some_and(|account| {
        account.last_success(task.collector).is_some() && account.lost_since().is_none()
    })
}

async fn read(
    task: &Task,
    client: &Client,
    calls: &TaskCalls<'_>,
) -> (Option<Fact>, Option<Failure>) {
    let waba_id = &task.waba_id;
    match task.collector {
        Collector::Numbers => {
            let Listed { listing, failure } = client.list_numbers(waba_id, calls).await;
            let has_data = listing.complete || !listing.objects.is_empty();
            (has_data.then_some(Fact::NumbersListed(listing)), failure)
        }
        Collector::Templates => {
            let (Listed { listing, failure }, totals) = client.list_templates(waba_id, calls).await;
            let has_data = listing.complete || !listing.objects.is_empty();
            (
                has_data.then_some(Fact::TemplatesListed(listing, totals)),
                failure,
            )
        }
        Collector::Account | Collector::Insights | Collector::Other => {
            match client.read_account(waba_id, calls).await {
                Ok(reading) => (Some(Fact::AccountRead(reading)), None),
                Err(failure) => (None, Some(failure)),
            }
        }
    }
}

/// Reads what is due of the account's insights.
async fn read_insights(
    client: &Client,
    calls: &TaskCalls<'_>,
    store: &Store,
    options: &InsightsOptions,
) -> (Option<Fact>, Option<Failure>) {
    let waba_id = &calls.task.waba_id;
    let Some(account) = store.account(waba_id) else {
        return (None, None);
    };
    let plan = insights::plan(&account, options, clock::now());
    let (snapshot, failure) = insights::read(&plan, client, waba_id, calls).await;
    let has_data = snapshot.complete || snapshot.templates.is_some() || snapshot.numbers.is_some();
    (has_data.then_some(Fact::InsightsRead(snapshot)), failure)
}

/// None of these failures removes state: old values remain, and their age is exported.
fn next_after(failure: &Failure, now: Timestamp) -> NextPoll {
    match failure.kind() {
        FailureKind::RateLimit if failure.is_rate_limit_of_app() => {
            NextPoll::LimitApp(failure.retry_after())
        }
        FailureKind::RateLimit => NextPoll::HoldAccount(failure.retry_after()),
        FailureKind::Token | FailureKind::AppSecret => NextPoll::HoldApp,
        _ if failure.may_pass() => match failure.retry_after() {
            Some(wait) => NextPoll::NotBefore(now.plus(wait)),
            None => NextPoll::Retry,
        },
        FailureKind::BudgetSpent => NextPoll::PutOff(now.plus(BUDGET_PAUSE)),
        _ => NextPoll::AtCadence,
    }
}

/// The budget from the perspective of one poll.
struct TaskCalls<'a> {
    task: &'a Task,
    budgets: Arc<Mutex<Budgets>>,
    has_called: AtomicBool,
}

impl TaskCalls<'_> {
    /// Holds the account after a rate limit. The schedule does so too, but only the budget is stored. If Meta gives no
    /// time, a later owner waits as after a first rate limit.
    fn note_failure(&self, failure: &Failure) {
        if failure.kind() == FailureKind::RateLimit {
            let wait = failure.retry_after().unwrap_or(FIRST_RATE_LIMIT_WAIT);
            let until = clock::steady().plus(wait.min(LONGEST_WAIT));
            self.budgets().for_account(&self.task.waba_id).hold(until);
        }
    }

    /// What the account has spent, by Meta's clock. `None` if this poll has made no call.
    fn spent(&self) -> Option<Event> {
        if !self.has_called.load(Ordering::Relaxed) {
            return None;
        }
        let waba_id = &self.task.waba_id;
        let (now, steady) = (clock::now(), clock::steady());
        let spent = self.budgets().for_account(waba_id).spent(steady);
        let ahead = now.as_millis() - steady.as_millis();
        Some(Event {
            waba_id: waba_id.clone(),
            observed_at: now,
            source: Source::Poll,
            fact: Fact::CallsSpent(spent.on_clock_ahead_by(ahead)),
        })
    }

    fn budgets(&self) -> MutexGuard<'_, Budgets> {
        self.budgets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Calls for TaskCalls<'_> {
    fn may_call(&self) -> bool {
        let taken = self
            .budgets()
            .for_account(&self.task.waba_id)
            .take(self.task.collector, clock::steady());
        self.has_called.fetch_or(taken.is_ok(), Ordering::Relaxed);
        taken.is_ok()
    }

    fn used(&self, usage: &Usage) {
        // The app's usage does not affect this account's quota; a rate limit of the app pauses all its
        // accounts.
        if usage.scope == UsageScope::App {
            return;
        }
        self.budgets().for_account(&self.task.waba_id).note_usage(
            usage.ratio,
            usage.regain_after,
            clock::steady(),
        );
    }
}
