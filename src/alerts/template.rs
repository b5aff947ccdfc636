//! A rule file's template as blocks of lines, so that a disabled alert is removed with its comment.
//!
//! All templates have the same layout, so a block is recognized by its indentation. A test compares the blocks with the
//! parsed YAML.

use std::ops::Range;

const GROUP: &str = "  - name: ";
const ALERT: &str = "      - alert: ";
const RECORD: &str = "      - record: ";

/// The line above the first group.
const GROUPS: &str = "groups:\n";

/// Replaces [`GROUPS`] if no group is left.
const NO_GROUPS: &str = "groups: []\n";

/// A template.
#[derive(Debug)]
pub(super) struct RulesTemplate {
    /// Everything above the first group.
    head: String,
    groups: Vec<TemplateGroup>,
}

#[derive(Debug)]
struct TemplateGroup {
    block: Block,
    rules: Vec<TemplateRule>,
}

#[derive(Debug)]
struct TemplateRule {
    block: Block,
    /// Name of the alert. `None` for a recording rule.
    alert: Option<String>,
}

/// Lines that belong together.
#[derive(Debug)]
struct Block {
    /// Blank lines above it, which the first block of a group does not need.
    gap: String,
    /// Its own lines, with the comment directly above.
    text: String,
    /// Blank lines and comments below it that belong to no other block. They are kept if the block is removed.
    tail: String,
}

/// A piece of a template that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    /// Alert whose values apply.
    pub(super) alert: Option<&'a str>,
}

impl RulesTemplate {
    /// Splits a file.
    pub(super) fn new(text: &str) -> Self {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let is_start = |line: &&str| {
            [GROUP, ALERT, RECORD]
                .iter()
                .any(|mark| line.starts_with(mark))
        };
        let marks = (0..lines.len()).filter(|index| is_start(&lines[*index]));
        let starts: Vec<Start> = marks.map(|mark| Start::new(&lines, mark)).collect();
        let first = starts.first().map_or(lines.len(), |start| start.gap.start);
        let mut template = Self {
            head: lines[..first].concat(),
            groups: Vec::new(),
        };
        for (index, start) in starts.iter().enumerate() {
            let end = starts
                .get(index + 1)
                .map_or(lines.len(), |next| next.gap.start);
            template.push(lines[start.mark], start.block(&lines, end));
        }
        template
    }

    fn push(&mut self, mark: &str, block: Block) {
        if mark.starts_with(GROUP) {
            let rules = Vec::new();
            self.groups.push(TemplateGroup { block, rules });
        } else if let Some(group) = self.groups.last_mut() {
            let alert = mark.strip_prefix(ALERT).map(|name| name.trim().to_owned());
            group.rules.push(TemplateRule { block, alert });
        }
    }

    /// The alerts, each with its lines.
    pub(super) fn alerts(&self) -> impl Iterator<Item = (&str, &str)> {
        let rules = self.groups.iter().flat_map(|group| &group.rules);
        rules.filter_map(|rule| Some((rule.alert.as_deref()?, rule.block.text.as_str())))
    }

    /// The file without the alerts that are not enabled, and without groups that have no rule left.
    pub(super) fn pieces(&self, is_enabled: impl Fn(&str) -> bool) -> Vec<Piece<'_>> {
        let is_kept = |rule: &TemplateRule| rule.alert.as_deref().is_none_or(&is_enabled);
        let has_rules = |group: &&TemplateGroup| group.rules.iter().any(is_kept);
        let groups: Vec<&TemplateGroup> = self.groups.iter().filter(has_rules).collect();
        let mut pieces = match self.head.strip_suffix(GROUPS) {
            Some(head) if groups.is_empty() => vec![Piece::shared(head), Piece::shared(NO_GROUPS)],
            _ => vec![Piece::shared(&self.head)],
        };
        for (index, group) in groups.into_iter().enumerate() {
            group.block.push_to(&mut pieces, None, index == 0);
            let mut is_first = true;
            for rule in &group.rules {
                if is_kept(rule) {
                    rule.block
                        .push_to(&mut pieces, rule.alert.as_deref(), is_first);
                    is_first = false;
                } else {
                    pieces.push(Piece::shared(&rule.block.tail));
                }
            }
        }
        pieces.retain(|piece| !piece.text.is_empty());
        pieces
    }
}

impl Block {
    fn push_to<'a>(&'a self, pieces: &mut Vec<Piece<'a>>, alert: Option<&'a str>, is_first: bool) {
        if !is_first {
            pieces.push(Piece::shared(&self.gap));
        }
        let text = &self.text;
        pieces.push(Piece { text, alert });
        pieces.push(Piece::shared(&self.tail));
    }
}

impl<'a> Piece<'a> {
    /// A piece to which only global values apply.
    fn shared(text: &'a str) -> Self {
        Self { text, alert: None }
    }
}

/// The beginning of a block, as indices of lines.
struct Start {
    /// The line with its name.
    mark: usize,
    /// Blank lines above its comment.
    gap: Range<usize>,
}

impl Start {
    fn new(lines: &[&str], mark: usize) -> Self {
        let comments = lines[..mark]
            .iter()
            .rev()
            .take_while(|line| is_comment(line));
        let end = mark - comments.count();
        let blanks = lines[..end].iter().rev().take_while(|line| is_blank(line));
        Self {
            mark,
            gap: end - blanks.count()..end,
        }
    }

    /// The block up to the line `end`, at which the next one begins.
    fn block(&self, lines: &[&str], end: usize) -> Block {
        let own = &lines[self.gap.end..end];
        let detached = own
            .iter()
            .rev()
            .take_while(|line| is_blank(line) || is_comment(line));
        let (text, tail) = own.split_at(own.len() - detached.count());
        Block {
            gap: lines[self.gap.clone()].concat(),
            text: text.concat(),
            tail: tail.concat(),
        }
    }
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# The file.
groups:
  # The first group.
  - name: first
    interval: 1m
    rules:
      # About A.
      # More about A.
      - alert: A
        expr: |
          # not about B
          a

      # About nothing.

      # About B.
      - alert: B
        expr: b
      - record: c:d
        expr: c

  # The second group.
  - name: second
    rules:
      - alert: C
        expr: c
";

    fn without(disabled: &[&str]) -> String {
        let template = RulesTemplate::new(TEXT);
        let pieces = template.pieces(|alert| !disabled.contains(&alert));
        pieces.iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn a_template_with_all_alerts_is_its_text() {
        assert_eq!(without(&[]), TEXT);
        for text in ["", "# only a comment\n", "groups:\n", "a: b"] {
            let template = RulesTemplate::new(text);
            let pieces = template.pieces(|_| true);
            let kept: String = pieces.iter().map(|piece| piece.text).collect();
            assert_eq!(kept.replace(" []", ""), text);
        }
    }

    #[test]
    fn a_disabled_alert_goes_with_the_comment_directly_above_it() {
        let expected = TEXT.replace(
            "\n      # About B.\n      - alert: B\n        expr: b\n",
            "",
        );
        assert_eq!(without(&["B"]), expected);
        let about_a = "      # About A.\n      # More about A.\n      - alert: A\n        expr: |\n          # not about B\n          a\n";
        // The blank line above B is removed, too, because B is now the first block.
        let expected = TEXT
            .replace(about_a, "")
            .replace("nothing.\n\n", "nothing.\n");
        assert_eq!(without(&["A"]), expected);
    }

    #[test]
    fn an_empty_group_is_dropped_and_a_recording_rule_keeps_its_group() {
        let (first, _) = TEXT
            .split_once("\n  # The second group.")
            .expect("it is there");
        assert_eq!(without(&["C"]), first);
        assert!(without(&["A", "B"]).contains("      - record: c:d\n"));
        let only = "# x\ngroups:\n  - name: g\n    rules:\n      - alert: A\n        expr: a\n";
        let template = RulesTemplate::new(only);
        let pieces = template.pieces(|_| false);
        let kept: String = pieces.iter().map(|piece| piece.text).collect();
        assert_eq!(kept, "# x\ngroups: []\n");
    }

    #[test]
    fn only_the_lines_of_an_alert_take_its_values() {
        let template = RulesTemplate::new(TEXT);
        let names: Vec<&str> = template.alerts().map(|(name, _)| name).collect();
        assert_eq!(names, ["A", "B", "C"]);
        for piece in template.pieces(|_| true) {
            let names_alert = piece.text.lines().any(|line| line.starts_with(ALERT));
            assert_eq!(piece.alert.is_some(), names_alert, "{piece:?}");
        }
    }
}
