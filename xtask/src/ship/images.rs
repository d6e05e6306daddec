//! `cargo xtask images`: the images, without an engine. The programs are built static here, in the place of
//! the build stage; buildah makes the images of `deploy/Dockerfile` from them, and starts one in a chroot.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::notices;
use crate::metadata::Metadata;
use crate::process::{announce, cannot_start, capture, cargo, run as run_command, works};
use crate::report::{Done, Report};
use crate::servers::install;

/// What runs on the machines this is checked on.
const TARGET: &str = "x86_64-unknown-linux-musl";

/// The examples among the programs; `signalbus` is the other one.
const SERVERS: [&str; 4] = [
    "notification-api",
    "notification-server",
    "email-worker",
    "sms-worker",
];

/// Who runs in every image.
const USER: &str = "65532:65532";

/// How long a server may take to get ready.
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn run(report: &mut Report) {
    let mut images = None;
    report.step("static programs", || {
        let folder = build()?;
        images = Some(Images::new(&folder)?);
        Ok(Done::Ran(TARGET.to_owned()))
    });
    let Some(images) = images else { return };
    for name in SERVERS.into_iter().chain(["signalbus"]) {
        report.step(&format!("image {name}"), || images.make(name));
    }
    report.step("notification-server in its image", || {
        images.start("notification-server")
    });
}

/// Builds the programs, and lays them out as the build stage does. Where.
fn build() -> Result<PathBuf, String> {
    let mut target = Command::new("rustup");
    target.args(["target", "add", TARGET]);
    run_command(target)?;
    if !works(with_version("musl-gcc")) {
        install(&["musl-tools"], "musl-gcc is not installed".to_owned())?;
    }
    let compile = |words: &[&str]| {
        let mut command = cargo(["build", "--locked", "--target", TARGET]);
        command.args(words);
        command.env("CC_x86_64_unknown_linux_musl", "musl-gcc");
        run_command(command)
    };
    let mut examples = vec![
        "--package=signalbus-examples",
        "--features=servers,notification-server",
    ];
    examples.extend(SERVERS.iter().flat_map(|name| ["--example", name]));
    compile(&examples)?;
    compile(&["--package=signalbus-cli"])?;
    let target = Metadata::target()?;
    let folder = target.join("images");
    let out = folder.join("context/out");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    }
    let wrong = |error: std::io::Error| error.to_string();
    for name in ["bin", "data", "licenses"] {
        fs::create_dir_all(out.join(name)).map_err(wrong)?;
    }
    let built = target.join(TARGET).join("debug");
    for name in SERVERS {
        copy(&built.join("examples").join(name), &out.join("bin"))?;
    }
    copy(&built.join("signalbus"), &out.join("bin"))?;
    copy(Path::new("examples/templates"), &out)?;
    copy(Path::new("/usr/share/zoneinfo"), &out)?;
    copy(Path::new("LICENSE-MIT"), &out.join("licenses"))?;
    copy(Path::new("LICENSE-APACHE"), &out.join("licenses"))?;
    fs::write(out.join("licenses/THIRD-PARTY.txt"), notices::text()?).map_err(wrong)?;
    Ok(folder)
}

fn copy(from: &Path, into: &Path) -> Result<(), String> {
    let mut command = Command::new("cp");
    command.arg("-RL").arg(from).arg(into);
    run_command(command)
}

fn with_version(program: &str) -> Command {
    let mut command = Command::new(program);
    command.arg("--version");
    command
}

/// A store of images of its own.
struct Images {
    folder: PathBuf,
}

impl Images {
    fn new(folder: &Path) -> Result<Self, String> {
        if !works(with_version("buildah")) {
            install(&["buildah"], "buildah is not installed".to_owned())?;
        }
        let dockerfile =
            fs::read_to_string("deploy/Dockerfile").map_err(|error| error.to_string())?;
        let (_, stages) = dockerfile
            .split_once("\nFROM scratch")
            .ok_or("deploy/Dockerfile has no stage on scratch")?;
        let write = |name: &str, text: &str| {
            fs::write(folder.join(name), text).map_err(|error| error.to_string())
        };
        write("Dockerfile", &format!("FROM scratch{stages}"))?;
        write(
            "policy.json",
            "{\"default\":[{\"type\":\"insecureAcceptAnything\"}]}",
        )?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    fn buildah<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new("buildah");
        command
            .arg("--root")
            .arg(self.folder.join("store"))
            .arg("--runroot")
            .arg(self.folder.join("run"))
            .args(words)
            .env("STORAGE_DRIVER", "vfs")
            .env("BUILDAH_ISOLATION", "chroot");
        command
    }

    fn policy(&self) -> String {
        let path = self.folder.join("policy.json");
        format!("--signature-policy={}", path.display())
    }

    /// Makes an image, and looks at what it says of itself and at what is not in it.
    fn make(&self, name: &str) -> Result<Done, String> {
        let mut command = self.buildah(["build", "--format=docker", &self.policy()]);
        let context = self.folder.join("context");
        command
            .arg(format!("--build-context=build={}", context.display()))
            .arg("--target")
            .arg(name)
            .arg("--tag")
            .arg(name)
            .arg("--file")
            .arg(self.folder.join("Dockerfile"))
            .arg(&context);
        run_command(command)?;
        let said = capture(self.buildah(["inspect", "--type=image", name]))?;
        let said: Value = serde_json::from_str(&said).map_err(|error| error.to_string())?;
        let config = &said["Docker"]["config"];
        let healthy = &config["Healthcheck"]["Test"];
        let itself = format!("/{name}");
        let expected = if name == "signalbus" {
            healthy[0] == "NONE"
        } else {
            healthy[0] == "CMD" && healthy[1] == *itself && healthy[2] == "--health"
        };
        if config["User"] != USER || config["Entrypoint"][0] != *itself || !expected {
            return Err(format!("the image says {config}"));
        }
        let container = self.container(name)?;
        // It starts: a program that is linked to something would not.
        let help = self.buildah(["run", &container, "--", &itself, "--help"]);
        let help = capture(help)?;
        if !help.contains("Usage: ") {
            return Err(format!("{name} says {help}"));
        }
        for shell in ["/bin/sh", "/bin/bash", "/busybox/sh"] {
            if works(self.buildah(["run", &container, "--", shell, "-c", "true"])) {
                return Err(format!("there is {shell} in the image"));
            }
        }
        Ok(Done::Ran("static, as 65532, without a shell".to_owned()))
    }

    fn container(&self, image: &str) -> Result<String, String> {
        let name = capture(self.buildah(["from", &self.policy(), image]))?;
        Ok(name.trim().to_owned())
    }

    /// Runs a server in its image until its own health check says that it is ready.
    fn start(&self, name: &str) -> Result<Done, String> {
        let container = self.container(name)?;
        let listener =
            std::net::TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        drop(listener);
        let listen = format!("--env=SIGNALBUS_LISTEN={address}");
        let program = format!("/{name}");
        let mut command = self.buildah(["run", &listen, &container, "--", &program]);
        announce(&command);
        let mut server = Server(
            command
                .stdin(Stdio::null())
                .spawn()
                .map_err(|error| cannot_start(&command, &error))?,
        );
        let deadline = Instant::now() + LIMIT;
        loop {
            if works(self.buildah(["run", &listen, &container, "--", &program, "--health"])) {
                break;
            }
            let ended = server.0.try_wait().map_err(|error| error.to_string())?;
            if ended.is_some() || Instant::now() > deadline {
                return Err(format!("{name} does not get ready: {ended:?}"));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        let who = users_of(&program)?;
        if who.is_empty() || who.iter().any(|user| user != "65532") {
            return Err(format!("{program} runs as {who:?}"));
        }
        Ok(Done::Ran("ready, as 65532".to_owned()))
    }
}

/// Stopped when dropped, with what it has started.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let id = self.0.id().to_string();
        // The programs of a chroot are children of children of buildah, which passes the signal on.
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let _ = self.0.wait();
    }
}

/// Which users run a program of this path.
fn users_of(program: &str) -> Result<Vec<String>, String> {
    let mut users = Vec::new();
    let wrong = |error: std::io::Error| error.to_string();
    for entry in fs::read_dir("/proc").map_err(wrong)? {
        let folder = entry.map_err(wrong)?.path();
        // One that ended meanwhile has no files any more.
        let Ok(line) = fs::read(folder.join("cmdline")) else {
            continue;
        };
        if line.split(|byte| *byte == 0).next() != Some(program.as_bytes()) {
            continue;
        }
        let status = fs::read_to_string(folder.join("status")).unwrap_or_default();
        let user = status.lines().find_map(|line| line.strip_prefix("Uid:"));
        users.extend(
            user.and_then(|ids| ids.split_whitespace().next())
                .map(str::to_owned),
        );
    }
    Ok(users)
}
