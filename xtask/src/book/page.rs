//! The lines of a page, and the links in them.

/// A line, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// Opens or ends a block of code; what stands behind the opening fence.
    Fence(&'a str, bool),
    /// In a block of code.
    Code(&'a str),
    /// Anything else.
    Text(&'a str),
}

/// The lines of a text.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut fence: Option<usize> = None;
    text.lines().map(move |line| {
        let bare = line.trim_start();
        let ticks = bare.bytes().take_while(|byte| *byte == b'`').count();
        match fence {
            None if ticks >= 3 => {
                fence = Some(ticks);
                Line::Fence(&bare[ticks..], true)
            }
            None => Line::Text(line),
            Some(open) if ticks >= open && bare.len() == ticks => {
                fence = None;
                Line::Fence("", false)
            }
            Some(_) => Line::Code(line),
        }
    })
}

/// Where the target of each link stands in a line, outside of code.
pub(crate) fn targets(line: &str) -> Vec<std::ops::Range<usize>> {
    // A reference: `[name]: target`.
    if let Some((name, target)) = line.split_once("]: ")
        && name.starts_with('[')
        && !name.starts_with("[^")
    {
        let start = name.len() + 3;
        let end = target.split(' ').next().unwrap_or_default().len();
        return std::iter::once(start..start + end).collect();
    }
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = line[from..].find("](").map(|at| from + at) {
        let start = at + 2;
        let Some(end) = closing(&line[start..]).map(|end| start + end) else {
            break;
        };
        // The words of a link may be code; a link in code is none.
        if line[..at].matches('`').count().is_multiple_of(2) {
            found.push(start..end);
        }
        from = end;
    }
    found
}

/// Where the bracket ends that was opened before.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' if depth == 0 => return Some(at),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The anchors of a page, as GitHub and mdBook make them from its headings.
pub(crate) fn anchors(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in lines(text) {
        let Line::Text(line) = line else { continue };
        let words = line.trim_start_matches('#');
        if words.len() == line.len() || !words.starts_with(' ') {
            continue;
        }
        let slug: String = words
            .trim()
            .chars()
            .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'))
            .map(|letter| if letter == ' ' { '-' } else { letter })
            .flat_map(char::to_lowercase)
            .collect();
        found.push(slug);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Vec<&str> {
        targets(line)
            .into_iter()
            .map(|range| &line[range])
            .collect()
    }

    #[test]
    fn links_are_found_and_code_is_none() {
        assert_eq!(
            of("see [a](b.md) and [`c`](crate::D) twice"),
            ["b.md", "crate::D"]
        );
        assert_eq!(of("`[a](b)` is code, [d](e(f)g) is a link"), ["e(f)g"]);
        assert_eq!(of("[name]: ../there.md \"title\""), ["../there.md"]);
        assert!(of("[^1]: a note, and an open [bracket](").is_empty());
    }

    #[test]
    fn a_fence_ends_where_as_many_ticks_stand_alone() {
        let text = "a\n````md\n```rust\nb\n```\n````\nc";
        let kinds: Vec<Line<'_>> = lines(text).collect();
        assert_eq!(kinds[1], Line::Fence("md", true));
        assert_eq!(kinds[2], Line::Code("```rust"));
        assert_eq!(kinds[4], Line::Code("```"));
        assert_eq!(kinds[5], Line::Fence("", false));
        assert_eq!(kinds[6], Line::Text("c"));
    }

    #[test]
    fn anchors_are_those_of_the_headings() {
        assert_eq!(
            anchors("# How often? `idle`\n```\n# no heading\n```\n## A, b & c"),
            ["how-often-idle", "a-b--c"]
        );
    }
}
