//! Routing and the inbox.

use super::super::*;
use crate::domain::Shard;

#[test]
fn events_of_other_shards_go_to_their_inboxes_in_order() {
    let items = [(1, 'a'), (2, 'b'), (1, 'c'), (3, 'd'), (2, 'e')];
    let routed = route(items, |item| Shard(item.0), |shard| shard == Shard(1));
    assert_eq!(routed.local, [(1, 'a'), (1, 'c')]);
    let foreign: Vec<_> = routed.foreign.into_iter().collect();
    assert_eq!(
        foreign,
        [
            (Shard(2), vec![(2, 'b'), (2, 'e')]),
            (Shard(3), vec![(3, 'd')])
        ]
    );
}

#[test]
fn exactly_the_rows_that_are_applied_are_deleted() {
    let row = |id, shard, events| InboxRow {
        id,
        shard: Shard(shard),
        events,
    };
    let rows = vec![row(7, 1, 'c'), row(3, 1, 'a'), row(5, 2, 'b')];
    let batch = InboxBatch::new(rows, |shard| shard == Shard(1));
    assert_eq!(batch.ids(), [3, 7]);
    assert_eq!(batch.into_rows(), [row(3, 1, 'a'), row(7, 1, 'c')]);
}
