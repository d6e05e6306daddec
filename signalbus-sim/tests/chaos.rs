//! A short hunt belongs to every test run.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};
use tempfile::TempDir;

fn chaos() -> Command {
    Command::new(env!("CARGO_BIN_EXE_signalbus-chaos"))
}

fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    format!("{text}\n{}", String::from_utf8_lossy(&output.stderr))
}

#[test]
fn twenty_kills_break_no_promise() {
    let output = chaos().args(["--kills", "20"]).output().unwrap();
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("lost         0"), "{said}");
}

/// The disk is full while they work: what they cannot write they go on with later, without a restart.
#[cfg(target_os = "linux")]
#[test]
fn twenty_kills_on_a_disk_that_is_full_now_and_then_break_no_promise() {
    let mut chaos = chaos();
    let output = chaos.args(["--kills", "20", "--store", "full-disk"]);
    let output = output.output().unwrap();
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("the disk was full 20 times"), "{said}");
    assert!(said.contains("lost         0"), "{said}");
}

/// On a server of its own: a killed host leaves lanes to which the next has to wait.
#[test]
fn twelve_kills_on_postgres_break_no_promise() {
    let mut chaos = chaos();
    let output = chaos.args(["--kills", "12", "--store", "postgres"]);
    let output = output.output().unwrap();
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("lost         0"), "{said}");
}

/// What a hunt left behind, to be tampered with.
struct Kept {
    _temporary: TempDir,
    folder: PathBuf,
}

impl Kept {
    fn hunt() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("kept");
        let output = chaos()
            .args(["--kills", "5", "--keep"])
            .arg(&folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
        Self {
            _temporary: temporary,
            folder,
        }
    }

    fn judge(&self) -> (bool, String) {
        let output = chaos().arg("judge").arg(&self.folder).output().unwrap();
        (output.status.success(), said(&output))
    }

    /// Changes the lines of one observer, sees that the verdict names the invariant, and changes
    /// them back.
    #[track_caller]
    fn tampered(&self, file: &str, invariant: &str, tamper: impl FnOnce(&mut Vec<Value>)) {
        let path = self.folder.join(file);
        let before = fs::read_to_string(&path).unwrap();
        let mut lines: Vec<Value> = before
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        tamper(&mut lines);
        write(&path, &lines);
        let (passed, said) = self.judge();
        assert!(!passed && said.contains(invariant), "{file}: {said}");
        fs::write(&path, before).unwrap();
    }
}

fn write(path: &Path, lines: &[Value]) {
    let lines: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(path, lines.concat()).unwrap();
}

fn is(line: &Value, op: &str) -> bool {
    line["seen"]["op"] == op
}

/// The last line of a kind.
fn last<'a>(lines: &'a mut [Value], op: &str) -> &'a mut Value {
    lines.iter_mut().rfind(|line| is(line, op)).unwrap()
}

/// The last answer that an event is new; the answer to a repeat says less.
fn last_accepted(lines: &mut [Value]) -> &mut Value {
    let accepted =
        |line: &&mut Value| is(line, "published") && line["seen"]["verdict"] == "accepted";
    lines.iter_mut().rfind(accepted).unwrap()
}

/// A checker that never failed is no evidence.
#[test]
fn tampered_evidence_is_found() {
    let kept = Kept::hunt();

    // A message that never reached the provider, though the store says so.
    kept.tampered("book", "C1", |book| {
        let delivery = last(book, "request")["seen"]["delivery"].clone();
        book.retain(|line| line["seen"]["delivery"] != delivery);
    });
    // A message that came a second time for no reason.
    kept.tampered("book", "C3", |book| {
        let mut again = last(book, "request").clone();
        again["seen"]["request"] = json!(u64::MAX);
        book.push(again);
    });
    // A message under an attempt that the store knows nothing of.
    kept.tampered("book", "C4", |book| {
        last(book, "request")["seen"]["attempt"] = json!(9);
    });
    // A message that nobody published. The last call may have been cut short by a kill; the last
    // that was answered led to a message.
    kept.tampered("publications", "C2", |publications| {
        let call = last_accepted(publications)["seen"]["call"].clone();
        let mut publishes = publications.iter().filter(|line| is(line, "publish"));
        let answered = publishes
            .rfind(|line| line["seen"]["call"] == call)
            .unwrap();
        let content = answered["seen"]["content"].clone();
        publications.retain(|line| line["seen"]["content"] != content);
    });
    // An accepted delivery that the store does not have.
    kept.tampered("publications", "C1", |publications| {
        last_accepted(publications)["seen"]["deliveries"][0] =
            json!("00000000-0000-7000-8000-000000000001");
    });
    // A key that was accepted as two events.
    kept.tampered("publications", "C6", |publications| {
        let mut told = last_accepted(publications).clone();
        let of_call = |line: &&Value| line["seen"]["call"] == told["seen"]["call"];
        let mut asked = publications.iter().find(of_call).unwrap().clone();
        for line in [&mut asked, &mut told] {
            line["seen"]["call"] = json!(u64::MAX);
        }
        told["seen"]["event"] = json!("00000000-0000-7000-8000-000000000002");
        publications.extend([asked, told]);
    });
    // A kill that left a claim open of which the store's history says nothing.
    kept.tampered("kills", "C3", |kills| {
        let open = kills[0]["open"].as_array_mut().unwrap();
        let book = fs::read_to_string(kept.folder.join("book")).unwrap();
        let first: Value = serde_json::from_str(book.lines().next().unwrap()).unwrap();
        open.push(json!([first["seen"]["delivery"], 9]));
    });

    let (passed, said) = kept.judge();
    assert!(passed, "what was changed is changed back: {said}");
}
