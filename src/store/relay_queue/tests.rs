//! Ranges and rows of the relay's queue.

use super::*;

#[test]
fn lanes_are_read_as_they_were_written() {
    for kind in LANE_KINDS {
        for keys in [vec![], vec![0, 1, u64::MAX]] {
            let lanes = Lanes { kind, keys };
            let text = lanes_to_text(&lanes);
            assert_eq!(text.len(), 1 + lanes.keys.len() * LANE_DIGITS);
            assert_eq!(lanes_from_text(Some(&text)), lanes);
        }
    }
    let of_an_earlier_version = lanes_from_text(None);
    assert_eq!(of_an_earlier_version.kind, LaneKind::AllMessages);
    assert!(of_an_earlier_version.keys.is_empty());
}

fn numbered(first: i64, sizes: &[u64]) -> Vec<(i64, u64)> {
    (first..).zip(sizes.iter().copied()).collect()
}

fn index(sizes: &[u64]) -> RelayIndex {
    let mut index = RelayIndex::default();
    index.add(&numbered(1, sizes), 0);
    index
}

#[test]
fn the_oldest_deliveries_are_dropped_beyond_the_size_limit() {
    let mut index = index(&[10, 20, 30]);
    assert_eq!(index.oldest_beside(&[], 60), 1);
    assert_eq!(index.oldest_beside(&numbered(4, &[5]), 60), 2);
    assert_eq!(index.oldest_beside(&numbered(4, &[5, 40]), 60), 4);
    index.add(&numbered(4, &[5, 40]), 4);
    assert_eq!(
        (index.bytes, index.span()),
        (
            45,
            Span {
                oldest: 4,
                newest: 5
            }
        )
    );
    index.remove(&[4, 4, 1]);
    assert_eq!(
        (index.bytes, index.span()),
        (
            40,
            Span {
                oldest: 5,
                newest: 5
            }
        )
    );
}

#[test]
fn a_delivery_over_the_size_limit_is_dropped_itself() {
    let mut index = index(&[10]);
    let oldest = index.oldest_beside(&numbered(2, &[70]), 60);
    assert_eq!(oldest, 3);
    index.add(&numbered(2, &[70]), oldest);
    assert_eq!(
        (index.bytes, index.span()),
        (
            0,
            Span {
                oldest: 3,
                newest: 2
            }
        )
    );
}

#[test]
fn the_number_of_small_deliveries_is_limited_too() {
    let index = index(&vec![1; MAX_DELIVERIES]);
    assert_eq!(
        index.oldest_beside(&numbered(MAX_DELIVERIES as i64 + 1, &[1]), u64::MAX),
        2
    );
}

#[test]
fn numbers_continue_after_all_deliveries_are_removed() {
    let mut index = index(&[10, 20]);
    index.remove(&[1, 2]);
    index.restore([]);
    assert_eq!(index.newest(), 2);
    index.restore([(7, 70)]);
    assert_eq!((index.newest(), index.bytes), (7, 70));
}
