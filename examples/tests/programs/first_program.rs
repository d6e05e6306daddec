//! The first program: the same event twice is one message.

use crate::process::Program;

#[test]
fn it_sends_one_message_however_often_it_runs() {
    let dir = tempfile::tempdir().unwrap();
    let program = Program::new("first_program", dir.path());
    let first = program.run(&[]);
    // It is sent while `publish` returns: either may be printed first.
    for printed in ["Accepted", "=== sms to +447700900123", "| Welcome!"] {
        let lines = first.lines().filter(|line| line.trim() == printed);
        assert_eq!(lines.count(), 1, "{printed}: {first}");
    }
    assert_eq!(program.run(&[]).trim(), "Duplicate");
}
