use std::{
    error::Error,
    net::TcpListener,
    process::{Child as Process, Command, ExitStatus},
    time::Duration,
};

use signalbus_examples::servers::Program;

use crate::{KEY, backing::Backing};

/// One of the three servers as a process. Killed when it is dropped.
pub(crate) struct Child {
    program: Program,
    process: Process,
    address: String,
}

/// How long one may take to begin or to stop.
const TRIES: u32 = 600;
const PAUSE: Duration = Duration::from_millis(100);

impl Child {
    pub(crate) fn start(program: Program, backing: &Backing) -> Result<Self, Box<dyn Error>> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(program.name());
        // What is set for others is not for it.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SIGNALBUS_")) {
            command.env_remove(name);
        }
        command
            .env("SIGNALBUS_LISTEN", &address)
            .env("SIGNALBUS_LOG", "warn")
            .env(backing.bus.0, &backing.bus.1)
            .env("SIGNALBUS_SIGNUP_TOPIC", backing.topic("user_signup"))
            .env("SIGNALBUS_NOTIFY_TOPIC", backing.topic("notifications"))
            .env("SIGNALBUS_TOPICS", "");
        if program == Program::Api {
            command.env("SIGNALBUS_API_KEY", KEY);
        } else {
            command
                .env("SIGNALBUS_DATABASE_URL", &backing.database_url)
                .env("SIGNALBUS_GROUP", &backing.run);
        }
        Ok(Self {
            program,
            process: command.spawn()?,
            address,
        })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.program.name()
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn wait_until_ready(&self) -> Result<(), Box<dyn Error>> {
        let client = reqwest::Client::new();
        for _ in 0..TRIES {
            let answer = client.get(self.url("/readyz")).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(format!("{} does not get ready", self.name()).into())
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> Result<(), Box<dyn Error>> {
        let id = self.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status()?;
        for _ in 0..TRIES {
            if let Some(status) = self.process.try_wait()? {
                return self.ended(status);
            }
            std::thread::sleep(PAUSE);
        }
        Err(format!("{} does not stop", self.name()).into())
    }

    fn ended(&self, status: ExitStatus) -> Result<(), Box<dyn Error>> {
        if status.success() {
            Ok(())
        } else {
            Err(format!("{} ended with {status}", self.name()).into())
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended; then there is nobody to kill.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
