//! The first program: the same event twice is one mail.

use std::fs;

use crate::process::Program;

#[test]
fn it_sends_one_mail_however_often_it_runs() {
    let dir = tempfile::tempdir().unwrap();
    let program = Program::new("first_program", dir.path());
    assert_eq!(program.run(&[]).trim(), "Accepted");
    let mails = || fs::read_dir(dir.path().join("outbox")).unwrap().count();
    assert_eq!(mails(), 1);
    assert_eq!(program.run(&[]).trim(), "Duplicate");
    assert_eq!(mails(), 1);
}
