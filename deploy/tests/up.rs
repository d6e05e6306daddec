//! `signalbus-up`: one program starts the whole system; an event that is published goes the whole way, to
//! the mail that was caught and the number that is shown; and nothing is left when it ends.

#![cfg(test)]

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

const PAUSE: Duration = Duration::from_millis(200);
const TRIES: u32 = 600;

struct Up {
    child: Child,
    stdout: BufReader<ChildStdout>,
    addresses: BTreeMap<String, String>,
}

impl Drop for Up {
    fn drop(&mut self) {
        // Fails when it has ended. What it has started ends with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The folder of the examples, which are built before the tests.
fn programs() -> PathBuf {
    let up = Path::new(env!("CARGO_BIN_EXE_signalbus-up"));
    up.parent().unwrap().join("examples")
}

impl Up {
    /// Starts it, and waits until it says that all is ready.
    #[expect(
        clippy::zombie_processes,
        reason = "the test fails before it is waited for"
    )]
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_signalbus-up"))
            .arg("--programs")
            .arg(programs())
            .arg("--folder")
            .arg(folder)
            .args(["--rate", "0", "--board", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut addresses = BTreeMap::new();
        let mut said = String::new();
        loop {
            let mut line = String::new();
            let read = stdout.read_line(&mut line).unwrap();
            assert!(read > 0, "it ended: {said}\n{}", logs(folder));
            said.push_str(&line);
            let mut words = line.split_whitespace();
            if let (Some(name), Some(url)) = (words.next(), words.next())
                && url.starts_with("http://")
            {
                addresses.insert(name.to_owned(), url.to_owned());
            }
            if line.starts_with("Ctrl-C ends") {
                return Self {
                    child,
                    stdout,
                    addresses,
                };
            }
        }
    }

    /// `http://127.0.0.1:8080`
    fn origin(&self, name: &str) -> String {
        let url = &self.addresses[name];
        let end = url[7..].find('/').map_or(url.len(), |at| at + 7);
        url[..end].to_owned()
    }

    /// Tells it to stop, and gives back what it said meanwhile.
    fn end(mut self) -> String {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        let said = std::io::read_to_string(&mut self.stdout).unwrap();
        assert!(self.child.wait().unwrap().success(), "{said}");
        said
    }
}

fn logs(folder: &Path) -> String {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let logs = entries.map(|entry| entry.unwrap().path());
    let logs = logs.filter(|path| path.extension().is_some_and(|end| end == "log"));
    logs.map(|path| {
        format!(
            "{}:\n{}\n",
            path.display(),
            fs::read_to_string(&path).unwrap()
        )
    })
    .collect()
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..TRIES {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("there is no {what}");
}

#[tokio::test]
async fn an_event_goes_the_whole_way_and_nothing_is_left_running() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("up");
    let up = Up::start(&folder);
    for name in [
        "notification-api",
        "email-worker",
        "sms-worker",
        "prometheus",
        "alertmanager",
    ] {
        assert!(
            up.addresses.contains_key(name),
            "{name}: {:?}",
            up.addresses
        );
    }
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let key = fs::read_to_string(folder.join("api.key")).unwrap();
    let url = format!("{}/notify/signup", up.origin("notification-api"));
    let body = json!({ "name": "Ada", "email": "ada@up.example.org" });
    let refused = client.post(&url).bearer_auth("nobody's").json(&body);
    assert_eq!(refused.send().await.unwrap().status().as_u16(), 401);
    let asked = client.post(&url).bearer_auth(key.trim()).json(&body);
    let answer = asked.send().await.unwrap();
    assert_eq!(
        answer.status().as_u16(),
        202,
        "{}",
        answer.text().await.unwrap()
    );

    let mail = until("mail", async || {
        let mut mails = fs::read_dir(folder.join("mails/new")).ok()?;
        let path = mails.next()?.unwrap().path();
        Some(String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned())
    })
    .await;
    assert!(mail.contains("ada@up.example.org"), "{mail}");

    let query =
        "sum(notifications_ended_total{job=\"signalbus\",channel=\"email\",state=\"accepted\"})";
    let url = format!("{}/api/v1/query", up.origin("prometheus"));
    let sent = until("series of the mail", async || {
        let asked = client.get(&url).query(&[("query", query)]);
        let answer: Value = asked.send().await.ok()?.json().await.ok()?;
        Some(answer["data"]["result"][0]["value"][1].as_str()?.to_owned())
    })
    .await;
    assert_eq!(
        sent, "1",
        "one event was published, and nobody else publishes"
    );

    let ports: Vec<String> = up.addresses.keys().map(|name| up.origin(name)).collect();
    let said = up.end();
    assert!(said.trim_end().ends_with("Stopped."), "{said}");
    for origin in ports {
        let address = origin.trim_start_matches("http://");
        assert!(
            TcpStream::connect(address).is_err(),
            "{origin} still listens"
        );
    }
}
