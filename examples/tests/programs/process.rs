//! An example, as a process.

use std::{
    env::consts::EXE_SUFFIX,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// A run that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(120);

pub(crate) struct Program {
    executable: PathBuf,
    dir: PathBuf,
}

impl Program {
    /// An example that was built with this test, to run in `dir`.
    pub(crate) fn new(name: &str, dir: &Path) -> Self {
        let test = std::env::current_exe().unwrap();
        let target = test.parent().and_then(Path::parent).unwrap();
        let executable = target.join(format!("examples/{name}{EXE_SUFFIX}"));
        assert!(
            executable.exists(),
            "build the examples first: cargo build -p signalbus-examples --examples"
        );
        Self {
            executable,
            dir: dir.to_owned(),
        }
    }

    /// Runs to the end, which must be a good one, and returns what was printed.
    pub(crate) fn run(&self, args: &[&str]) -> String {
        let mut child = self.command().args(args).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let reader = std::thread::spawn(move || std::io::read_to_string(&mut stdout).unwrap());
        let deadline = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                kill(&mut child);
                panic!("still running after {LIMIT:?}");
            }
            sleep(Duration::from_millis(5));
        };
        assert!(status.success(), "{status}");
        reader.join().unwrap()
    }

    /// Starts it, for whoever ends it.
    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        self.command().args(args).spawn().unwrap()
    }

    /// Runs to the end and says how long it took.
    pub(crate) fn timed(&self) -> Duration {
        let began = Instant::now();
        self.run(&[]);
        began.elapsed()
    }

    /// Runs for this long at most, and not a single instruction longer (SIGKILL on Unix). Says
    /// whether it was killed.
    pub(crate) fn kill_after(&self, delay: Duration) -> bool {
        let mut child = self.command().stdout(Stdio::null()).spawn().unwrap();
        sleep(delay);
        let running = child.try_wait().unwrap().is_none();
        kill(&mut child);
        running
    }

    /// The command, for who has other ends for it.
    pub(crate) fn bare(&self) -> Command {
        self.command()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.executable);
        command
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        command
    }
}

pub(crate) fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}
