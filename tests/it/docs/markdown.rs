//! The parts of Markdown that the tests need: headings, links, code, and text between markers.

/// A fenced block: its language, and its lines without the indentation of the fence.
pub struct Fence {
    pub language: String,
    pub body: String,
}

/// The lines of a page: outside of fences, and the fences.
fn split(text: &str) -> (Vec<&str>, Vec<Fence>) {
    let (mut prose, mut fences) = (Vec::new(), Vec::new());
    let mut open: Option<(usize, Fence)> = None;
    for line in text.lines() {
        let trimmed = line.trim_start();
        let fence = trimmed.strip_prefix("```");
        match (open.take(), fence) {
            (None, Some(language)) => {
                let fence = Fence {
                    language: language.to_owned(),
                    body: String::new(),
                };
                open = Some((line.len() - trimmed.len(), fence));
            }
            (None, None) => prose.push(line),
            (Some((_, fence)), Some(_)) => fences.push(fence),
            (Some((indent, mut fence)), None) => {
                fence.body += line.get(indent..).unwrap_or_default();
                fence.body.push('\n');
                open = Some((indent, fence));
            }
        }
    }
    assert!(open.is_none(), "a fence is not closed:\n{text}");
    (prose, fences)
}

/// The lines outside of fences.
pub fn prose(text: &str) -> Vec<&str> {
    split(text).0
}

/// The fenced blocks.
pub fn fences(text: &str) -> Vec<Fence> {
    split(text).1
}

/// The titles of headings of this level, in order.
pub fn headings(text: &str, level: usize) -> Vec<&str> {
    let marks = format!("{} ", "#".repeat(level));
    let lines = prose(text).into_iter();
    lines.filter_map(|line| line.strip_prefix(&marks)).collect()
}

/// The anchors of all headings.
pub fn anchors(text: &str) -> Vec<String> {
    let titles = (1..=6).flat_map(|level| headings(text, level));
    titles.map(anchor).collect()
}

/// A heading's anchor, as GitHub makes it.
pub fn anchor(title: &str) -> String {
    let kept = |at: &char| at.is_alphanumeric() || " -_".contains(*at);
    let title: String = title.to_lowercase().chars().filter(kept).collect();
    title.replace(' ', "-")
}

/// The targets of links and images outside of fences.
pub fn links(text: &str) -> Vec<&str> {
    let lines = prose(text).into_iter();
    lines
        .flat_map(|line| line.split("](").skip(1))
        .filter_map(|rest| rest.split(')').next())
        .collect()
}

/// The code spans outside of fences.
pub fn code_spans(text: &str) -> Vec<&str> {
    let lines = prose(text).into_iter();
    lines
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .collect()
}

/// Every word of these characters that begins so.
pub fn words<'a>(
    text: &'a str,
    prefix: &'a str,
    characters: &'a str,
) -> impl Iterator<Item = &'a str> {
    text.split(|at: char| !at.is_ascii_alphanumeric() && !characters.contains(at))
        .filter(move |word| word.starts_with(prefix))
}

/// The text with this table between its markers.
pub fn with_table(text: &str, name: &str, table: &str) -> String {
    let (begin, end) = (
        format!("<!-- generated: {name} -->\n"),
        format!("<!-- end of generated: {name} -->"),
    );
    let (before, rest) = text.split_once(&begin).expect("the opening marker");
    let (_, after) = rest.split_once(&end).expect("the closing marker");
    format!("{before}{begin}\n{table}\n{end}{after}")
}

#[test]
fn fences_in_lists_lose_their_indentation() {
    let text =
        "# A\n\n1. One:\n\n   ```sh\n   # not a heading\n     two\n   ```\n\n[x](y#z) `a` b `c`\n";
    let fences = fences(text);
    assert_eq!(fences.len(), 1);
    assert_eq!(fences[0].language, "sh");
    assert_eq!(fences[0].body, "# not a heading\n  two\n");
    assert_eq!(anchors(text), ["a"]);
    assert_eq!(links(text), ["y#z"]);
    assert_eq!(code_spans(text), ["a", "c"]);
}
