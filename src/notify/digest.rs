//! Joins changes that are alike. Pure, so that every attempt to post them joins the same ones.

use super::message::Message;
use crate::store::Signal;

/// Number of changes that are posted one by one: a few names are more useful than their number.
const SINGLE: usize = 3;

/// The messages for these changes, in the order of their first change. More than a few changes of one attribute to
/// the same value are one message.
pub(super) fn messages(signals: Vec<Signal>) -> Vec<Message> {
    let mut groups: Vec<Vec<Signal>> = Vec::new();
    for signal in signals {
        let group = groups.iter_mut().find(|group| is_alike(&group[0], &signal));
        match group {
            Some(group) => group.push(signal),
            None => groups.push(vec![signal]),
        }
    }
    let mut messages = Vec::new();
    for group in groups {
        if group.len() > SINGLE {
            messages.push(Message::Digest(group));
        } else {
            let singles = group.into_iter().map(Box::new);
            messages.extend(singles.map(Message::Change));
        }
    }
    messages
}

fn is_alike(one: &Signal, other: &Signal) -> bool {
    let step = |signal: &Signal| {
        let row = &signal.row;
        (row.entity.clone(), row.attribute.clone(), row.to.clone())
    };
    step(one) == step(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::message::tests::signal;

    fn shape(signals: Vec<Signal>) -> Vec<(String, usize)> {
        let messages = messages(signals);
        let shape = |message: &Message| {
            let signals = message.signals();
            (signals[0].row.to.clone(), signals.len())
        };
        messages.iter().map(shape).collect()
    }

    #[test]
    fn more_than_three_changes_alike_are_one_message() {
        let paused = || signal("template", "status", Some("APPROVED"), "PAUSED");
        let disabled = || signal("template", "status", Some("PAUSED"), "DISABLED");
        let few = vec![paused(), disabled(), paused(), paused()];
        let single = |to: &str| (to.to_owned(), 1);
        let expected = [
            single("PAUSED"),
            single("PAUSED"),
            single("PAUSED"),
            single("DISABLED"),
        ];
        assert_eq!(shape(few), expected);
        let mut many = vec![disabled()];
        many.extend((0..37).map(|_| paused()));
        let expected = [single("DISABLED"), ("PAUSED".to_owned(), 37)];
        assert_eq!(shape(many), expected);
        assert_eq!(shape(Vec::new()), []);
    }

    #[test]
    fn changes_of_other_kinds_to_the_same_word_are_not_alike() {
        let one = || signal("template", "quality_rating", None, "RED");
        let other = || signal("phone_number", "quality_rating", None, "RED");
        let mixed = vec![one(), other(), one(), other(), one(), other()];
        assert!(shape(mixed).iter().all(|(_, count)| *count == 1));
    }
}
