//! A model of PostgreSQL: sessions, advisory locks, row locks, transactions, and a sequence.

use std::collections::BTreeMap;

use whatsapp_business_exporter::cluster::{
    Backend, Epoch, InboxRow, ReplicaId, ReplicaRow, ShardRow, View,
};
use whatsapp_business_exporter::domain::Shard;

use super::rules::Rules;
use super::wire::{Account, Commit, Event, Request, Response};

/// What happens to a statement.
pub enum Outcome {
    Answer(Response),
    /// Another transaction holds the lock of a row.
    Wait,
    /// The transaction is open. It ends later.
    Open,
}

#[derive(Debug)]
enum Open {
    Raise(Shard, Option<Vec<(usize, Account)>>),
    Commit(Commit, Vec<i64>),
}

#[derive(Debug)]
struct Session {
    backend: Backend,
    open: Option<Open>,
    /// The state at the time when the session took a lock.
    loaded: Vec<(usize, Account)>,
}

#[derive(Clone, Debug)]
struct ShardState {
    epoch: Epoch,
    released: bool,
    holder: Option<i32>,
}

#[derive(Debug)]
pub struct Database {
    rules: Rules,
    pub is_up: bool,
    now: u64,
    last_pid: i32,
    last_id: i64,
    sessions: BTreeMap<i32, Session>,
    shards: Vec<ShardState>,
    replicas: BTreeMap<ReplicaId, (Backend, i64, bool)>,
    pub accounts: Vec<Account>,
    pub inbox: BTreeMap<i64, (Shard, Vec<Event>)>,
}

impl Database {
    pub fn new(rules: Rules, shards: usize, accounts: usize) -> Self {
        let shard = ShardState {
            epoch: Epoch(0),
            released: true,
            holder: None,
        };
        Self {
            rules,
            is_up: true,
            now: 0,
            last_pid: 100,
            last_id: 0,
            sessions: BTreeMap::new(),
            shards: vec![shard; shards],
            replicas: BTreeMap::new(),
            accounts: vec![Account::default(); accounts],
            inbox: BTreeMap::new(),
        }
    }

    pub fn shard_of(&self, account: usize) -> Shard {
        shard_of(account, self.shards.len())
    }

    pub fn connect(&mut self, now: u64) -> Option<Backend> {
        if !self.is_up {
            return None;
        }
        self.now = now;
        self.last_pid += 1;
        let backend = Backend {
            pid: self.last_pid,
            started: i64::try_from(now).expect("a short schedule"),
        };
        let session = Session {
            backend,
            open: None,
            loaded: Vec::new(),
        };
        self.sessions.insert(backend.pid, session);
        Some(backend)
    }

    /// Ends a session. A transaction that is open is rolled back, or was already past its commit.
    pub fn end_session(&mut self, pid: i32, is_committed: bool) -> Result<(), String> {
        if is_committed {
            self.finish(pid)?;
        }
        self.sessions.remove(&pid);
        self.lose_locks(pid);
        Ok(())
    }

    /// As with a proxy that gives each statement another session.
    pub fn lose_locks(&mut self, pid: i32) {
        for shard in &mut self.shards {
            shard.holder = shard.holder.filter(|holder| *holder != pid);
        }
    }

    pub fn pids(&self) -> Vec<i32> {
        self.sessions.keys().copied().collect()
    }

    pub fn is_open(&self) -> bool {
        self.sessions.values().any(|session| session.open.is_some())
    }

    /// Whether another session's transaction holds the lock of the row of a shard.
    fn is_locked(&self, shard: Shard, pid: i32) -> bool {
        self.sessions.iter().any(|(other, session)| {
            *other != pid
                && match &session.open {
                    Some(Open::Raise(raised, _)) => *raised == shard,
                    Some(Open::Commit(commit, _)) => {
                        self.rules.fence && commit.fences.iter().any(|(fenced, _)| *fenced == shard)
                    }
                    None => false,
                }
        })
    }

    fn state(&mut self, shard: Shard) -> &mut ShardState {
        &mut self.shards[usize::from(shard.0)]
    }

    fn load(&self, shard: Shard) -> Vec<(usize, Account)> {
        let accounts = self.accounts.iter().cloned().enumerate();
        accounts
            .filter(|(account, _)| self.shard_of(*account) == shard)
            .collect()
    }

    /// A statement or the statements of a transaction, up to its commit. Has one arm for each request, and is therefore
    /// long.
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each step of the protocol"
    )]
    pub fn execute(&mut self, pid: i32, request: &Request) -> Outcome {
        if !self.sessions.contains_key(&pid) {
            return Outcome::Answer(Response::Lost);
        }
        let open = match request {
            Request::Heartbeat { id, beat, leaving } => {
                let backend = self.sessions[&pid].backend;
                self.replicas.insert(*id, (backend, *beat, *leaving));
                return Outcome::Answer(Response::View(self.view(backend)));
            }
            Request::TryLock(shard) => {
                let loaded = self.load(*shard);
                let state = self.state(*shard);
                let is_free = state.holder.is_none();
                if is_free {
                    state.holder = Some(pid);
                    self.session(pid).loaded = loaded;
                }
                return Outcome::Answer(Response::Locked(is_free));
            }
            Request::MarkReleased {
                shard,
                epoch,
                released,
            } => {
                if self.is_locked(*shard, pid) {
                    return Outcome::Wait;
                }
                let state = self.state(*shard);
                if state.epoch == *epoch {
                    state.released = *released;
                }
                return Outcome::Answer(Response::Done);
            }
            Request::Unlock(shard) => {
                let state = self.state(*shard);
                state.holder = state.holder.filter(|holder| *holder != pid);
                return Outcome::Answer(Response::Done);
            }
            Request::Terminate(_) => return Outcome::Answer(Response::Done),
            Request::Select(shards) => {
                let rows = self.inbox.iter();
                let rows = rows.filter(|(_, (shard, _))| shards.contains(shard));
                let rows = rows.map(|(id, (shard, events))| InboxRow {
                    id: *id,
                    shard: *shard,
                    events: events.clone(),
                });
                return Outcome::Answer(Response::Rows(rows.collect()));
            }
            Request::Raise(shard) => {
                if self.is_locked(*shard, pid) {
                    return Outcome::Wait;
                }
                let early = (!self.rules.load_after_raise)
                    .then(|| std::mem::take(&mut self.session(pid).loaded));
                Open::Raise(*shard, early)
            }
            Request::Commit(commit) => {
                if commit
                    .fences
                    .iter()
                    .any(|(shard, _)| self.is_locked(*shard, pid))
                {
                    return Outcome::Wait;
                }
                let fenced = commit.fences.iter().filter(|(shard, epoch)| {
                    self.rules.fence && self.shards[usize::from(shard.0)].epoch != *epoch
                });
                let fenced: Vec<_> = fenced.map(|(shard, _)| *shard).collect();
                if !fenced.is_empty() {
                    return Outcome::Answer(Response::Fenced(fenced));
                }
                // The sequence is outside of transactions.
                let ids = commit.inserts.iter().map(|_| {
                    self.last_id += 1;
                    self.last_id
                });
                let ids = ids.collect();
                Open::Commit(commit.clone(), ids)
            }
        };
        self.session(pid).open = Some(open);
        Outcome::Open
    }

    fn session(&mut self, pid: i32) -> &mut Session {
        self.sessions.get_mut(&pid).expect("a session")
    }

    /// The session that a backend still has.
    pub fn session_of(&self, backend: Backend) -> Option<i32> {
        let session = self.sessions.get(&backend.pid);
        session
            .filter(|session| session.backend == backend)
            .map(|session| session.backend.pid)
    }

    /// The commit of an open transaction.
    pub fn finish(&mut self, pid: i32) -> Result<Option<Response>, String> {
        let Some(session) = self.sessions.get_mut(&pid) else {
            return Ok(None);
        };
        match session.open.take() {
            None => Ok(None),
            Some(Open::Raise(shard, early)) => {
                let accounts = early.unwrap_or_else(|| self.load(shard));
                let state = self.state(shard);
                state.epoch.0 += 1;
                Ok(Some(Response::Raised {
                    epoch: state.epoch,
                    released: std::mem::replace(&mut state.released, false),
                    accounts,
                }))
            }
            Some(Open::Commit(commit, ids)) => {
                self.apply(commit, ids)?;
                Ok(Some(Response::Committed))
            }
        }
    }

    fn apply(&mut self, commit: Commit, ids: Vec<i64>) -> Result<(), String> {
        for (shard, epoch) in &commit.fences {
            let current = self.shards[usize::from(shard.0)].epoch;
            if current != *epoch {
                return Err(format!(
                    "{shard:?} was written by {epoch:?}, not {current:?}"
                ));
            }
        }
        for written in commit.written {
            let account = &mut self.accounts[written.account];
            account.count = written.count;
            account.keys.extend(written.keys);
            if account.count != account.keys.len() as u64 {
                return Err(format!(
                    "account {} counts {} of {:?}",
                    written.account, account.count, account.keys
                ));
            }
        }
        if self.rules.delete_by_id {
            for id in commit.deletes {
                if self.inbox.remove(&id).is_none() {
                    return Err(format!("inbox row {id} was applied before"));
                }
            }
        } else {
            let last = commit.deletes.iter().max().copied().unwrap_or_default();
            let shards = commit.fences.iter().map(|(shard, _)| *shard);
            let shards: Vec<_> = shards.collect();
            self.inbox
                .retain(|id, (shard, _)| *id > last || !shards.contains(shard));
        }
        self.inbox.extend(ids.into_iter().zip(commit.inserts));
        Ok(())
    }

    fn view(&self, reader: Backend) -> View {
        let replicas = self.replicas.iter();
        let replicas = replicas.map(|(id, (backend, beat, leaving))| ReplicaRow {
            id: *id,
            backend: *backend,
            beat: *beat,
            connected: self.session_of(*backend).is_some(),
            leaving: *leaving,
        });
        let shards = (0..).zip(&self.shards).map(|(shard, state)| ShardRow {
            shard: Shard(shard),
            epoch: state.epoch,
            holder: state.holder.map(|pid| self.sessions[&pid].backend),
        });
        View {
            reader,
            replicas: replicas.collect(),
            shards: shards.collect(),
        }
    }
}

/// Accounts are spread over the shards in turn.
pub fn shard_of(account: usize, shards: usize) -> Shard {
    Shard(u16::try_from(account % shards).expect("few shards"))
}
