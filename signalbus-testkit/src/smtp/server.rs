use std::sync::Arc;

use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};

use super::{
    Act, Mail, ServerOptions, Step, Visit, books::Books, connection::Connection, script::Script,
};

/// A mail server on a port of its own. When it is dropped, its port is closed and its connections
/// end.
#[derive(Debug)]
pub struct SmtpServer {
    port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: ServerOptions,
    pub(super) script: Script,
    pub(super) books: Books,
}

impl SmtpServer {
    /// Starts it on a free port of this machine.
    ///
    /// # Panics
    /// When there is no port, or outside of a tokio runtime.
    #[expect(clippy::unwrap_used, reason = "documented as a panic")]
    #[expect(clippy::disallowed_methods, reason = "the task ends with the server")]
    pub async fn start(options: ServerOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            options,
            script: Script::default(),
            books: Books::default(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self {
            port,
            shared,
            accepting,
        }
    }

    /// Its port, on `127.0.0.1`.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Does this the next time it comes to the step; several are done in turn.
    pub fn once(&self, step: Step, act: Act) {
        self.shared.script.once(step, act);
    }

    /// Does this whenever it comes to the step.
    pub fn always(&self, step: Step, act: Act) {
        self.shared.script.always(step, act);
    }

    /// Does this whenever this address is in a `RCPT`.
    pub fn recipient(&self, address: &str, act: Act) {
        self.shared.script.recipient(address, act);
    }

    /// Does the usual again.
    pub fn forget_script(&self) {
        self.shared.script.clear();
    }

    /// Waits until it came to this step so many times, and did what it does there.
    pub async fn reached(&self, step: Step, times: usize) {
        let count = |steps: &[Step]| steps.iter().filter(|done| **done == step).count();
        let done = self
            .shared
            .books
            .until(|books| count(&books.steps) >= times);
        done.await;
    }

    /// Waits until so many connections are over.
    pub async fn closed(&self, times: usize) {
        let over = |visits: &[Visit]| visits.iter().filter(|visit| visit.over).count();
        let done = self
            .shared
            .books
            .until(|books| over(&books.visits) >= times);
        done.await;
    }

    /// What came to its content, in order.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.shared.books.read(|books| books.mails.clone())
    }

    /// The connections, in order.
    #[must_use]
    pub fn visits(&self) -> Vec<Visit> {
        self.shared.books.read(|books| books.visits.clone())
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The connections end with this future.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        // An accept fails when the client has gone already.
        if let Ok((stream, _)) = listener.accept().await {
            connections.spawn(Connection::run(stream, Arc::clone(&shared)));
            while connections.try_join_next().is_some() {}
        }
    }
}
