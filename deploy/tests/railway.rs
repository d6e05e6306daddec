//! `deploy/railway/deploy.sh` with programs in the place of Railway's: in which order it deploys, that it goes
//! back when the API does not get ready, and that without a token it does nothing and is no failure.

#![cfg(all(test, unix))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

/// Knows an old image of each service, and writes down what it is told.
const RAILWAY: &str = r#"#!/bin/sh
case "$*" in
    *--kv*) echo "OTHER=1"; echo "IMAGE=old/$3" ;;
    *) echo "$*" >> told ;;
esac
"#;

fn deploy(at: &Path, token: &str, health: &str, curl: &str) -> (Output, String) {
    for (name, text) in [
        ("railway", RAILWAY),
        ("npm", "#!/bin/sh\n"),
        ("sleep", "#!/bin/sh\n"),
        ("curl", curl),
    ] {
        let path = at.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:{}", at.display(), std::env::var("PATH").unwrap());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("railway/deploy.sh");
    let output = Command::new("bash")
        .arg(script)
        .args(["reg", "v1"])
        .current_dir(at)
        .env("PATH", path)
        .env("RAILWAY_TOKEN", token)
        .env("HEALTH_URL", health)
        .output()
        .unwrap();
    let told = fs::read_to_string(at.join("told")).unwrap_or_default();
    (output, told)
}

const FORTH: [&str; 4] = [
    "migrate reg/signalbus:v1",
    "email-worker reg/email-worker:v1",
    "sms-worker reg/sms-worker:v1",
    "notification-api reg/notification-api:v1",
];

const BACK: [&str; 3] = [
    "email-worker old/email-worker",
    "sms-worker old/sms-worker",
    "notification-api old/notification-api",
];

fn told(services: &[&str]) -> String {
    let lines = services.iter().map(|line| {
        let (service, image) = line.split_once(' ').unwrap();
        format!(
            "variables --service {service} --set IMAGE={image} --skip-deploys\n\
             up --service {service} --ci\n"
        )
    });
    lines.collect()
}

#[test]
fn without_a_token_nothing_is_done_and_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let (output, told) = deploy(dir.path(), "", "", "#!/bin/sh\n");
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("RAILWAY_TOKEN is not set"));
    assert_eq!(told, "");
}

#[test]
fn tables_come_first_and_the_api_last() {
    let dir = tempfile::tempdir().unwrap();
    let (output, said) = deploy(dir.path(), "t", "https://api.test", "#!/bin/sh\nexit 0\n");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(said, told(&FORTH));
}

#[test]
fn an_api_that_does_not_get_ready_brings_the_old_images_back() {
    let dir = tempfile::tempdir().unwrap();
    let (output, said) = deploy(dir.path(), "t", "https://api.test", "#!/bin/sh\nexit 22\n");
    assert!(!output.status.success());
    assert_eq!(said, told(&FORTH) + &told(&BACK));
}
