//! A short hunt belongs to every test run.

use std::process::Command;

#[test]
fn twenty_kills_break_no_promise() {
    let output = Command::new(env!("CARGO_BIN_EXE_signalbus-chaos"))
        .args(["--kills", "20"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    assert!(text.contains("lost         0"), "{text}");
}
