//! Rows that a refresh leaves as they are.
//!
//! Each poll confirms all values of an account or a phone number, with its time. The rows of both have placeholders for
//! the times of the newest polls. A separate row has these times, and the calls that the polls have spent of the
//! budget. So a refresh that finds nothing new changes only that row.

use serde::{Deserialize, Serialize};

use super::engine::StoreError;
use super::json::{json, parse};
use crate::domain::{Collector, SpentCalls, Timestamp, Word as _};
use crate::state::{Account, Latest, PollTimes, SavedPollTimes};

/// The times of the newest polls, in the order of [`Account::poll_times`].
#[derive(Clone, Copy, Debug, Default)]
pub struct NewestPolls([Option<i64>; 4]);

impl NewestPolls {
    /// Those of this account.
    pub fn new(account: &Account) -> Self {
        Self(account.poll_times().map(newest_ms))
    }

    /// Whether the newest poll of phone numbers is the same.
    pub fn has_same_numbers(self, other: Self) -> bool {
        let numbers = Collector::Numbers.index();
        self.0[numbers] == other.0[numbers]
    }

    /// The JSON of an account with placeholders.
    pub fn hide_in_account(self, json: &str) -> String {
        self.hide(json, |field| match field {
            "digits" => Collector::Numbers,
            "template_count" | "template_limit" => Collector::Templates,
            "insights" => Collector::Insights,
            _ => Collector::Account,
        })
    }

    /// The JSON of a phone number with placeholders.
    pub fn hide_in_number(self, json: &str) -> String {
        self.hide(json, |_| Collector::Numbers)
    }

    /// Replaces the time of the newest poll that a field is read by. Two polls can have the same time, but later ones
    /// have not.
    fn hide(self, json: &str, polled_by: impl Fn(&str) -> Collector) -> String {
        let times = self.0.map(|time| time.map(|time| time.to_string()));
        replace(json, |field, number| {
            let place = polled_by(field).index();
            let is_newest = times[place].as_deref() == Some(number);
            is_newest.then(|| placeholder(place))
        })
    }

    /// Replaces the placeholders with these times.
    pub fn show(self, json: &str) -> String {
        replace(json, |_, number| {
            let place = (0..self.0.len()).find(|place| placeholder(*place) == number)?;
            self.0[place].map(|time| time.to_string())
        })
    }
}

impl From<&[PollTimes; 4]> for NewestPolls {
    fn from(polls: &[PollTimes; 4]) -> Self {
        Self(polls.each_ref().map(newest_ms))
    }
}

fn newest_ms(polls: &PollTimes) -> Option<i64> {
    polls.newest().map(Timestamp::as_millis)
}

/// A number as serde does not write any.
fn placeholder(place: usize) -> String {
    format!("0e{place}")
}

/// Replaces numbers. The replacement depends on the field of the outermost object and on the number.
fn replace(json: &str, replacement: impl Fn(&str, &str) -> Option<String>) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut field, mut depth, mut rest) = ("", 0_usize, json);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            '-' | '0'..='9' => number_length(rest),
            other => other.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        let new = match first {
            '-' | '0'..='9' => replacement(field, token),
            _ => None,
        };
        match first {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            '"' if depth == 1 && after.starts_with(':') => field = token.trim_matches('"'),
            _ => {}
        }
        out.push_str(new.as_deref().unwrap_or(token));
        rest = after;
    }
    out
}

/// Length of the string at the start, with its quotation marks.
fn string_length(json: &str) -> usize {
    let mut is_escaped = false;
    let end = json.bytes().skip(1).position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(json.len(), |end| end + 2)
}

/// Length of the number at the start.
fn number_length(json: &str) -> usize {
    let is_part = |letter: char| matches!(letter, '-' | '+' | '.' | 'e' | 'E' | '0'..='9');
    json.find(|letter| !is_part(letter)).unwrap_or(json.len())
}

/// What a refresh changes: the times of the polls, and what they have spent.
#[derive(Serialize, Deserialize)]
struct SavedRefresh {
    polls: [SavedPollTimes; 4],
    #[serde(default)]
    spent_calls: Latest<SpentCalls>,
}

/// The JSON of what a refresh of the account changes.
pub fn from_refresh(account: &Account) -> String {
    json(&SavedRefresh {
        polls: account.poll_times().map(SavedPollTimes::from),
        spent_calls: account.latest_spent_calls().clone(),
    })
}

/// The times of an account's polls, and what they have spent. Older versions stored the times alone.
pub fn to_refresh(state: &str) -> Result<([PollTimes; 4], Latest<SpentCalls>), StoreError> {
    let what = "the times of an account's polls";
    let saved = if state.starts_with('[') {
        SavedRefresh {
            polls: parse(what, state)?,
            spent_calls: Latest::default(),
        }
    } else {
        parse(what, state)?
    };
    Ok((saved.polls.map(PollTimes::from), saved.spent_calls))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Stamp;

    #[test]
    fn only_the_newest_times_are_hidden_and_all_of_them_return() {
        let json = r#"{"a":[1795442745305,-1795442745305,17954427453051,0.5],"digits":{"a \"1795442745305\\":1795442745306}}"#;
        let newest = NewestPolls([Some(1_795_442_745_306), Some(1_795_442_745_305), None, None]);
        let hidden = newest.hide_in_account(json);
        let expected =
            r#"{"a":[0e1,-1795442745305,17954427453051,0.5],"digits":{"a \"1795442745305\\":0e0}}"#;
        assert_eq!(hidden, expected);
        assert_eq!(newest.show(&hidden), json);
        // Without the time, the row is damaged.
        assert_eq!(NewestPolls([None; 4]).show(&hidden), hidden);
        for odd in ["", "\"", "\"\\\"", "1", "é]"] {
            assert_eq!(newest.show(&newest.hide_in_number(odd)), odd);
        }
    }

    #[test]
    fn times_of_polls_are_read_as_they_were() {
        let mut account = Account::default();
        for (place, polls) in account
            .poll_times()
            .map(Clone::clone)
            .iter_mut()
            .enumerate()
        {
            for second in [50, 10, 30] {
                polls.insert(Timestamp::from_seconds(second), second < 50);
            }
            let mut times = account.poll_times().map(Clone::clone);
            times[place] = polls.clone();
            account.set_poll_times(times);
        }
        let (polls, spent) = to_refresh(&from_refresh(&account)).expect("its own form");
        assert_eq!(polls.each_ref(), account.poll_times());
        assert_eq!(spent.value(), None);
    }

    #[test]
    fn spent_calls_are_read_as_they_were_and_older_rows_have_none() {
        let at = Timestamp::from_seconds;
        let spent_calls = SpentCalls {
            by_minute: vec![(at(1_775_000_000), 3), (at(1_775_000_300), 1)],
            held_until: Some(at(1_775_003_600)),
        };
        let mut latest = Latest::default();
        latest.observe(spent_calls, Stamp::polled(at(1_775_000_310)));
        let mut account = Account::default();
        account.set_spent_calls(latest);
        let row = from_refresh(&account);
        let of_polls = r#"[[[],null],[[],null],[[],null],[[],null]]"#;
        let expected = concat!(
            r#"[[1775000310000,false],"#,
            r#"[[[1775000000000,3],[300000,1]],1775003600000]]"#
        );
        assert_eq!(
            row,
            format!(r#"{{"polls":{of_polls},"spent_calls":{expected}}}"#)
        );
        let (_, read) = to_refresh(&row).expect("its own form");
        assert_eq!(&read, account.latest_spent_calls());

        let (_, older) = to_refresh(of_polls).expect("an older version's row");
        assert_eq!(older, Latest::default());
        let later = format!(r#"{{"polls":{of_polls},"of_tomorrow":1}}"#);
        assert!(to_refresh(&later).is_ok(), "a later version's row");
        assert!(to_refresh("{}").is_err());
    }
}
