//! What mdBook calls for each build: the book comes in as JSON, and goes out rewritten.

use std::io::Read as _;
use std::path::PathBuf;

use serde_json::Value;

use super::rewrite::rewrite;
use super::summary::Summary;

/// Reads from the standard input what mdBook sends, and gives what it expects.
pub(crate) fn run() -> Result<String, String> {
    let mut input = String::new();
    std::io::stdin()
        .read_to_string(&mut input)
        .map_err(|error| error.to_string())?;
    let mut sent: Vec<Value> =
        serde_json::from_str(&input).map_err(|error| format!("from mdBook: {error}"))?;
    let mut book = sent.pop().ok_or("mdBook sent no book")?;
    pages(&mut book, &Summary::read()?, &repository())?;
    serde_json::to_string(&book).map_err(|error| error.to_string())
}

/// Where files of the repository can be read.
pub(crate) fn repository() -> String {
    let name = std::env::var("GITHUB_REPOSITORY").unwrap_or_else(|_| "OWNER/REPOSITORY".into());
    let server = std::env::var("GITHUB_SERVER_URL").unwrap_or_else(|_| "https://github.com".into());
    format!("{server}/{name}/tree/main")
}

/// Rewrites every page in what mdBook sent, however deep it stands.
fn pages(value: &mut Value, summary: &Summary, repository: &str) -> Result<(), String> {
    match value {
        Value::Array(items) => items
            .iter_mut()
            .try_for_each(|item| pages(item, summary, repository)),
        Value::Object(members) => {
            let page = members.get("source_path").and_then(Value::as_str);
            let page = page.map(PathBuf::from);
            if let (Some(page), Some(Value::String(content))) = (page, members.get_mut("content")) {
                *content = rewrite(summary, &page, content, repository)?;
            }
            members
                .values_mut()
                .try_for_each(|item| pages(item, summary, repository))
        }
        _ => Ok(()),
    }
}
