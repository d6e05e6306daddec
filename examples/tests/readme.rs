//! The README shows the first program as it is; other tests run it.

#![cfg(test)]

/// The program without what is said about it.
fn first_program() -> &'static str {
    let program = include_str!("../first_program/main.rs");
    program[program.find("use signalbus").unwrap()..].trim()
}

#[test]
fn the_readme_shows_the_first_program() {
    let readme = include_str!("../../README.md");
    let (_, after) = readme.split_once("```rust").unwrap();
    let (_, after) = after.split_once('\n').unwrap();
    let (first, _) = after.split_once("\n```").unwrap();
    assert_eq!(first, first_program());
}

#[test]
fn the_first_program_is_short() {
    let body = first_program().strip_suffix('}').unwrap();
    let lines = body
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with("use "));
    assert!(lines.count() < 15, "without imports and the last brace");
}
