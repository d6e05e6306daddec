//! `docs/SUMMARY.md`: which pages there are, and what each includes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the book, from the root of the workspace.
pub(crate) const BOOK: &str = "docs";

/// The pages of the book.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// The path of each page in `docs`, in the order of the book.
    pub(crate) pages: Vec<PathBuf>,
    /// What stands elsewhere, by its path from the root, and the page that includes it.
    included: BTreeMap<PathBuf, PathBuf>,
}

impl Summary {
    pub(crate) fn read() -> Result<Self, String> {
        let text = read(&Path::new(BOOK).join("SUMMARY.md"))?;
        let mut summary = Self::default();
        for line in text.lines() {
            let Some((_, rest)) = line.split_once("](") else {
                continue;
            };
            let Some((path, _)) = rest.split_once(')') else {
                return Err(format!("SUMMARY.md: no `)` in {line:?}"));
            };
            if !path.is_empty() {
                summary.pages.push(PathBuf::from(path));
            }
        }
        for page in &summary.pages {
            for file in includes(page)? {
                summary.included.insert(file, page.clone());
            }
        }
        Ok(summary)
    }

    /// The page, from `docs`, on which a file of the repository can be read.
    pub(crate) fn page_of(&self, file: &Path) -> Option<PathBuf> {
        if let Some(page) = self.included.get(file) {
            return Some(page.clone());
        }
        let own = file.strip_prefix(BOOK).ok()?;
        self.pages
            .iter()
            .any(|page| page == own)
            .then(|| own.to_owned())
    }
}

/// The files that a page includes, from the root of the workspace.
pub(crate) fn includes(page: &Path) -> Result<Vec<PathBuf>, String> {
    let path = Path::new(BOOK).join(page);
    let text = read(&path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut files = Vec::new();
    for rest in text.split("{{#include ").skip(1) {
        let name = rest.split("}}").next().unwrap_or_default();
        files.push(plain(&folder.join(without_lines(name))));
    }
    Ok(files)
}

/// The text of a page, with what it includes.
pub(crate) fn whole(page: &Path) -> Result<String, String> {
    let path = Path::new(BOOK).join(page);
    let mut text = read(&path)?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    while let Some((before, rest)) = text.split_once("{{#include ") {
        let Some((name, after)) = rest.split_once("}}") else {
            return Err(format!("{}: an include without an end", path.display()));
        };
        let included = read(&plain(&folder.join(without_lines(name))))?;
        text = format!("{before}{included}{after}");
    }
    Ok(text)
}

/// A file as its readers see it: a page has what it includes.
pub(crate) fn shown(file: &Path) -> Result<String, String> {
    match file.strip_prefix(BOOK) {
        Ok(page) => whole(page),
        Err(_) => read(file),
    }
}

/// `file.rs:6:` are the lines from the sixth on; which ones does not matter to a check.
fn without_lines(name: &str) -> &str {
    name.split(':').next().unwrap_or_default().trim()
}

pub(crate) fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The same path without `.` and `..`.
pub(crate) fn plain(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir if parts.pop() => {}
            other => parts.push(other),
        }
    }
    parts
}
