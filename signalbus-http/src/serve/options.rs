use std::time::Duration;

/// How a server treats its connections.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServeOptions {
    /// Connections at a time: 1,024. More wait in the queue of the system.
    pub connections: usize,
    /// How long a client may take for the head of a request, and stay silent between two: 10 seconds.
    pub head_time: Duration,
    /// How long requests in work may take when the server stops: 20 seconds.
    pub drain: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            connections: 1_024,
            head_time: Duration::from_secs(10),
            drain: Duration::from_secs(20),
        }
    }
}

impl ServeOptions {
    /// Sets the connections at a time.
    #[must_use]
    pub fn with_connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// Sets how long a client may take for the head of a request.
    #[must_use]
    pub fn with_head_time(mut self, time: Duration) -> Self {
        self.head_time = time;
        self
    }

    /// Sets how long requests in work may take when the server stops.
    #[must_use]
    pub fn with_drain(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }
}
