//! Finds cases in the source of a suite: one that is not listed would never run.

use std::{fs, path::Path};

/// All cases in the files of this folder are lines of `list`.
pub(crate) fn assert_all_listed(folder: &str, list: &str) {
    let listed: Vec<&str> = list.lines().map(str::trim).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src")
        .join(folder);
    let mut cases = 0;
    for file in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        for line in text.lines() {
            let case = line
                .strip_prefix("pub async fn ")
                .and_then(|rest| rest.strip_suffix("(h: Harness) {"));
            if let Some(case) = case {
                assert!(listed.contains(&case), "{case} is not in the list");
                cases += 1;
            }
        }
    }
    assert!(cases > 10, "no cases were found");
}
