//! What the quickstart sent, as it lies in its folder.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

/// Mails by file name, texts by line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outbox {
    pub(crate) mails: BTreeMap<String, String>,
    pub(crate) texts: Vec<Value>,
}

impl Outbox {
    /// Reads what a quickstart in `dir` sent, and checks that no message has the id of another.
    pub(crate) fn read(dir: &Path) -> Self {
        let dir = dir.join("quickstart-data");
        let mails: BTreeMap<String, String> = fs::read_dir(dir.join("mails"))
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
            .map(|path| {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, fs::read_to_string(path).unwrap())
            })
            .collect();
        let texts: Vec<Value> = fs::read_to_string(dir.join("texts.jsonl"))
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        all_differ(mails.values().map(|mail| header(mail, "Message-ID")));
        all_differ(texts.iter().map(|text| text["reference"].to_string()));
        Self { mails, texts }
    }

    /// What was said to whom, in an order of its own: equal for two runs that sent the same,
    /// whatever ids they gave it.
    pub(crate) fn contents(&self) -> Vec<String> {
        let mails = self.mails.values().map(|mail| {
            let (to, subject) = (header(mail, "To"), header(mail, "Subject"));
            format!("mail {to} {subject}")
        });
        let texts = self
            .texts
            .iter()
            .map(|text| format!("text {} {}", text["number"], text["text"]));
        let mut contents: Vec<String> = mails.chain(texts).collect();
        contents.sort();
        contents
    }
}

/// The value of a header with its continuation lines.
fn header(mail: &str, name: &str) -> String {
    let prefix = format!("{name}: ");
    let mut lines = mail.lines().skip_while(|line| !line.starts_with(&prefix));
    let first = lines.next().unwrap_or_else(|| panic!("no {name}"));
    let more = lines.take_while(|line| line.starts_with([' ', '\t']));
    first[prefix.len()..].to_owned() + &more.collect::<String>()
}

fn all_differ(ids: impl Iterator<Item = String>) {
    let mut ids: Vec<String> = ids.collect();
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all, "an id is there twice");
}
