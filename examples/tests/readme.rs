//! The README shows the first program as it is, and what is to be read is short; other tests run it.

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

/// What a newcomer copies: the program; its tests stand beside it.
#[test]
fn the_shop_has_under_250_lines() {
    let program = concat!(
        include_str!("../axum-shop/main.rs"),
        include_str!("../axum-shop/messages.rs"),
        include_str!("../axum-shop/shop.rs"),
    );
    assert!(program.lines().count() < 250);
}
