//! What must hold of the documentation, without mdBook.

use std::path::{Path, PathBuf};

use super::filter::repository;
use super::page::{Line, lines};
use super::rewrite::rewrite;
use super::summary::{BOOK, Summary, includes, read, whole};
use super::{adapters, links};
use crate::report::{Done, Report};

/// Compiles every Rust block of the pages.
const COMPILED: &str = "book/src/lib.rs";

pub(crate) fn run(report: &mut Report) {
    report.step("links of the documentation", || {
        let (looked_at, problems) = links::check()?;
        told(problems)?;
        Ok(Done::Ran(format!("{looked_at} links")))
    });
    report.step("pages of the book", || {
        let summary = Summary::read()?;
        let mut problems = orphans(&summary)?;
        for page in &summary.pages {
            let text = whole(page)?;
            problems.extend(rewrite(&summary, page, &text, &repository()).err());
            problems.extend(blocks(page)?);
        }
        told(problems)?;
        Ok(Done::Ran(format!("{} pages", summary.pages.len())))
    });
    report.step("generated parts of the book", || {
        told(adapters::check()?)?;
        Ok(Done::Ran(String::new()))
    });
}

/// Writes what is generated.
pub(crate) fn write(report: &mut Report) {
    report.step("generated parts of the book", || {
        adapters::write()?;
        Ok(Done::Ran(String::new()))
    });
}

fn told(problems: Vec<String>) -> Result<(), String> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.join("\n"))
    }
}

/// Pages that the book does not have.
fn orphans(summary: &Summary) -> Result<Vec<String>, String> {
    let own = links::files()?;
    let own = own.iter().filter_map(|file| file.strip_prefix(BOOK).ok());
    Ok(own
        .filter(|page| *page != Path::new("SUMMARY.md"))
        .filter(|page| !summary.pages.iter().any(|known| known == page))
        .map(|page| format!("SUMMARY.md does not have {}", page.display()))
        .collect())
}

/// Rust that nobody compiles: in a page that is not among the compiled ones, or told to be left alone.
fn blocks(page: &Path) -> Result<Vec<String>, String> {
    let compiled = read(Path::new(COMPILED))?;
    let own = Path::new(BOOK).join(page);
    let mut problems = Vec::new();
    let text = read(&own)?;
    let mut all = lines(&text).peekable();
    while let Some(line) = all.next() {
        let Line::Fence(language, true) = line else {
            continue;
        };
        // A file of the repository, which is compiled where it stands.
        if matches!(all.peek(), Some(Line::Code(line)) if line.starts_with("{{#include")) {
            continue;
        }
        if language.is_empty() {
            problems.push(format!("{}: say what language a block has", own.display()));
        }
        if !language.starts_with("rust") {
            continue;
        }
        if language.contains("ignore") {
            problems.push(format!(
                "{}: a block of Rust is not compiled",
                own.display()
            ));
        }
        let name = format!("\"{}\"", page.display());
        if !compiled.contains(&name) {
            problems.push(format!("{COMPILED} does not have {}", page.display()));
        }
    }
    // What is included is compiled where it stands: as documentation of its crate.
    for file in includes(page)? {
        if file.extension().is_some_and(|kind| kind == "md") && !is_documentation(&file)? {
            problems.push(format!("{}: nothing compiles it", file.display()));
        }
    }
    Ok(problems)
}

/// Whether a crate has this file as its documentation, or there is no Rust in it.
fn is_documentation(file: &Path) -> Result<bool, String> {
    let has_rust = lines(&read(file)?)
        .any(|line| matches!(line, Line::Fence(language, true) if language.is_empty() || language.starts_with("rust")));
    if !has_rust {
        return Ok(true);
    }
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let folder = file.parent().unwrap_or(Path::new(""));
    let beside: [PathBuf; 3] = [
        folder.join("mod.rs"),
        folder.join("src/lib.rs"),
        folder.join("lib.rs"),
    ];
    for source in beside.iter().filter(|source| source.exists()) {
        let text = read(source)?;
        if text.contains(&format!("include_str!(\"{name}\")"))
            || text.contains(&format!("include_str!(\"../{name}\")"))
        {
            return Ok(true);
        }
    }
    // The README of the repository: compiled with the tests of the examples.
    Ok(file == Path::new("README.md"))
}
