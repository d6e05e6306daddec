//! What the template language's implementation does not tell of a source: which filters and tests it names, and
//! where its `~` are.

use std::collections::BTreeSet;

use super::none::GUARD;

/// What was found in a source.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scan<'a> {
    /// Filters, each with its line.
    pub(super) filters: Vec<(&'a str, usize)>,
    /// Tests, each with its line.
    pub(super) tests: Vec<(&'a str, usize)>,
    /// The ends of what stands beside a `~`.
    ends: BTreeSet<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Text,
    Number,
    Sign,
}

#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
    start: usize,
}

impl Token<'_> {
    fn end(&self) -> usize {
        self.start + self.text.len()
    }

    fn is(&self, text: &str) -> bool {
        self.kind != Kind::Text && self.text == text
    }

    fn opens(&self) -> bool {
        self.kind == Kind::Sign && matches!(self.text, "(" | "[" | "{")
    }

    fn closes(&self) -> bool {
        self.kind == Kind::Sign && matches!(self.text, ")" | "]" | "}")
    }
}

/// Looks through a source that compiles.
pub(super) fn scan(source: &str) -> Scan<'_> {
    let mut scan = Scan::default();
    let mut at = 0;
    while let Some(found) = source[at..].find('{') {
        at += found;
        let rest = &source[at..];
        at += match rest.as_bytes().get(1) {
            Some(b'#') => rest.find("#}").map_or(rest.len(), |end| end + 2),
            Some(b'{') => tag(source, at, "}}", &mut scan),
            Some(b'%') => match raw(rest) {
                Some(length) => length,
                None => tag(source, at, "%}", &mut scan),
            },
            _ => 1,
        };
    }
    scan
}

impl Scan<'_> {
    /// The source with a guard on what stands beside each `~`.
    pub(super) fn guarded(&self, source: &str) -> String {
        let mut guarded = String::with_capacity(source.len() + self.ends.len() * (GUARD.len() + 1));
        let mut from = 0;
        for end in &self.ends {
            guarded.push_str(&source[from..*end]);
            guarded.push('|');
            guarded.push_str(GUARD);
            from = *end;
        }
        guarded.push_str(&source[from..]);
        guarded
    }
}

/// The length of `{% raw %}` with all up to its end, if it is that.
fn raw(rest: &str) -> Option<usize> {
    let word = |text: &str, name: &str| {
        let inside = text.strip_prefix("{%")?.trim_start_matches(['-', '+']);
        let behind = inside.trim_start().strip_prefix(name)?.trim_start();
        let behind = behind.trim_start_matches(['-', '+']).strip_prefix("%}")?;
        Some(text.len() - behind.len())
    };
    let mut at = word(rest, "raw")?;
    while let Some(found) = rest[at..].find("{%") {
        at += found;
        match word(&rest[at..], "endraw") {
            Some(length) => return Some(at + length),
            None => at += 2,
        }
    }
    Some(rest.len())
}

/// Looks through one tag; its length.
fn tag<'a>(source: &'a str, start: usize, close: &str, scan: &mut Scan<'a>) -> usize {
    let mut tokens: Vec<Token<'a>> = Vec::new();
    let (mut at, mut open) = (start + 2, 0_usize);
    while let Some(first) = source[at..].chars().next() {
        let rest = &source[at..];
        if open == 0 && rest.trim_start_matches(['-', '+']).starts_with(close) {
            at = source.len() - rest.trim_start_matches(['-', '+']).len() + close.len();
            break;
        }
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (kind, length) = match first {
            '\'' | '"' => (Kind::Text, text_length(rest, first)),
            '0'..='9' => (Kind::Number, number_length(rest)),
            _ if first == '_' || first.is_alphabetic() => (Kind::Word, word_length(rest)),
            _ => (Kind::Sign, sign_length(rest, first)),
        };
        let token = Token {
            kind,
            text: &rest[..length],
            start: at,
        };
        if token.opens() {
            open += 1;
        } else if token.closes() {
            open = open.saturating_sub(1);
        }
        tokens.push(token);
        at += length;
    }
    look(source, &tokens, scan);
    at - start
}

fn text_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn word_length(rest: &str) -> usize {
    rest.find(|c: char| c != '_' && !c.is_alphanumeric())
        .unwrap_or(rest.len())
}

/// As `1`, `0xff`, `1.5`, `1e-5`; a dot before a name is none of it.
fn number_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let radix = matches!(bytes.get(1), Some(b'x' | b'X' | b'o' | b'O' | b'b' | b'B'));
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        let before = bytes[at - 1];
        let next = bytes.get(at + 1).copied().unwrap_or_default();
        let part = match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' => true,
            b'.' => !radix && next.is_ascii_digit(),
            b'+' | b'-' => !radix && matches!(before, b'e' | b'E'),
            _ => false,
        };
        if !part {
            break;
        }
        at += 1;
    }
    at
}

fn sign_length(rest: &str, first: char) -> usize {
    match rest.get(..2) {
        Some("//" | "**" | "==" | "!=" | ">=" | "<=") => 2,
        _ => first.len_utf8(),
    }
}

fn look<'a>(source: &'a str, tokens: &[Token<'a>], scan: &mut Scan<'a>) {
    let line = |token: &Token<'_>| source[..token.start].matches('\n').count() + 1;
    let first_is = |text| tokens.first().is_some_and(|token| token.is(text));
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| &tokens[before]);
        let behind = &tokens[at + 1..];
        if token.is("|") || (at == 0 && first_is("filter") && source_is_block(source, token)) {
            if let Some(name) = name(source, behind) {
                scan.filters.push((name, line(token)));
                named_inside(name, behind, |kind, name| match kind {
                    Named::Filter => scan.filters.push((name, line(token))),
                    Named::Test => scan.tests.push((name, line(token))),
                });
            }
        } else if token.kind == Kind::Word && token.text == "is" && before.is_some_and(ends_value) {
            let skip = usize::from(behind.first().is_some_and(|token| token.is("not")));
            if let Some(name) = name(source, &behind[skip..]) {
                scan.tests.push((name, line(token)));
            }
        } else if token.is("~") {
            scan.ends.extend(before.map(Token::end));
            scan.ends.extend(operand_end(behind));
        }
    }
}

/// Whether the tag of this first word is a block.
fn source_is_block(source: &str, word: &Token<'_>) -> bool {
    let before = source[..word.start].trim_end();
    before.trim_end_matches(['-', '+']).ends_with("{%")
}

/// Whether a value may end with this token, so that an operator can follow.
fn ends_value(token: &Token<'_>) -> bool {
    match token.kind {
        Kind::Text | Kind::Number => true,
        Kind::Sign => token.closes(),
        Kind::Word => !matches!(
            token.text,
            "and" | "or" | "not" | "in" | "if" | "elif" | "else" | "set" | "for" | "with"
        ),
    }
}

/// A name, with dots or without.
fn name<'a>(source: &'a str, tokens: &[Token<'a>]) -> Option<&'a str> {
    let first = tokens.first().filter(|token| token.kind == Kind::Word)?;
    let mut end = first.end();
    let mut rest = &tokens[1..];
    while let [dot, next, behind @ ..] = rest {
        if !dot.is(".") || next.kind != Kind::Word {
            break;
        }
        end = next.end();
        rest = behind;
    }
    Some(&source[first.start..end])
}

enum Named {
    Filter,
    Test,
}

/// Filters and tests that a filter is given the names of.
fn named_inside<'a>(filter: &str, behind: &[Token<'a>], mut found: impl FnMut(Named, &'a str)) {
    let (kind, place) = match filter {
        "map" => (Named::Filter, 2),
        "select" | "reject" => (Named::Test, 2),
        "selectattr" | "rejectattr" => (Named::Test, 4),
        _ => return,
    };
    let is_call = behind.get(1).is_some_and(|token| token.is("("));
    let whole = behind.get(place + 1);
    let ends = whole.is_some_and(|token| token.is(",") || token.is(")"));
    let text = behind.get(place).filter(|token| token.kind == Kind::Text);
    if let (true, true, Some(text)) = (is_call, ends, text)
        && !text.text.contains('\\')
    {
        found(kind, &text.text[1..text.text.len() - 1]);
    }
}

/// Where what follows a `~` ends; none when it is no more than true or false.
fn operand_end(tokens: &[Token<'_>]) -> Option<usize> {
    let mut at = tokens.iter().take_while(|token| token.is("-")).count();
    at = closed(tokens, at)?;
    while let Some(token) = tokens.get(at + 1) {
        if token.is(".") || token.is("|") {
            at += 2;
            tokens.get(at)?;
        } else if token.kind == Kind::Sign && matches!(token.text, "(" | "[") {
            at = closed(tokens, at + 1)?;
        } else if token.is("is") {
            return None;
        } else {
            break;
        }
    }
    tokens.get(at).map(Token::end)
}

/// The place of the token that closes what this one opens, or of this one.
fn closed(tokens: &[Token<'_>], at: usize) -> Option<usize> {
    if !tokens.get(at)?.opens() {
        return Some(at);
    }
    let mut open = 0_usize;
    for (place, token) in tokens.iter().enumerate().skip(at) {
        if token.opens() {
            open += 1;
        } else if token.closes() {
            open -= 1;
        }
        if open == 0 {
            return Some(place);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_beside_a_tilde_is_guarded_whole() {
        for (source, guarded) in [
            ("{{ a ~ b }}", "{{ a|__some ~ b|__some }}"),
            ("{{ a~b~c }}", "{{ a|__some~b|__some~c|__some }}"),
            (
                "{{ a.b[0](x)|c('~') ~ d|e(f ~ 1) }} ~",
                "{{ a.b[0](x)|c('~')|__some ~ d|e(f|__some ~ 1|__some)|__some }} ~",
            ),
            (
                "{% set x = a ~ (b if c else d) %}{% if a ~ b == c %}",
                "{% set x = a|__some ~ (b if c else d)|__some %}{% if a|__some ~ b|__some == c %}",
            ),
            ("{{ a ~ b is none }}", "{{ a|__some ~ b is none }}"),
            (
                "{{ a ~ 1e-5 ~ -1.5 }}",
                "{{ a|__some ~ 1e-5|__some ~ -1.5|__some }}",
            ),
            ("{{ {'a': b ~ c}.a }}", "{{ {'a': b|__some ~ c|__some}.a }}"),
            (
                "{# a ~ b #}{% raw %}{{ a ~ b }}{%- endraw -%}{{ 'a ~ \\' b' }}",
                "{# a ~ b #}{% raw %}{{ a ~ b }}{%- endraw -%}{{ 'a ~ \\' b' }}",
            ),
            (
                "a { ~ } {{- a ~ \"}}\" -}} ~",
                "a { ~ } {{- a|__some ~ \"}}\"|__some -}} ~",
            ),
        ] {
            assert_eq!(scan(source).guarded(source), guarded);
        }
    }

    #[test]
    fn filters_and_tests_are_found_wherever_they_are_named() {
        let source = "{{ a|one }}\n{% filter two|three(x|four) %}{% endfilter %}\n\
                      {{ a is not five and b is six(7) }}{{ data.is }}{# |no #}\n\
                      {{ a|map('seven')|select(\"eight\")|selectattr('x', 'nine', 1)|map(attribute='no') }}";
        let found = scan(source);
        let names = |found: &[(&str, usize)]| -> Vec<String> {
            found
                .iter()
                .map(|(name, line)| format!("{name}:{line}"))
                .collect()
        };
        assert_eq!(
            names(&found.filters).join(" "),
            "one:1 two:2 three:2 four:2 map:4 seven:4 select:4 selectattr:4 map:4"
        );
        assert_eq!(names(&found.tests).join(" "), "five:3 six:3 eight:4 nine:4");
    }
}
