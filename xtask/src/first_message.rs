//! The way of a newcomer, as the book tells it: its commands and its files, one after the other, in an
//! empty folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{capture, run as run_command};
use crate::report::Done;

const PAGE: &str = include_str!("../../docs/start/first-message.md");

/// What the page promises.
const PROMISE: &str = "five commands and three files";
const COMMANDS: usize = 5;

/// Does what the page says; the program is built into `target`.
pub(crate) fn follow(target: &Path) -> Result<Done, String> {
    let way = Way::told(PAGE)?;
    let folder = Folder::new()?;
    let (last, first) = way.commands.split_last().ok_or("no command")?;
    folder.shell(&first.join(" && "), target)?;
    let program = folder.0.join("lunch");
    for (path, text) in &way.files {
        let path = program.join(path);
        let above = path.parent().ok_or("a file without a folder")?;
        fs::create_dir_all(above).map_err(|error| error.to_string())?;
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let said = folder.shell(&format!("cd lunch && {last}"), target)?;
    for expected in [
        "Lunch is ready",
        "today there is soup",
        "accepted by the provider",
    ] {
        if !said.contains(expected) {
            return Err(format!("it does not say {expected:?}: {said}"));
        }
    }
    Ok(Done::Ran(format!(
        "{} commands, {} files",
        way.commands.len(),
        way.files.len()
    )))
}

/// What the page says to do.
struct Way {
    commands: Vec<String>,
    /// Path and content.
    files: Vec<(String, String)>,
}

impl Way {
    /// Blocks of `console` are commands; any other block is the file that was named last before it.
    fn told(page: &str) -> Result<Self, String> {
        let promised = page.split_whitespace().collect::<Vec<_>>().join(" ");
        if !promised.contains(PROMISE) {
            return Err(format!("the page does not say {PROMISE:?}"));
        }
        let told = page.split("\n## ").next().unwrap_or(page);
        let mut way = Self {
            commands: Vec::new(),
            files: Vec::new(),
        };
        // Prose and blocks take turns.
        let parts: Vec<&str> = told.split("```").collect();
        for pair in parts.chunks(2) {
            let [prose, block] = pair else { continue };
            let (kind, text) = block.split_once('\n').ok_or("a block without an end")?;
            if kind == "console" {
                let typed = text.lines().filter_map(|line| line.strip_prefix("$ "));
                way.commands.extend(typed.map(str::to_owned));
            } else {
                let named = prose.split('`').skip(1).step_by(2);
                let file = named.filter(|name| name.contains('/')).last();
                let file = file.ok_or_else(|| format!("no file is named before {text:?}"))?;
                way.files.push((file.to_owned(), text.to_owned()));
            }
        }
        if (way.commands.len(), way.files.len()) != (COMMANDS, 3) {
            return Err(format!(
                "{} commands and {} files are no {PROMISE}",
                way.commands.len(),
                way.files.len()
            ));
        }
        Ok(way)
    }
}

/// An empty folder beside a clone, and outside of it: cargo makes what is new inside a member of the workspace.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, String> {
        let name = format!("signalbus-first-message-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let folder = Self(folder);
        let here = std::env::current_dir().map_err(|error| error.to_string())?;
        let mut link = Command::new("ln");
        link.arg("-s").arg(here).arg(folder.0.join("signalbus"));
        run_command(link)?;
        // Whatever lies above is none of its business: cargo would make it a member of that.
        let alone = "[workspace]\nresolver = \"3\"\nmembers = []\nexclude = [\"signalbus\"]\n";
        fs::write(folder.0.join("Cargo.toml"), alone).map_err(|error| error.to_string())?;
        // The versions that the workspace is tested with.
        fs::copy("Cargo.lock", folder.0.join("Cargo.lock")).map_err(|error| error.to_string())?;
        Ok(folder)
    }

    fn shell(&self, command: &str, target: &Path) -> Result<String, String> {
        let mut shell = Command::new("sh");
        shell.args(["-ec", command]).current_dir(&self.0);
        shell.env("CARGO_TARGET_DIR", target);
        capture(shell)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_as_many_commands_and_files_as_it_says() {
        let way = Way::told(PAGE).unwrap();
        let files: Vec<&str> = way.files.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(
            files,
            [
                "templates/lunch.ready/en/subject.txt",
                "templates/lunch.ready/en/body.txt",
                "src/main.rs"
            ]
        );
        let one_more = PAGE.replace("$ cargo run\n", "$ cargo run\n$ cargo run\n");
        assert!(Way::told(&one_more).is_err());
    }
}
