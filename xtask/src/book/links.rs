//! Every link of every Markdown file of the repository that leads to a file of it.

use std::path::{Path, PathBuf};

use super::page::{Line, anchors, lines, targets};
use super::summary::{plain, read, shown};
use crate::process::capture;

/// What leads nowhere, and how many links were looked at.
pub(crate) fn check() -> Result<(usize, Vec<String>), String> {
    let mut looked_at = 0;
    let mut problems = Vec::new();
    for file in files()? {
        let text = read(&file)?;
        let folder = file.parent().unwrap_or(Path::new(""));
        for line in lines(&text) {
            let Line::Text(line) = line else { continue };
            for range in targets(line) {
                let target = &line[range];
                if !is_path(target) {
                    continue;
                }
                looked_at += 1;
                if let Err(problem) = follow(&file, folder, &text, target) {
                    problems.push(problem);
                }
            }
        }
    }
    Ok((looked_at, problems))
}

/// What git knows, and what is new.
pub(crate) fn files() -> Result<Vec<PathBuf>, String> {
    let mut git = std::process::Command::new("git");
    git.args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "--deduplicate",
        "*.md",
    ]);
    let listed = capture(git)?;
    let files = listed.lines().map(PathBuf::from);
    Ok(files.filter(|file| file.exists()).collect())
}

/// Rustdoc checks paths into the code, and nobody the rest of the world.
fn is_path(target: &str) -> bool {
    let first = target.split(['#', '?']).next().unwrap_or_default();
    let is_code = target.contains("::")
        || target == "crate"
        || (!first.contains(['.', '/']) && !first.is_empty() && !Path::new(first).exists());
    !is_code && !target.contains("://") && !target.starts_with("mailto:")
}

fn follow(file: &Path, folder: &Path, text: &str, target: &str) -> Result<(), String> {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let there = plain(&folder.join(path));
    if !path.is_empty() && !there.exists() {
        return Err(format!("{}: {target} leads nowhere", file.display()));
    }
    if anchor.is_empty() {
        return Ok(());
    }
    let known = if path.is_empty() {
        anchors(text)
    } else if there.extension().is_some_and(|kind| kind == "md") {
        anchors(&shown(&there)?)
    } else {
        return Ok(());
    };
    if known.iter().any(|known| known == anchor) {
        Ok(())
    } else {
        Err(format!("{}: {target} has no such part", file.display()))
    }
}
