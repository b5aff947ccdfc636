//! The rules of the model. All hold in production; tests break one to show that the simulation finds it.

#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Milliseconds of the lease, instead of the one of production.
    pub lease: Option<u64>,
    /// Commits check the epoch.
    pub fence: bool,
    /// A commit deletes the inbox rows that it applied, and not all up to the largest id.
    pub delete_by_id: bool,
    /// Rows of the inbox are applied before the next heartbeat, or read again.
    pub fresh_rows: bool,
    /// Keys that were counted are not counted again.
    pub dedupe: bool,
    /// A new owner waits for the lease of its predecessor.
    pub hold_off: bool,
    /// An owner in the hold-off does not mark the shard as released.
    pub pass_hold_off_on: bool,
    /// The lease is checked again before the first byte.
    pub recheck: bool,
    /// A response that became invalid is reduced, and not rendered with a new permit.
    pub narrow: bool,
    /// A shard is removed from the exports before the release is written to the database.
    pub publish_first: bool,
    /// A delivery is acknowledged after the commit.
    pub commit_first: bool,
    /// The state is loaded after the epoch is raised, and not with the lock.
    pub load_after_raise: bool,
    /// After an unknown outcome, the state in memory does not count.
    pub reload: bool,
}

impl Rules {
    pub const PRODUCTION: Self = Self {
        lease: None,
        fence: true,
        delete_by_id: true,
        fresh_rows: true,
        dedupe: true,
        hold_off: true,
        pass_hold_off_on: true,
        recheck: true,
        narrow: true,
        publish_first: true,
        commit_first: true,
        load_after_raise: true,
        reload: true,
    };
}
