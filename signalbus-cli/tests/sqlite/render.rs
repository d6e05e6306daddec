//! `render`: templates and an event, and no store.

use std::fs;

use crate::common::{SECRET, signalbus, signalbus_with};

fn templates() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let locale = folder.path().join("auth.code/en");
    fs::create_dir_all(&locale).unwrap();
    fs::write(locale.join("sms.txt"), "Code {{ data.code }}\u{1b}[2J").unwrap();
    fs::write(locale.join("subject.txt"), "Your code").unwrap();
    fs::write(locale.join("body.txt"), "It is {{ data.code }}.").unwrap();
    folder
}

const EVENT: &str = r#"{
    "topic": "auth.code",
    "to": [{ "addresses": { "sms": "+447700900123", "email": "ada@example.org" } }],
    "data": { "code": "canary-content" },
    "idempotency": "none"
}"#;

#[test]
fn each_message_of_an_event_is_shown_and_commands_no_terminal() {
    let folder = templates();
    let templates = folder.path().to_str().unwrap();
    let arguments = ["render", "--templates", templates, "--event", "-"];
    let said = signalbus_with("", &arguments, EVENT)
        .good()
        .has("=== email for recipient 0 in en")
        .has("  | It is canary-content.")
        .has("=== sms for recipient 0 in en")
        .has("\\u{1b}[2J");
    assert!(!said.out.contains('\u{1b}'));

    let only = [&arguments[..], &["--channel", "sms", "--json"]].concat();
    let json = signalbus_with("", &only, EVENT).good().json();
    let messages = json["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 1);
    assert!(
        messages[0]["parts"]["sms.txt"]
            .as_str()
            .unwrap()
            .contains(SECRET)
    );
}

#[test]
fn what_is_wrong_with_a_template_or_an_event_is_said() {
    let folder = templates();
    let templates = folder.path().to_str().unwrap();
    let arguments = ["render", "--templates", templates, "--event", "-"];
    let said = signalbus_with("", &arguments, "{}");
    assert_eq!(said.code, 1);
    assert!(said.err.contains("the event cannot be read"), "{said:?}");

    let said = signalbus_with("", &arguments, &EVENT.replace("\"code\":", "\"cod\":"));
    assert_eq!(said.code, 1);
    assert!(
        said.err.contains("the event cannot be rendered"),
        "{said:?}"
    );

    fs::write(folder.path().join("auth.code/en/sms.txt"), "{{ broken").unwrap();
    let said = signalbus_with("", &arguments, EVENT);
    assert!(said.err.contains("sms.txt"), "{said:?}");
    let said = signalbus("", &["render", "--templates", "/nowhere", "--event", "-"]);
    assert_eq!(said.code, 1, "{said:?}");
}
