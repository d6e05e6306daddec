//! Whoever searches the book for what stands on their screen finds it: the headings of the page of incidents are
//! texts of the programs.

#![cfg(test)]

use std::{fs, path::Path};

/// All sources below a folder, with strings that go over several lines as they are when they are said.
fn sources(folder: &Path, all: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let mut lines = text.lines();
            while let Some(line) = lines.next() {
                let mut line = line.to_owned();
                while line.ends_with('\\') {
                    line.pop();
                    line.push_str(lines.next().unwrap_or_default().trim_start());
                }
                all.push_str(&line);
                all.push('\n');
            }
        }
    }
}

#[test]
fn each_incident_is_named_by_what_a_program_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join("docs/operate/incidents.md")).unwrap();
    let mut all = String::new();
    for entry in fs::read_dir(&root).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let folder = path.join("src");
        if name.starts_with("signalbus") && folder.is_dir() {
            sources(&folder, &mut all);
        }
    }
    sources(&root.join("examples/servers"), &mut all);
    let headings: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'))
        .collect();
    assert!(headings.len() > 25, "{headings:?}");
    let unknown: Vec<_> = headings
        .iter()
        .filter(|text| !all.contains(**text))
        .collect();
    assert!(unknown.is_empty(), "no program says {unknown:#?}");
}
