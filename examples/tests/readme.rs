//! The README shows the first program as it is; other tests run it.

#[test]
fn the_readme_shows_the_first_program() {
    let program = include_str!("../first_program/main.rs");
    let shown = &program[program.find("use signalbus").unwrap()..];
    assert!(include_str!("../../README.md").contains(shown.trim()));
}
