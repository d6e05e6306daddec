//! `cargo xtask notices`: the licences of what is inside the images, as each crate ships them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::parts::{IMAGES, Part};

/// How the names of such files begin, in capitals.
const NAMES: [&str; 6] = [
    "LICENSE",
    "LICENCE",
    "COPYING",
    "NOTICE",
    "COPYRIGHT",
    "UNLICENSE",
];

/// The text, for the standard output and nothing else.
pub(crate) fn text() -> Result<String, String> {
    // A text that many crates have is there once, with their names above it.
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut without = Vec::new();
    for ((name, version), part) in IMAGES.parts()? {
        if part.checksum.is_none() {
            continue;
        }
        let licence = part.licence.as_deref().unwrap_or("see its file");
        let title = format!("{name} {version} ({licence})");
        let found = files(&part)?;
        if found.is_empty() {
            let from = part.repository.as_deref().unwrap_or("no repository named");
            without.push(format!("{title}, {from}"));
        }
        for text in found {
            texts.entry(text).or_default().push(title.clone());
        }
    }
    let mut all = String::from(
        "These programs contain the following works of others, under the licences that are given.\n",
    );
    let rule = "-".repeat(100);
    let wrong = |error: std::fmt::Error| error.to_string();
    for (text, titles) in texts {
        write!(all, "\n{rule}\n{}\n{rule}\n\n{text}\n", titles.join("\n")).map_err(wrong)?;
    }
    if !without.is_empty() {
        let list = without.join("\n");
        write!(
            all,
            "\n{rule}\nThese ship no text of their licence:\n{list}\n"
        )
        .map_err(wrong)?;
    }
    Ok(all)
}

/// The texts that stand beside the manifest.
fn files(part: &Part) -> Result<Vec<String>, String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", part.folder.display());
    let mut texts = Vec::new();
    for entry in fs::read_dir(&part.folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if is_licence(&path) {
            let text = fs::read(&path).map_err(wrong)?;
            let text = String::from_utf8_lossy(&text).replace("\r\n", "\n");
            texts.push(text.trim().to_owned());
        }
    }
    texts.sort();
    Ok(texts)
}

fn is_licence(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let name = name.to_string_lossy().to_uppercase();
    path.is_file() && NAMES.iter().any(|begin| name.starts_with(begin))
}
