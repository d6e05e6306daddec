//! From what rustdoc and GitHub read to what mdBook reads.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::page::{Line, anchors, lines, targets};
use super::summary::{BOOK, Summary, includes, plain, shown};

/// One page of the book, being rewritten.
pub(crate) struct Rewriter<'a> {
    summary: &'a Summary,
    /// The page, from `docs`.
    page: &'a Path,
    /// Where a relative link of it may start: its own folder, and those of what it includes.
    bases: Vec<PathBuf>,
    /// Where files can be read that are no page.
    repository: &'a str,
    /// What is wrong.
    problems: Vec<String>,
}

/// Rewrites a page with all that it includes. Links that lead nowhere are its error.
pub(crate) fn rewrite(
    summary: &Summary,
    page: &Path,
    text: &str,
    repository: &str,
) -> Result<String, String> {
    let own = Path::new(BOOK).join(page);
    let mut bases = vec![folder(&own)];
    bases.extend(includes(page)?.iter().map(|file| folder(file)));
    let mut rewriter = Rewriter {
        summary,
        page,
        bases,
        repository,
        problems: Vec::new(),
    };
    let text = rewriter.text(text);
    if rewriter.problems.is_empty() {
        Ok(text)
    } else {
        Err(rewriter.problems.join("\n"))
    }
}

fn folder(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).to_owned()
}

impl Rewriter<'_> {
    fn text(&mut self, text: &str) -> String {
        let titles = lines(text)
            .filter(|line| matches!(line, Line::Text(line) if line.starts_with("# ")))
            .count();
        let names: BTreeSet<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix('[')?.split_once("]: "))
            .map(|(name, _)| name)
            .collect();
        let mut title = true;
        let mut out = String::with_capacity(text.len());
        for line in lines(text) {
            match line {
                // A block without a language is Rust to rustdoc.
                Line::Fence("", true) => out.push_str("```rust"),
                Line::Fence(language, _) => {
                    out.push_str("```");
                    out.push_str(language);
                }
                Line::Code(line) => out.push_str(line),
                Line::Text(line) => {
                    // Guides have no title of their own, and begin their parts as rustdoc wants.
                    let heads = titles > 1 && line.starts_with('#');
                    if heads && !std::mem::take(&mut title) {
                        out.push('#');
                    }
                    out.push_str(&self.line(line, &names));
                }
            }
            out.push('\n');
        }
        out
    }

    fn line(&mut self, line: &str, names: &BTreeSet<&str>) -> String {
        let mut out = String::with_capacity(line.len());
        let mut from = 0;
        for range in targets(line) {
            out.push_str(&line[from..range.start]);
            out.push_str(&self.target(&line[range.clone()]));
            from = range.end;
        }
        out.push_str(&line[from..]);
        without_shortcuts(&out, names)
    }

    /// Where a link leads in the book.
    fn target(&mut self, target: &str) -> String {
        if target.contains("://") || target.starts_with("mailto:") || target.starts_with('#') {
            return target.to_owned();
        }
        if let Some(code) = code(target) {
            if let Some(guide) = code.strip_prefix("signalbus::guide::") {
                let file = PathBuf::from(format!("signalbus/src/guide/{guide}.md"));
                if let Some(page) = self.summary.page_of(&file) {
                    return self.relative(&page);
                }
                self.problems.push(format!(
                    "{}: no page has {}",
                    self.page.display(),
                    file.display()
                ));
            }
            let up = "../".repeat(self.page.components().count() - 1);
            return format!("{up}api/signalbus/index.html?search={code}&go_to_first=true");
        }
        let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
        let found = self
            .bases
            .iter()
            .map(|base| plain(&base.join(path)))
            .find(|file| file.exists());
        let Some(mut file) = found else {
            self.problems
                .push(format!("{}: {target} leads nowhere", self.page.display()));
            return target.to_owned();
        };
        if file.is_dir() && self.summary.page_of(&file.join("README.md")).is_some() {
            file.push("README.md");
        }
        if !anchor.is_empty()
            && file.extension().is_some_and(|kind| kind == "md")
            && !shown(&file).is_ok_and(|text| anchors(&text).iter().any(|known| known == anchor))
        {
            self.problems.push(format!(
                "{}: {} has no part {anchor}",
                self.page.display(),
                file.display()
            ));
        }
        let anchor = if anchor.is_empty() {
            String::new()
        } else {
            format!("#{anchor}")
        };
        match self.summary.page_of(&file) {
            Some(page) => self.relative(&page) + &anchor,
            None => format!("{}/{}{anchor}", self.repository, file.display()),
        }
    }

    /// From this page to another one.
    fn relative(&self, page: &Path) -> String {
        let up = "../".repeat(self.page.components().count() - 1);
        // mdBook calls a README `index`.
        let page = match page.file_name() {
            Some(name) if name == "README.md" => page.with_file_name("index.md"),
            _ => page.to_owned(),
        };
        format!("{up}{}", page.display())
    }
}

/// A path into the code, as rustdoc's search takes it.
fn code(target: &str) -> Option<String> {
    if let Some(module) = target.strip_prefix("mod@") {
        return Some(module.replace("crate", "signalbus"));
    }
    let target = target.strip_suffix("()").unwrap_or(target);
    if let Some(rest) = target.strip_prefix("crate::") {
        return Some(format!("signalbus::{rest}"));
    }
    let is_path = target.contains("::") || (target == "crate");
    let is_item = target.chars().next().is_some_and(char::is_uppercase)
        && target
            .chars()
            .all(|letter| letter.is_alphanumeric() || letter == '_' || letter == ':');
    (is_path || is_item).then(|| target.replace("crate", "signalbus"))
}

/// `` [`Name`] `` that nothing defines is a link to rustdoc alone: here it is code.
fn without_shortcuts(line: &str, names: &BTreeSet<&str>) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("[`") {
        let (before, link) = rest.split_at(at);
        out.push_str(before);
        let Some(end) = link.find("`]") else {
            break;
        };
        let name = &link[1..=end];
        let after = &link[end + 2..];
        let defined = after.starts_with(['(', '[', ':']) || names.contains(name);
        if defined {
            out.push_str(&link[..end + 2]);
        } else {
            out.push_str(name);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortcut_of_rustdoc_is_code() {
        let names = BTreeSet::from(["`Kept`"]);
        assert_eq!(
            without_shortcuts("[`A`], [`b`](c), [`Kept`] and [d]", &names),
            "`A`, [`b`](c), [`Kept`] and [d]"
        );
    }

    #[test]
    fn a_path_into_the_code_is_known() {
        assert_eq!(code("crate::Store").as_deref(), Some("signalbus::Store"));
        assert_eq!(
            code("mod@crate::metrics").as_deref(),
            Some("signalbus::metrics")
        );
        assert_eq!(
            code("signalbus_core::Clock").as_deref(),
            Some("signalbus_core::Clock")
        );
        assert_eq!(code("StoreLayer").as_deref(), Some("StoreLayer"));
        assert_eq!(code("README.md"), None);
        assert_eq!(code("main.rs"), None);
    }
}
